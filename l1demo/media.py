"""Sound of M4A, MP4, WebM and Matroska, which libsndfile does not know: FFmpeg's, through PyAV, from memory and within limits.

PyAV is loaded only where such a file is decoded. What FFmpeg would believe of a header and pay for in memory is judged before it.
"""

import io
import re
from typing import TYPE_CHECKING

import numpy as np

from l1demo.containers import Container
from l1demo.limits import MAX_SECONDS, AudioError, check_claim, check_missing, check_shape, undecodable
from l1demo.text import _

if TYPE_CHECKING:
    from av.audio.stream import AudioStream
    from av.container import InputContainer

DEMUXERS = {"M4A": "mov", "MP4": "mov", "WebM": "matroska", "Matroska": "matroska"}  # no playlist can name another file
CODECS = {"aac": "AAC", "opus": "OPUS", "vorbis": "VORBIS", "mp3float": "MPEG_LAYER_III"}  # FFmpeg's decoders; all give float32
OPTIONS = {"codec_whitelist": ",".join(CODECS)}  # of what FFmpeg opens to learn about the tracks: no picture is decoded
SIZES = re.compile(rb"(?:stsz|stz2).{8}(.{4})", re.DOTALL)  # how many samples an MP4's tables claim (ISO 14496-12, 8.7 and 8.8)
COUNTS = re.compile(rb"(?:trun|stco|co64|stts|ctts|stsc).{4}(.{4})", re.DOTALL)
CHUNKS = re.compile(rb"stsc.{4}(.{4})", re.DOTALL)
EDITS = re.compile(rb"elst.{4}(.{4})", re.DOTALL)  # each of which may repeat all samples
MAX_ENTRIES = 50_000  # of all tables together: 30 s of the shortest packets of Opus are 12,000
MAX_EDITS = 20
PADDING = {"mov": 0, "matroska": 3}  # packets that a duration counts, and that are the coder's delay or fill the last one
PROTECTED = re.compile(rb"stsd.{12}(?:enca|drms)", re.DOTALL)  # ISO 14496-12, 8.12; drms is iTunes' own


def decode(container: Container) -> tuple[np.ndarray, int, str]:
    """Decode the first track of sound, to its end or a sample beyond 30 s.

    Returns
    -------
    samples : ndarray of float32, shape (n, channels)
    rate : int
    codec : str
        Named as libsndfile would.

    Raises
    ------
    AudioError
        When there is no sound in it, its coding is not one of ``CODECS``, it is protected, its header claims too much, or it is cut
        off.
    """
    import av
    from av.error import FFmpegError

    demuxer = DEMUXERS[container.name]
    if demuxer == "mov":
        _check_header(container)
    try:
        with av.open(io.BytesIO(container.data), "r", format=demuxer, options=OPTIONS, metadata_errors="replace") as file:
            stream = _first_sound(container, file)
            rate, channels = stream.codec_context.sample_rate, stream.codec_context.channels
            check_shape(rate, channels)
            promised = _promised(container, file, stream)
            check_claim(promised)
            samples = _read_frames(container, file, stream, bool(promised))
            padding = PADDING[demuxer] * (stream.codec_context.frame_size or 0) / rate
            check_missing(promised - padding - len(samples) / rate, promised)
            return samples, rate, CODECS[stream.codec_context.name]
    except FFmpegError as error:
        raise undecodable(container.name) from error


def _check_header(container: Container) -> None:
    header = _without_samples(container.data)
    for claimed, most in ((_claimed_entries(header), MAX_ENTRIES), (_sum_of(EDITS, header), MAX_EDITS)):
        if claimed > most:
            raise AudioError(
                _(
                    "The {container} file's header claims that its sound comes in {n:,} pieces; at most {most:,} can be read. "
                    "Cut out the part you need."
                ).format(container=container.name, n=claimed, most=most)
            )
    if b"cmov" in header:
        raise undecodable(container.name)  # compressed, as QuickTime once did: its tables cannot be judged from here
    if PROTECTED.search(header):
        raise AudioError(
            _("The {container} file is protected against copying; take another, or record the words yourself.").format(
                container=container.name
            )
        )


def _claimed_entries(header: bytes) -> int:
    # FFmpeg reserves and fills memory for each, in the file or not: gigabytes for a file of some kilobytes
    longest = 0  # run of samples in a chunk
    for table in CHUNKS.finditer(header):
        rows = header[table.end() :][: 12 * min(MAX_ENTRIES, int.from_bytes(table.group(1)))]
        per_chunk = np.frombuffer(rows[: len(rows) // 12 * 12], ">u4")[1::3]
        longest += int(per_chunk.max(initial=0))
    return longest + _sum_of(SIZES, header) + _sum_of(COUNTS, header)


def _sum_of(counts: re.Pattern[bytes], header: bytes) -> int:
    return sum(int.from_bytes(count.group(1)) for count in counts.finditer(header))


def _without_samples(data: bytes) -> bytes:
    at, kept = 0, []
    while at + 8 <= len(data):
        size, name, least = int.from_bytes(data[at : at + 4]), data[at + 4 : at + 8], 8
        if size == 1:
            size, least = int.from_bytes(data[at + 8 : at + 16]), 16
        size = max(size, least) if size else len(data)
        if name != b"mdat":
            kept.append(data[at : at + size])
        at += size
    return b"".join(kept)


def _first_sound(container: Container, file: "InputContainer") -> "AudioStream":
    if not file.streams.audio:
        raise AudioError(
            _("There is no sound in the {container} file; record or export it again, with its sound.").format(
                container=container.name
            )
        )
    stream = file.streams.audio[0]
    if not stream.codec_context:
        raise undecodable(container.name)
    if (name := stream.codec_context.name) not in CODECS:
        raise AudioError(
            _("The {container} file's sound is coded as {name}, which cannot be read; save it as AAC, Opus, WAV or MP3.").format(
                container=container.name, name=name.upper()
            )
        )
    return stream


def _promised(container: Container, file: "InputContainer", stream: "AudioStream") -> float:
    if not container.promises:
        return 0.0
    if stream.duration is not None and stream.time_base:
        return max(0.0, float(stream.duration * stream.time_base))
    return max(0.0, (file.duration or 0) / 1e6)


def _read_frames(container: Container, file: "InputContainer", stream: "AudioStream", promised: bool) -> np.ndarray:
    from av.error import FFmpegError

    rate, channels = stream.codec_context.sample_rate, stream.codec_context.channels
    most = int(MAX_SECONDS * rate) + 1
    blocks, got = [np.zeros((channels, 0), np.float32)], 0
    frames = file.decode(stream)
    while got < most:
        try:
            frame = next(frames, None)
        except FFmpegError:
            if not promised:
                raise
            break  # what was decoded so far is judged against what the header promised
        if frame is None:
            break
        if (frame.sample_rate, frame.layout.nb_channels) != (rate, channels):
            raise undecodable(container.name)
        blocks.append(np.asarray(frame.to_ndarray(), np.float32))  # (channels, n)
        got += frame.samples
    return np.ascontiguousarray(np.concatenate(blocks, axis=1).T[:most])
