"""Recordings and archives that are not what they say: made by a seed, each with words that its sentence must hold.

What is still a sound after its hurt is not among them: a flipped sample is a click, half of a browser's recording (whose header
tells no length) is a shorter recording, noise in the body of a WAV is noise, and an archive with a prefix is how installers look.
"""

import struct
from collections.abc import Iterator

import numpy as np
from sounds import encode, encode_media, encode_pictures, sine

Case = tuple[str, bytes, str]  # a file's name, its bytes, and a regular expression that its sentence must match
DAMAGED = "cannot be decoded|missing|cut off|no sound|long; speak|not a recording|is empty|only silence|Every sample is 0"


def patched(data: bytes, at: int, form: str, *values: float) -> bytes:
    changed = bytearray(data)
    struct.pack_into(form, changed, at, *values)
    return bytes(changed)


def in_table(data: bytes, table: bytes, at: int, form: str, *values: int) -> bytes:
    return patched(data, data.index(table) + 4 + at, form, *values)


def good() -> dict[str, bytes]:
    """One whole recording of each kind, 0.5 s of a tone, with noise that no coding makes nothing of."""
    wave = sine(seconds=0.5) + 0.01 * np.random.default_rng(0).standard_normal(8_000)
    return {
        "pcm.wav": encode(wave),
        "float.wav": encode(wave, coding="FLOAT"),
        "adpcm.wav": encode(wave, coding="IMA_ADPCM"),
        "sound.flac": encode(wave, container="FLAC"),
        "vorbis.ogg": encode(wave, container="OGG", coding="VORBIS"),
        "sound.opus": encode(wave, container="OGG", coding="OPUS"),
        "sound.mp3": encode(wave, container="MP3"),
        "sound.m4a": encode_media(wave, 16_000, "ipod", "aac"),
        "fragments.mp4": encode_media(wave, 16_000, "mp4", "aac", movflags="frag_keyframe+empty_moov"),
        "opus.mp4": encode_media(wave, 16_000, "mp4", "libopus"),
        "sound.webm": encode_media(wave, 16_000),
        "sound.mka": encode_media(wave, 16_000, "matroska", "aac"),
    }


def recordings() -> list[Case]:
    """All malformed recordings; the same in every run."""
    return [*_hurt(), *_wav_headers(), *_other_headers(), *_unfit(), *_containers(), *_texts(), *_other_files(), *_noise()]


def _hurt() -> Iterator[Case]:
    generator = np.random.default_rng(1)
    for name, data in good().items():
        for part in (0.01, 0.02, 0.1, 0.25, 0.5, 0.75):
            yield f"cut-{part}-{name}", data[: max(1, round(part * len(data)))], DAMAGED
        for size in (1, 3, 11):
            yield (
                f"start-{size}-{name}",
                data[:size],
                "not a recording|cut off|cannot be decoded|text file|missing from its last page",
            )
        yield f"magic-{name}", b"\x17\x99\x00\x01\x05\x06\x07\x08\x81\x82" + data[10:], "not a recording"
        yield f"zeros-{name}", data[:44] + bytes(len(data) - 44), DAMAGED
        yield f"backwards-{name}", data[::-1], "not a recording"
        if not name.endswith("wav"):
            yield f"rubbish-{name}", data[:48] + generator.bytes(2000), DAMAGED + "|coded as|claims"


def _wav_headers() -> Iterator[Case]:
    wav = good()["pcm.wav"]  # fmt at 12: codec 20, channels 22, rate 24, bytes a second 28, block 32, bits 34; data at 36
    for rate in (0, 1, 7_999, 96_001, 192_000, 2**31, 2**32 - 1):
        yield f"rate-{rate}.wav", patched(wav, 24, "<I", rate), f"rate is {rate:,} Hz"
    for channels in (0, 3, 6, 255, 65_535):
        yield f"channels-{channels}.wav", patched(wav, 22, "<H", channels), f"claims {channels} channels"
    for codec, name in (
        (0, "0x0000"),
        (0x31, "GSM"),
        (0x50, "MPEG"),
        (0x55, "MP3"),
        (0xFF, "AAC"),
        (0x161, "WMA"),
        (0x4321, "0x4321"),
    ):
        yield f"codec-{codec:x}.wav", patched(wav, 20, "<H", codec), f"coded as {name}"
    for bits in (0, 77, 65_535):
        yield f"bits-{bits}.wav", patched(wav, 34, "<H", bits), "cannot be decoded"
    for seconds in (31, 3600, 60_000):
        yield f"claims-{seconds}-s.wav", patched(wav, 40, "<I", 32_000 * seconds), "claims .* of sound; at most 30 s"
    yield "claims-double.wav", patched(wav, 40, "<I", 32_000), "promises 1.00 s, but 0.50 s"
    for size in (2**20, 2**31, 2**32 - 1):
        yield f"fmt-of-{size}.wav", patched(wav, 16, "<I", size), "cut off in its header"
    yield "fmt-of-0.wav", patched(wav, 16, "<I", 0), "cut off in its header|cannot be decoded"
    yield "no-fmt.wav", wav[:12] + wav[36:], "cannot be decoded"
    yield "no-data.wav", wav[:36], "cut off in its header"
    yield "only-riff.wav", wav[:12], "cut off in its header"
    yield "two-riffs.wav", wav[:12] + wav[:12], "cut off in its header"
    yield "data-first.wav", wav[:12] + wav[36:] + wav[12:36], "cannot be decoded"
    yield "empty-data.wav", encode(np.zeros(0)), "no sound in the file: 0 samples"
    yield "empty-chunks.wav", wav[:12] + b"LIST\0\0\0\0" * 100, "cut off in its header"
    yield "only-a-list.wav", wav[:12] + b"LIST" + struct.pack("<I", 400) + bytes(400), "cut off in its header"
    yield "size-beyond.wav", wav[:12] + b"LIST" + struct.pack("<I", 2**31) + wav[12:], "cut off in its header"


def _other_headers() -> Iterator[Case]:
    whole = good()
    flac, ogg, mp3 = whole["sound.flac"], whole["vorbis.ogg"], whole["sound.mp3"]
    fields = int.from_bytes(flac[18:26], "big")  # 20 bits of rate, 3 of channels, 5 of depth, 36 of samples
    for seconds in (31, 36_000):
        claim = (fields >> 36 << 36 | 16_000 * seconds).to_bytes(8, "big")
        yield f"claims-{seconds}.flac", flac[:18] + claim + flac[26:], "claims .* of sound; at most 30 s"
    yield "claims-double.flac", flac[:18] + (fields + 8_000).to_bytes(8, "big") + flac[26:], "promises 1.00 s, but 0.50 s"
    yield "rate-0.flac", flac[:18] + (fields & (1 << 44) - 1).to_bytes(8, "big") + flac[26:], "cannot be decoded|rate is 0"
    yield "only-header.flac", flac[:42], "promises 0.50 s, but 0.50 s|cannot be decoded"
    yield "only-magic.flac", flac[:4], "cannot be decoded"
    yield "no-frames.flac", flac[:4] + patched(flac[4:42], 0, "B", 0x80), "missing|cannot be decoded"
    yield "only-first-page.ogg", ogg[:58], "cannot be decoded|missing from its last page"
    for name in (b"Speex   ", b"\x80theora", b"fishead\0", b"nothing!"):
        yield f"{name[:5].strip(bytes([128])).decode()}.ogg", ogg[:28] + name + ogg[28 + len(name) :], "coded as “"
    yield "wrong-checksum.ogg", patched(ogg, 22, "<I", 0), "cannot be decoded"
    yield "only-pages.ogg", b"OggS\0\2" + bytes(21), "coded as"
    yield "id3.mp3", b"ID3\x04" + bytes(100), "cannot be decoded"
    yield "id3-to-nowhere.mp3", b"ID3\x03\0\0\x7f\x7f\x7f\x7f" + bytes(100), "cannot be decoded"
    yield "tag.mp3", b"TAG" + b"A title".ljust(125, b"\0"), "not a recording"
    yield "one-frame.mp3", mp3[:144], DAMAGED
    yield "frames-of-nothing.mp3", (mp3[:4] + bytes(140)) * 4, DAMAGED
    yield "layer-2.mp3", b"\xff\xfd\x90\xc4" + bytes(1000), "not a recording"


def _unfit() -> Iterator[Case]:
    wave = sine(seconds=0.5)
    for name, value in (("nan", np.nan), ("infinity", np.inf), ("minus-infinity", -np.inf)):
        for at in (0, 4_000, 7_999):
            changed = wave.copy()
            changed[at] = value
            yield f"{name}-{at}.wav", encode(changed, coding="FLOAT"), "1 samples are not numbers"
            yield f"{name}-{at}-double.wav", encode(changed, coding="DOUBLE"), "1 samples are not numbers"
    yield "all-nan.wav", encode(np.full(8_000, np.nan), coding="FLOAT"), "8,000 samples are not numbers"
    for container, coding in (("WAV", None), ("FLAC", None), ("OGG", "VORBIS"), ("MP3", None)):
        end = container.lower()
        yield f"silent.{end}", encode(np.zeros(8_000), container=container, coding=coding), "Every sample is 0|only silence"
        yield f"short.{end}", encode(wave[:500], container=container, coding=coding), "speak for at least|cannot be decoded"
        yield f"long.{end}", encode(sine(seconds=31), container=container, coding=coding), "at most 30 s|longer than 30 s"
        if container != "MP3":
            yield f"rate.{end}", encode(sine(rate=192_000), 192_000, container, coding), "192,000 Hz"
            yield f"surround.{end}", encode(np.zeros((8_000, 6)), container=container, coding=coding), "claims 6 channels"
    for end, container, coding in (("m4a", "ipod", "aac"), ("webm", "webm", "libopus"), ("mp4", "mp4", "libopus")):
        rate = 48_000
        yield f"silent.{end}", encode_media(np.zeros(rate), rate, container, coding), "Every sample is 0|only silence"
        yield f"short.{end}", encode_media(sine(seconds=0.03, rate=rate), rate, container, coding), "speak for at least"
        yield f"long.{end}", encode_media(sine(seconds=31, rate=rate), rate, container, coding), "claims 31.* at most 30 s"
        yield f"surround.{end}", encode_media(np.zeros((rate, 6)), rate, container, coding), "claims 6 channels"
    yield "long-and-unsaid.webm", encode_media(sine(seconds=31), 16_000, live=True), "longer than 30 s"
    yield "quiet.wav", encode(sine(peak=1e-4), coding="PCM_24"), "only silence"
    yield "constant.wav", encode(np.full(8_000, 0.3)), "only silence"
    yield "too-large.wav", encode(wave) + bytes(11 * 2**20), "at most 10 MB"
    yield "gsm.wav", encode(sine(rate=8_000), 8_000, coding="GSM610"), "coded as GSM"


def _containers() -> Iterator[Case]:
    whole = good()
    m4a, fragments, webm = whole["sound.m4a"], whole["fragments.mp4"], whole["sound.webm"]
    for count in (10**5, 10**7, 2**31, 2**32 - 1):
        yield f"stsz-{count}.m4a", in_table(m4a, b"stsz", 4, ">II", 1, count), "claims that its sound comes in"
        yield f"stsc-{count}.m4a", in_table(m4a, b"stsc", 12, ">I", count), "claims that its sound comes in"
        yield f"trun-{count}.mp4", in_table(fragments, b"trun", 0, ">II", 0, count), "claims that its sound comes in"
        yield f"elst-{count}.m4a", in_table(m4a, b"elst", 4, ">I", count), "comes in .* pieces; at most 20"
    for form in (b"enca", b"drms"):
        yield f"{form.decode()}.m4a", m4a.replace(b"mp4a", form, 1), "protected against copying"
    for box in (b"trak", b"mdia", b"minf", b"stbl", b"stsd", b"mdhd", b"stsz", b"stco"):
        yield f"no-{box.decode()}.m4a", m4a.replace(box, b"free", 1), DAMAGED
    yield "cmov.m4a", m4a.replace(b"moov", b"cmov", 1), "cannot be decoded"
    yield "claims-hours.m4a", _with_duration(m4a, 16_000 * 3600 * 5), "claims 5.0 hours"
    yield "only-ftyp.m4a", m4a[:28], "cannot be decoded"
    yield "box-of-0.m4a", m4a[:28] + bytes(400), "cannot be decoded"
    yield "lossless.m4a", encode_media(sine(), 16_000, "ipod", "alac"), "coded as ALAC"
    yield "pictures.mp4", encode_pictures(), "no sound in the MP4"
    yield "pictures.webm", encode_pictures("webm", "libvpx"), "no sound in the WebM"
    yield "plain.mka", encode_media(sine(), 16_000, "matroska", "pcm_s16le"), "coded as PCM_S16LE"
    yield "other-codec.webm", webm.replace(b"A_OPUS", b"A_XXXX", 1), "cannot be decoded|coded as"
    yield "only-ebml.webm", webm[:36], "cannot be decoded"
    yield "claims-hours.webm", _with_webm_duration(webm, 5 * 3600e3), "claims 5.0 hours"


def _with_duration(m4a: bytes, samples: int) -> bytes:
    scale = int.from_bytes(m4a[m4a.index(b"mdhd") + 16 :][:4], "big")
    stretched = in_table(m4a, b"stts", 12, ">I", samples // 8)  # of the first run of packets
    return in_table(stretched, b"mdhd", 16, ">I", samples * scale // 16_000).replace(b"elst", b"free", 1)


def _with_webm_duration(webm: bytes, milliseconds: float) -> bytes:
    return patched(webm, webm.index(b"\x44\x89\x88") + 3, ">d", milliseconds)


TEXTS = {
    "readme.wav": "This is not a recording.\n",
    "page.mp3": "<!DOCTYPE html><html><body>404 Not Found</body></html>",
    "data.flac": '{"words": ["yes", "no"]}',
    "table.ogg": "file,label\na.wav,yes\n",
    "playlist.m4a": "#EXTM3U\n#EXTINF:10,\nfile:///etc/passwd\n",
    "segments.mp4": "#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nhttp://127.0.0.1:9/a.ts\n#EXT-X-ENDLIST\n",
    "concat.webm": "ffconcat version 1.0\nfile /etc/passwd\n",
    "session.mp4": "v=0\no=- 0 0 IN IP4 127.0.0.1\nm=audio 9 RTP/AVP 0\n",
    "manifest.m4a": '<?xml version="1.0"?><MPD><BaseURL>http://127.0.0.1:9/</BaseURL></MPD>',
    "picture.wav": '<svg xmlns="http://www.w3.org/2000/svg"/>',
    "script.wav": "import os\nos.system('true')\n",
    "pointer.wav": "version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 16044\n",
    "letters.wav": "A",
    "chinese.wav": "这是一个文本文件。" * 9,
    "backwards.wav": "\u202ethis goes the other way",
    "many-lines.wav": "\n" * 2000 + "a",
}


def _texts() -> Iterator[Case]:
    for name, text in TEXTS.items():
        yield name, text.encode(), "text file|not a recording"
    yield "utf-16.wav", "hello".encode("utf-16"), "text file"
    yield "bom.wav", b"\xef\xbb\xbf", "text file|not a recording"
    yield "empty.wav", b"", "is empty"
    yield "empty.m4a", b"", "is empty"
    yield "empty.webm", b"", "is empty"


OTHER_FILES = {
    "PNG": b"\x89PNG\r\n\x1a\n",
    "JPEG": b"\xff\xd8\xff\xe0\0\x10JFIF\0",
    "HEIC": b"\0\0\0\x18ftypheic",
    "AVIF": b"\0\0\0\x1cftypavif",
    "PDF": b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n",
    "ZIP": b"PK\x03\x04",
    "MIDI": b"MThd\0\0\0\x06",
    "AMR": b"#!AMR\n",
    "WMA": b"\x30\x26\xb2\x75\x8e\x66\xcf\x11",
    "AAC": b"\xff\xf1\x50\x80",
    "RF64": b"RF64\xff\xff\xff\xffWAVE",
}
UNKNOWN_FILES = {
    "gif": b"GIF89a\x01\0\x01\0\x80\0\0",
    "bmp": b"BM\x36\0\0\0\0\0\0\0",
    "gzip": b"\x1f\x8b\x08\0",
    "7z": b"7z\xbc\xaf\x27\x1c",
    "rar": b"Rar!\x1a\x07\x01\0",
    "elf": b"\x7fELF\x02\x01\x01\0",
    "exe": b"MZ\x90\0\x03\0\0\0",
    "sqlite": b"SQLite format 3\0",
    "pickle": b"\x80\x04\x95\x10\0\0\0\0\0\0\0\x8c\x05posix",
    "flv": b"FLV\x01\x04\0\0\0\x09",
    "avi": b"RIFF\x24\x10\0\0AVI LIST",
    "webp": b"RIFF\x24\x10\0\0WEBPVP8 ",
    "ts": b"G@\0\x10\0\0\xb0\x0d",
    "quicktime-without-a-name": b"\0\0\0\x08wide\0\0\1\0mdat",
}


def _other_files() -> Iterator[Case]:
    filler = np.random.default_rng(2).bytes(1500)
    for kind, start in OTHER_FILES.items():
        yield f"{kind.lower()}.wav", start + filler, f"of kind .*{kind}"
    for kind, start in UNKNOWN_FILES.items():
        yield f"{kind}.wav", start + filler, "not a recording that can be read: 1,5"
    for kind, name in (("AIFF", "AIFF"), ("AU", "AU"), ("CAF", "Core Audio"), ("W64", "Wave64"), ("RF64", "RF64"), ("SVX", "AIFF")):
        yield f"real.{kind.lower()}.wav", encode(sine(), container=kind), f"of kind {name}"


def _noise() -> Iterator[Case]:
    generator = np.random.default_rng(3)
    for size in (2, 5, 16, 64, 300, 1_000, 65_536):
        yield f"noise-{size}.wav", b"\x93" + generator.bytes(size), "not a recording"
        yield f"zeros-{size}.wav", bytes(size), "not a recording"
