"""Sounds as files, for tests: what libsndfile writes, and what FFmpeg writes for phones and browsers."""

import io
from typing import Any

import av
import numpy as np
import pytest
import soundfile

from l1demo import audio


def sine(hertz: float = 440.0, seconds: float = 1.0, rate: int = 16_000, peak: float = 0.5) -> np.ndarray:
    return peak * np.sin(2 * np.pi * hertz * np.arange(round(seconds * rate)) / rate)


def with_checksums(data: bytes) -> bytes:
    """Give every whole Ogg page its right checksum (RFC 3533, 6), so that mutations reach the codec."""
    changed, at = bytearray(data), 0
    while changed[at : at + 4] == b"OggS" and at + 27 < len(changed):
        body = at + 27 + changed[at + 26]
        end = body + sum(changed[at + 27 : body])
        changed[at + 22 : at + 26] = bytes(4)
        checksum = 0
        for byte in changed[at:end]:
            checksum = (checksum << 8) & 0xFFFFFFFF ^ CHECKSUMS[checksum >> 24 ^ byte]
        changed[at + 22 : at + 26] = checksum.to_bytes(4, "little")
        at = end
    return bytes(changed[: len(data)])


def checksum_of_byte(byte: int) -> int:
    value = byte << 24
    for _ in range(8):
        value = (value << 1) & 0xFFFFFFFF ^ (0x04C11DB7 if value >> 31 else 0)
    return value


CHECKSUMS = [checksum_of_byte(byte) for byte in range(256)]


def encode(samples: np.ndarray, rate: int = 16_000, container: str = "WAV", coding: str | None = None, **options: Any) -> bytes:
    file = io.BytesIO()
    soundfile.write(file, samples, rate, format=container, subtype=coding, **options)
    return _undated(file.getvalue())


def _undated(data: bytes) -> bytes:
    """Take out what libsndfile draws or dates anew in every file: an Ogg stream's number, and when a WAV's peak was looked for."""
    if data[:4] == b"OggS":
        return with_checksums(data.replace(data[14:18], b"L1sp"))
    peak = data.find(b"PEAK", 12, 80)
    return data if peak < 0 else data[: peak + 12] + bytes(4) + data[peak + 16 :]


class _Pipe:
    """A file that cannot go back to write a length into its header, as what a browser's recorder writes to."""

    def __init__(self, file: io.BytesIO) -> None:
        self.write = file.write


def encode_media(
    samples: np.ndarray, rate: int = 48_000, container: str = "webm", coding: str = "libopus", live: bool = False, **options: str
) -> bytes:
    """Write samples of shape (n,) or (n, channels) by FFmpeg; ``live`` as a stream whose length is not known."""
    channels = np.atleast_2d(np.asarray(samples, np.float32).T)  # (channels, n)
    layout = {1: "mono", 2: "stereo", 6: "5.1"}[len(channels)]
    file = io.BytesIO()
    with av.open(
        _Pipe(file) if live else file,
        "w",
        format=container,
        options={"fflags": "bitexact", **options, **({"live": "1"} if live else {})},
    ) as out:
        stream = out.add_stream(coding, rate=rate, layout=layout)
        for frame in _frames(stream, channels, rate, layout):
            out.mux(stream.encode(frame))
    return file.getvalue()


def _frames(stream: Any, channels: np.ndarray, rate: int, layout: str) -> list[av.AudioFrame | None]:
    context = stream.codec_context
    resampler = av.AudioResampler(context.format.name, layout, rate, context.frame_size or None)
    sound = av.AudioFrame.from_ndarray(np.ascontiguousarray(channels, np.float32), "fltp", layout)
    sound.sample_rate = rate
    return [*resampler.resample(sound), *resampler.resample(None), None]


def encode_pictures(container: str = "mp4", coding: str = "mpeg4", sound: np.ndarray | None = None) -> bytes:
    """Write a second of film, without sound or with mono samples at 48 kHz."""
    file = io.BytesIO()
    with av.open(file, "w", format=container, options={"fflags": "bitexact"}) as out:
        pictures = out.add_stream(coding, rate=10)
        pictures.width, pictures.height, pictures.pix_fmt = 64, 64, "yuv420p"
        voice = out.add_stream("libopus", rate=48_000, layout="mono") if sound is not None else None
        for shade in range(10):
            out.mux(pictures.encode(av.VideoFrame.from_ndarray(np.full((64, 64, 3), 20 * shade, np.uint8), "rgb24")))
        out.mux(pictures.encode(None))
        for frame in _frames(voice, np.atleast_2d(sound), 48_000, "mono") if voice else ():
            out.mux(voice.encode(frame))
    return file.getvalue()


def is_refused(data: bytes, sentence: str, capfd: pytest.CaptureFixture[str]) -> None:
    """Check that a hostile file ends in one sentence and nothing else."""
    with pytest.raises(audio.AudioError) as caught:
        audio.read(data)
    assert sentence in str(caught.value)
    assert "\n" not in str(caught.value)
    assert capfd.readouterr().err == ""
