"""A file's bytes to its samples: those of the commonest WAV as they stand, libsndfile's, or ``media``'s for the rest.

What a file claims to be is judged in ``containers`` before; what its sound is worth, in ``audio`` after.
"""

import contextlib
import io
import os
import threading
from collections.abc import Iterator

import numpy as np
import soundfile

from l1demo import media
from l1demo.containers import Container, identify
from l1demo.limits import MAX_BYTES, MAX_SECONDS, AudioError, check_claim, check_length, check_missing, check_shape, undecodable
from l1demo.text import _

BLOCK = 4096  # samples decoded at a time: so little is lost before the place where a file is cut off
UNKNOWN_FRAMES = 2**60  # libsndfile says its largest number where a stream does not tell its length

_stderr = threading.Lock()


def decode(data: bytes) -> tuple[np.ndarray, int, str, str]:
    """Decode a file of 0.1 to 30 s.

    Returns
    -------
    samples : ndarray of float32, shape (n, channels)
    rate : int
    container, codec : str
        ``containers``' name of the one, libsndfile's of the other.

    Raises
    ------
    AudioError
        When it is too large or too long, of no kind that is known, or damaged.
    """
    if len(data) > MAX_BYTES:
        raise AudioError(
            _("The file has {n:.2f} MB; at most {most:g} MB can be read. Cut out the part you need.").format(
                n=len(data) / 2**20, most=MAX_BYTES / 2**20
            )
        )
    container = identify(data)
    if container.name in media.DEMUXERS:
        samples, rate, codec = media.decode(container)
    else:
        samples, rate, codec = (_take_pcm if container.pcm else _decode_plain)(container)
    check_length(len(samples), rate)
    return samples, rate, container.name, codec


class _Forward(soundfile.SoundFile):
    """Reads to the end without seeking, so that a wrong length in a header is neither believed nor an error."""

    def seekable(self) -> bool:
        return False


def _take_pcm(container: Container) -> tuple[np.ndarray, int, str]:
    assert container.pcm
    samples = np.frombuffer(container.data[container.pcm.start : container.pcm.stop], "<i2").reshape(-1, container.pcm.channels)
    return samples * np.float32(1 / 32768), container.pcm.rate, "PCM_16"  # as libsndfile, in a tenth of its time


def _decode_plain(container: Container) -> tuple[np.ndarray, int, str]:
    with _quiet() if container.name == "MP3" else contextlib.nullcontext():
        try:
            with _Forward(io.BytesIO(container.data)) as file:
                check_shape(file.samplerate, file.channels)
                promised = file.frames / file.samplerate if container.promises and file.frames < UNKNOWN_FRAMES else 0.0
                check_claim(promised)
                samples = _read_blocks(file, bool(promised))  # (n, channels)
                check_missing(promised - len(samples) / file.samplerate, promised)
                return samples, file.samplerate, file.subtype
        except soundfile.SoundFileError as error:
            raise undecodable(container.name) from error


def _read_blocks(file: soundfile.SoundFile, promised: bool) -> np.ndarray:
    most = int(MAX_SECONDS * file.samplerate) + 1
    blocks: list[np.ndarray] = []
    got = 0
    while got < most:
        try:
            block = file.read(min(BLOCK, most - got), dtype="float32", always_2d=True)
        except soundfile.SoundFileError:
            if not promised:
                raise
            break  # what was decoded so far is judged against what the header promised
        if not len(block):
            break
        blocks.append(block)
        got += len(block)
    return np.concatenate(blocks) if blocks else np.zeros((0, file.channels), np.float32)


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Keep libmpg123, which writes its complaints to the process's own stderr, from speaking to the person."""
    with _stderr:
        kept = os.dup(2)
        try:
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, 2)
            os.close(nowhere)
            yield
        finally:
            os.dup2(kept, 2)
            os.close(kept)
