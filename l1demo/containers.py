"""What a file says it is, before any decoder sees it: kind, promises of its header, and whether it was cut off.

Only the few header bytes that libsndfile does not check for us are read here; decoding is left to ``decoding``.
"""

import re
import struct
from dataclasses import dataclass

from l1demo.limits import AudioError, check_claim, check_missing, check_shape
from l1demo.text import _

PLAIN_CODECS = {1, 2, 3, 6, 7, 0x11, 0xFFFE}  # PCM, MS ADPCM, float, A-law, µ-law, IMA ADPCM, extensible
CODEC_NAMES = {0x31: "GSM 6.10", 0x50: "MPEG", 0x55: "MP3", 0xFF: "AAC", 0x161: "WMA", 0x162: "WMA Pro", 0x1610: "AAC"}
OGG_CODECS = {b"\x01vorbis": "Vorbis", b"OpusHead": "Opus", b"\x7fFLAC": "FLAC"}
MATROSKA = b"\x1a\x45\xdf\xa3"
MATROSKA_DURATION = re.compile(rb"\x15\x49\xa9\x66.{0,512}?\x44\x89[\x84\x88]", re.DOTALL)  # Info, and Duration in it
PICTURES = (b"heic", b"heix", b"mif1", b"msf1", b"avif")  # brands of MP4's container that hold no sound
FOREIGN = (  # (offset, bytes, name) of what people have on their disks instead
    *((4, b"ftyp" + brand, "HEIC or AVIF, a picture") for brand in PICTURES),
    (0, b"\xff\xf1", "AAC without a container"),
    (0, b"\xff\xf9", "AAC without a container"),
    (0, b"FORM", "AIFF"),
    (0, b".snd", "AU"),
    (0, b"#!AMR", "AMR"),
    (0, b"caff", "Core Audio"),
    (0, b"RF64", "RF64"),
    (0, b"RIFX", "big-endian WAV"),
    (0, b"riff", "Wave64"),
    (0, b"\x30\x26\xb2\x75", "WMA"),
    (0, b"MThd", "MIDI"),
    (0, b"PK\x03\x04", "ZIP"),
    (0, b"%PDF", "PDF"),
    (0, b"\x89PNG", "PNG"),
    (0, b"\xff\xd8\xff", "JPEG"),
)
UNKNOWN_SIZES = {
    0,
    0x7FFFF000,
    0x80000000,
    *range(0xFFFFFF00, 0x100000000),
}  # what browsers, ffmpeg, SoX and arecord write to a pipe


@dataclass(frozen=True)
class Pcm:
    """Where 16-bit samples, little-endian, lie in ``Container.data``: from byte ``start`` to byte ``stop``."""

    start: int
    stop: int
    rate: int
    channels: int


@dataclass(frozen=True)
class Container:
    """A file whose kind is known.

    Attributes
    ----------
    name : str
        ``WAV``, ``FLAC``, ``OGG``, ``MP3``, ``M4A``, ``MP4``, ``WebM`` or ``Matroska``.
    data : bytes
        What to decode: the file, with the unknown length of a streamed WAV filled in.
    promises : bool
        Whether the header tells a length. That of an MP3 without a Xing header is libsndfile's estimate from the first frame's bit
        rate, and several times off where the rate varies; that of a browser's WebM would be FFmpeg's.
    pcm : Pcm or None
        Of the commonest WAV, which needs no decoder.
    """

    name: str
    data: bytes
    promises: bool = True
    pcm: Pcm | None = None


def identify(data: bytes) -> Container:
    """Tell a file's kind from its first bytes.

    Raises
    ------
    AudioError
        When this is none of the kinds in ``Container``, its codec is not supported, its header claims too much, or the file is cut
        off.
    """
    if not data:
        raise AudioError(_("The file is empty (0 bytes); record or export it again."))
    if data[:4] == b"RIFF" and data[8:12] == b"WAVE":
        return _prepare_wav(data)
    if data[:5] == b"OggS\0":
        _check_ogg(data)
        return Container("OGG", data)
    if data[:4] == b"fLaC":
        return Container("FLAC", data)
    frame = _after_id3(data)
    if frame or _is_mp3_frame(data):
        start = data[frame : frame + 200]
        return Container("MP3", data, promises=b"Xing" in start or b"Info" in start)
    if data[4:8] == b"ftyp" and data[8:12] not in PICTURES:
        return Container("M4A" if data[8:11] == b"M4A" else "MP4", data)
    if data[:4] == MATROSKA:
        name = "WebM" if b"webm" in data[:64] else "Matroska"
        return Container(name, data, promises=bool(MATROSKA_DURATION.search(data[:4096])))
    raise _stranger(data)


def _prepare_wav(data: bytes) -> Container:
    at, bytes_per_second = 12, 0
    formats: list[int] = []
    while at + 8 <= len(data):
        name, size = struct.unpack_from("<4sI", data, at)
        body, present = at + 8, len(data) - at - 8
        if name == b"data":
            prepared, length = _prepare_wav_data(data, body, size, present, bytes_per_second)
            return Container("WAV", prepared, pcm=_plain_pcm(data, formats, body, length))
        if size > present:
            break
        if name == b"fmt " and size >= 16:
            bytes_per_second = _wav_bytes_per_second(data, body)
            formats.append(body)
        at = body + size + size % 2
    raise AudioError(
        _("The WAV file is cut off in its header: it has {n:,} bytes and no sound in them; copy or export it again.").format(
            n=len(data)
        )
    )


def _wav_bytes_per_second(data: bytes, body: int) -> int:
    codec, channels, rate, average, block, _bits = struct.unpack_from("<HHIIHH", data, body)
    if codec not in PLAIN_CODECS:
        raise AudioError(
            _("The WAV file's sound is coded as {name}, which cannot be read; save it as WAV (PCM), FLAC, OGG or MP3.").format(
                name=CODEC_NAMES.get(codec, f"0x{codec:04x}")
            )
        )
    check_shape(rate, channels)
    return average if codec in (2, 0x11) else block * rate


def _plain_pcm(data: bytes, formats: list[int], body: int, length: int) -> Pcm | None:
    if len(formats) != 1:
        return None
    codec, channels, rate, _average, block, bits = struct.unpack_from("<HHIIHH", data, formats[0])
    if codec != 1 or bits != 16 or block != 2 * channels:
        return None
    return Pcm(body, body + length // block * block, rate, channels)


def _prepare_wav_data(data: bytes, body: int, size: int, present: int, bytes_per_second: int) -> tuple[bytes, int]:
    if size in UNKNOWN_SIZES and not (size == 0 and _only_chunks_follow(data, body)):
        header = bytearray(data)
        struct.pack_into("<I", header, 4, len(data) - 8)
        struct.pack_into("<I", header, body - 4, present)
        return bytes(header), present
    if bytes_per_second:
        check_claim(size / bytes_per_second)
        check_missing((size - present) / bytes_per_second, size / bytes_per_second)
    return data, min(size, present)


def _only_chunks_follow(data: bytes, at: int) -> bool:
    while at + 8 <= len(data):
        name, size = struct.unpack_from("<4sI", data, at)
        if not name.isascii() or not name.strip().isalnum():
            return False
        at += 8 + size + size % 2
    return at >= len(data)


def _check_ogg(data: bytes) -> None:
    last = data.rfind(b"OggS")
    segments = data[last + 26] if last + 26 < len(data) else 0
    ends = last + 27 + segments + sum(data[last + 27 : last + 27 + segments])
    if ends > len(data):
        raise AudioError(
            _("The OGG file is cut off: at least {n:,} bytes are missing from its last page; copy or export it again.").format(
                n=ends - len(data)
            )
        )
    first = data[27 + data[26] :][:8]
    if not any(first.startswith(magic) for magic in OGG_CODECS):
        name = "".join(chr(byte) for byte in first if 32 <= byte < 127).strip()
        raise AudioError(
            _("The OGG file's sound is coded as “{name}”, which cannot be read; save it as Vorbis, Opus, WAV or FLAC.").format(
                name=name or "?"
            )
        )


def _after_id3(data: bytes) -> int:
    if data[:3] != b"ID3" or len(data) < 10 or data[3] not in (2, 3, 4):
        return 0
    a, b, c, d = data[6:10]  # seven bits each (id3.org, ID3v2.4.0, 6.2)
    return 10 + ((a & 127) << 21 | (b & 127) << 14 | (c & 127) << 7 | (d & 127))


def _is_mp3_frame(data: bytes) -> bool:
    if len(data) < 4 or data[0] != 0xFF or data[1] & 0xE0 != 0xE0:
        return False
    version, layer = data[1] >> 3 & 3, data[1] >> 1 & 3
    return (
        version != 1 and layer == 1 and data[2] >> 4 != 15 and data[2] >> 2 & 3 != 3
    )  # ISO 11172-3, 2.4.2.3: layer III, no reserved value


def _stranger(data: bytes) -> AudioError:
    for offset, magic, name in FOREIGN:
        if data[offset : offset + len(magic)] == magic:
            return AudioError(
                _("This is a file of kind {name}; save the recording as WAV, FLAC, OGG, MP3 or M4A.").format(name=name)
            )
    if text := _as_text(data[:1024]):
        return AudioError(_("This is a text file, not a recording: it begins with “{start}”.").format(start=text[:24]))
    return AudioError(
        _(
            "This is not a recording that can be read: {n:,} bytes, and not the start of a WAV, FLAC, OGG, MP3, M4A or WebM file."
        ).format(n=len(data))
    )


def _as_text(head: bytes) -> str:
    encoding = "utf-16" if head[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8"
    text = head.decode(encoding, errors="ignore")
    lost = len(head) - len(text.encode(encoding, errors="ignore"))
    plain = lost <= 3 and all(c.isprintable() or c in "\t\r\n\f\ufeff" for c in text)
    return " ".join(text.replace("\ufeff", "").split()) or "…" if plain and text else ""
