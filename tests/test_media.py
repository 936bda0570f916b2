"""What phones and browsers record: read as it is, and nothing of a header believed that would cost memory."""

import struct
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from sounds import encode, encode_media, encode_pictures, is_refused, sine

from l1demo import audio

CODINGS = [  # container, coding, rate, options, what the clip is called
    ("ipod", "aac", 44_100, {}, "M4A", "AAC"),
    ("ipod", "aac", 8_000, {}, "M4A", "AAC"),
    ("mp4", "aac", 48_000, {"movflags": "frag_keyframe+empty_moov"}, "MP4", "AAC"),
    ("mp4", "libopus", 48_000, {}, "MP4", "OPUS"),
    ("webm", "libopus", 48_000, {}, "WebM", "OPUS"),
    ("webm", "libopus", 16_000, {}, "WebM", "OPUS"),
    ("matroska", "aac", 44_100, {}, "Matroska", "AAC"),
    ("matroska", "libmp3lame", 44_100, {}, "Matroska", "MPEG_LAYER_III"),
]
AAC = encode_media(sine(rate=44_100), 44_100, "ipod", "aac")
FRAGMENTED = encode_media(sine(rate=44_100), 44_100, "mp4", "aac", movflags="frag_keyframe+empty_moov")
OPUS = encode_media(sine(rate=48_000))
RECORDED = encode_media(sine(rate=48_000), live=True)


def loudest_hertz(samples: np.ndarray, rate: int) -> float:
    spectrum = np.abs(np.fft.rfft(samples * np.hanning(len(samples)), 8 * len(samples)))
    return float(spectrum.argmax() * rate / (8 * len(samples)))


@pytest.mark.parametrize(("container", "coding", "rate", "options", "name", "codec"), CODINGS)
@pytest.mark.parametrize("channels", [1, 2])
def test_every_coding_keeps_pitch_level_and_length(container, coding, rate, options, name, codec, channels) -> None:
    wave = np.repeat(sine(1000, 2, rate)[:, None], channels, axis=1)
    clip = audio.read(encode_media(wave, rate, container, coding, **options), trim=False)
    assert (clip.container, clip.codec, clip.channels) == (name, codec, channels)
    assert clip.source_rate == (48_000 if codec == "OPUS" else rate)
    assert clip.seconds == pytest.approx(2.0, abs=0.3)  # a lossy coding fills its last block: 128 ms of AAC at 8 kHz
    inner = clip.samples[clip.rate // 2 : -clip.rate // 2]
    assert loudest_hertz(inner, clip.rate) == pytest.approx(1000, abs=2)
    assert 20 * np.log10(np.sqrt(2 * np.mean(inner**2)) / 0.5) == pytest.approx(0, abs=0.5)


def test_a_browsers_recording_without_a_length_is_read_to_its_end() -> None:
    assert b"\x44\x89" not in RECORDED[:400]  # Duration
    assert audio.read(RECORDED, trim=False).seconds == pytest.approx(1.0, abs=0.03)
    half = audio.read(RECORDED[: len(RECORDED) // 2], trim=False)  # as where the browser was closed: what came is what there is
    assert 0.3 < half.seconds < 0.7


@pytest.mark.parametrize(("container", "coding"), [("mp4", "mpeg4"), ("webm", "libvpx"), ("matroska", "mpeg4")])
def test_the_sound_of_a_film_is_read(container: str, coding: str) -> None:
    clip = audio.read(encode_pictures(container, coding, sine(1000, rate=48_000)), trim=False)
    assert clip.seconds == pytest.approx(1.0, abs=0.05)
    assert loudest_hertz(clip.samples, clip.rate) == pytest.approx(1000, abs=2)


def patched(data: bytes, table: bytes, at: int, form: str, *values: int) -> bytes:
    changed = bytearray(data)
    struct.pack_into(form, changed, data.index(table) + 4 + at, *values)
    return bytes(changed)


HOSTILE = {
    "half an M4A": (AAC[: len(AAC) // 2], "cannot be decoded"),
    "half a stream of fragments": (FRAGMENTED[: len(FRAGMENTED) // 2], "promises 1.02 s, but 0.5"),
    "half a WebM": (OPUS[: len(OPUS) // 2], "promises 1.01 s, but 0.5"),
    "only pictures": (encode_pictures(), "no sound in the MP4 file"),
    "only pictures in WebM": (encode_pictures("webm", "libvpx"), "no sound in the WebM file"),
    "protected": (AAC.replace(b"mp4a", b"enca", 1), "protected against copying"),
    "bought": (AAC.replace(b"mp4a", b"drms", 1), "protected against copying"),
    "lossless": (encode_media(sine(), 16_000, "ipod", "alac"), "coded as ALAC, which cannot be read"),
    "6 channels": (encode_media(np.zeros((44_100, 6)), 44_100, "ipod", "aac"), "claims 6 channels"),
    "too long": (encode_media(sine(seconds=31, rate=8_000), 8_000, "ipod", "aac"), "claims 31."),
    "too long and unsaid": (encode_media(sine(seconds=31, rate=16_000), 16_000, live=True), "longer than 30 s"),
    "too short": (encode_media(sine(seconds=0.03, rate=48_000)), "s long; speak for at least 0.1 s"),
    "samples that are not there": (patched(AAC, b"stsz", 4, ">II", 1, 10_000_000), "sound comes in 10,000,"),
    "chunks that are not there": (patched(AAC, b"stsc", 12, ">I", 10_000_000), "sound comes in 10,000,"),
    "fragments that are not there": (patched(FRAGMENTED, b"trun", 0, ">II", 0, 10_000_000), "sound comes in 10,000,"),
    "edits": (patched(AAC, b"elst", 4, ">I", 10_000), "sound comes in 10,000 pieces; at most 20"),
    "a compressed header": (AAC.replace(b"moov", b"cmov", 1), "cannot be decoded"),
    "a photograph": (b"\0\0\0\x18ftypheic" + bytes(400), "of kind HEIC"),
}


@pytest.mark.parametrize("case", HOSTILE)
def test_a_hostile_file_ends_in_one_sentence(case: str, capfd: pytest.CaptureFixture[str]) -> None:
    is_refused(*HOSTILE[case], capfd)


@pytest.mark.parametrize(("data", "used"), [(RECORDED, "True"), (encode(sine()), "False")], ids=["WebM", "WAV"])
def test_ffmpeg_is_loaded_only_for_what_needs_it(data: bytes, used: str) -> None:
    program = "import sys; from l1demo import audio; audio.read(sys.stdin.buffer.read()); print('av' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", program], input=data, check=True, capture_output=True, cwd=Path(__file__).parents[1]
    )
    assert done.stdout.decode().strip() == used
