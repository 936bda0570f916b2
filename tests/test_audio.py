"""Recordings that are read as they are, hostile ones that end in a sentence, and mutated ones that end in nothing else."""

import contextlib
import io
import json
import struct
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
import torchaudio
from sounds import encode, encode_media, is_refused, sine, with_checksums

from l1demo import audio
from l1demo.audio import AudioError
from l1demo.decoding import decode

CODINGS = [  # container, coding, level error in dB that the coding itself makes
    ("WAV", "PCM_16", 0.01),
    ("WAV", "PCM_U8", 0.1),
    ("WAV", "PCM_24", 0.01),
    ("WAV", "FLOAT", 0.01),
    ("WAV", "DOUBLE", 0.01),
    ("WAV", "ULAW", 0.1),
    ("WAV", "IMA_ADPCM", 0.1),
    ("WAVEX", "PCM_16", 0.01),
    ("FLAC", "PCM_16", 0.01),
    ("OGG", "VORBIS", 0.1),
    ("OGG", "OPUS", 0.1),
    ("MP3", "MPEG_LAYER_III", 0.1),
]


def loudest_hertz(samples: np.ndarray, rate: int) -> float:
    spectrum = np.abs(np.fft.rfft(samples * np.hanning(len(samples)), 8 * len(samples)))
    return float(spectrum.argmax() * rate / (8 * len(samples)))


def patched(data: bytes, at: int, form: str, *values: object) -> bytes:
    changed = bytearray(data)
    struct.pack_into(form, changed, at, *values)
    return bytes(changed)


@pytest.mark.parametrize(("container", "coding", "tolerance"), CODINGS)
@pytest.mark.parametrize("channels", [1, 2])
def test_every_coding_keeps_pitch_level_and_length(container: str, coding: str, tolerance: float, channels: int) -> None:
    wave = np.repeat(sine(seconds=2)[:, None], channels, axis=1)
    clip = audio.read(encode(wave, container=container, coding=coding), trim=False)
    assert (clip.container, clip.codec) == (container.removesuffix("EX"), coding)
    assert (clip.source_rate, clip.rate, clip.channels) == (16_000, 16_000, channels)
    assert clip.seconds == pytest.approx(2.0, abs=0.04)  # ADPCM fills its last block
    assert clip.rms_db == pytest.approx(20 * np.log10(0.5) - 3.01, abs=tolerance)
    assert loudest_hertz(clip.samples, clip.rate) == pytest.approx(440, abs=0.5)
    assert clip.samples.dtype == np.float32
    assert clip.verdicts == ()


@pytest.mark.parametrize("source_rate", [8_000, 11_025, 16_000, 22_050, 44_100, 48_000, 96_000, 44_099, 95_999])
@pytest.mark.parametrize("rate", [8_000, 16_000])
def test_resampling_keeps_length_pitch_and_level(source_rate: int, rate: int) -> None:
    clip = audio.read(encode(sine(1000, rate=source_rate), source_rate), rate, trim=False)
    assert clip.rate == rate
    assert len(clip.samples) == pytest.approx(rate, rel=1e-3)
    assert loudest_hertz(clip.samples, rate) == pytest.approx(1000, rel=1e-3)
    inner = clip.samples[rate // 10 : -rate // 10]
    assert 20 * np.log10(np.sqrt(2 * np.mean(inner**2)) / 0.5) == pytest.approx(0, abs=0.1)


@pytest.mark.parametrize("source_rate", [8_000, 11_025, 16_000, 44_100, 48_000, 96_000])
@pytest.mark.parametrize("length", [1_000, 4_801])
def test_resampling_is_torchaudios(source_rate: int, length: int) -> None:
    samples = 0.2 * np.random.default_rng(0).standard_normal(length).astype(np.float32)
    truth = torchaudio.functional.resample(torch.from_numpy(samples).double(), source_rate, 8_000, audio.ZERO_CROSSINGS)
    np.testing.assert_allclose(audio.resample(samples, source_rate, 8_000), truth.numpy(), atol=1e-6)


@pytest.mark.parametrize("channels", [1, 2])
def test_the_commonest_wav_has_libsndfiles_samples(channels: int) -> None:
    wave = np.random.default_rng(0).uniform(-1, 1, (5_000, channels))
    data = encode(wave) + b"LIST" + struct.pack("<I", 4) + b"INFO"
    truth, _rate = soundfile.read(io.BytesIO(data), dtype="float32", always_2d=True)
    np.testing.assert_array_equal(decode(data)[0], truth)


def test_resampling_lets_nothing_through_that_the_lower_rate_cannot_hold() -> None:
    clip = audio.read(encode(sine(6000, rate=44_100), 44_100), 8_000, trim=False)
    assert np.abs(clip.samples[800:-800]).max() < 0.5 * 10 ** (-60 / 20)


def test_stereo_becomes_the_mean_and_out_of_phase_does_not_vanish() -> None:
    left, right = sine(440), sine(1000)
    clip = audio.read(encode(np.stack([left, right], 1), coding="FLOAT"), trim=False)
    np.testing.assert_allclose(clip.samples, (left + right) / 2, atol=1e-6)
    opposed = audio.read(encode(np.stack([left, -left], 1), coding="FLOAT"), trim=False)
    np.testing.assert_allclose(opposed.samples, left, atol=1e-6)


@pytest.mark.parametrize("noise_db", [-90, -50, -42, -32, -26])
def test_trimming_keeps_the_word_and_drops_the_room(noise_db: int) -> None:
    rate, generator = 16_000, np.random.default_rng(0)
    word = sine(300, 0.5) * np.hanning(8000) ** 0.5
    samples = np.concatenate([np.zeros(16_000), word, np.zeros(8_000)])
    samples += 10 ** (noise_db / 20) * generator.standard_normal(len(samples))
    clip = audio.read(encode(samples, coding="FLOAT"))
    assert 0.85 <= clip.trimmed_front <= 1.0
    assert 0.35 <= clip.trimmed_back <= 0.5
    kept = samples[round(clip.trimmed_front * rate) : len(samples) - round(clip.trimmed_back * rate)]
    np.testing.assert_allclose(clip.samples, kept, atol=1e-6)
    np.testing.assert_array_equal(audio.trim((samples * 32767).astype(np.int16), rate), (kept * 32767).astype(np.int16))


def test_a_quiet_ending_30_db_below_the_vowel_is_kept() -> None:
    generator = np.random.default_rng(0)
    ending = 0.5 * 10 ** (-30 / 20) * generator.standard_normal(3200)
    samples = np.concatenate([np.zeros(4000), sine(200, 0.3), ending, np.zeros(4000)])
    clip = audio.read(encode(samples, coding="FLOAT"))
    assert clip.trimmed_back <= 0.25


def test_an_even_ending_is_no_room_unless_it_lasts_half_a_second() -> None:
    generator = np.random.default_rng(0)

    def hiss(seconds: float) -> np.ndarray:
        return 0.5 * 10 ** (-20 / 20) * generator.standard_normal(round(16_000 * seconds))

    assert len(audio.trim(np.concatenate([sine(200, 0.3), hiss(0.4)]), 16_000)) == len(sine(200, 0.3)) + 6400
    assert len(audio.trim(np.concatenate([sine(200, 0.3), hiss(1.0)]), 16_000)) <= len(sine(200, 0.3)) + 800


def test_a_click_keeps_a_tenth_of_a_second() -> None:
    click = np.zeros(16_000)
    click[-5:] = 0.5
    assert len(audio.trim(click, 16_000)) == 1600


def test_what_is_already_tight_stays_whole() -> None:
    assert len(audio.trim(sine(), 16_000)) == 16_000


@pytest.mark.parametrize("value", [0.0, 0.3])
def test_trimming_silence_is_an_error_and_never_nothing(value: float) -> None:
    with pytest.raises(AudioError, match="only silence"):
        audio.trim(np.full(8000, value), 8000)
    with pytest.raises(AudioError, match="only silence"):
        audio.trim(np.zeros(0), 8000)


def test_verdicts_say_what_the_ear_would() -> None:
    def verdicts(samples: np.ndarray, coding: str = "PCM_16") -> tuple[str, ...]:
        return audio.read(encode(samples, coding=coding)).verdicts

    assert verdicts(sine(peak=0.999)) == ()
    assert [v.split(":")[0] for v in verdicts(sine(peak=0.003))] == ["too quiet"]
    assert [v.split(":")[0] for v in verdicts(np.clip(sine(peak=2.0), -1, 1))] == ["clipped"]
    assert [v.split(":")[0] for v in verdicts(sine(peak=20_000.0), "FLOAT")] == ["scaled down"]
    assert [v.split(":")[0] for v in verdicts(np.clip(sine(peak=2.0), -1, 1) * 0.3)] == []


def test_the_clipped_fraction_is_the_part_at_the_limit() -> None:
    wave = sine(100, peak=2.0)
    clip = audio.read(encode(np.clip(wave, -1, 1)))
    assert clip.clipped_fraction == pytest.approx(np.mean(np.abs(wave) >= 1), abs=0.01)


def test_inspect_is_json_and_needs_no_torch() -> None:
    told = json.loads(json.dumps(audio.inspect(encode(sine(rate=44_100), 44_100))))
    assert (told["format"], told["rate"], told["channels"], told["seconds"]) == ("WAV", 44_100, 1, 1.0)
    assert told["peak_dbfs"] == pytest.approx(-6.02, abs=0.01)
    assert told["rms_dbfs"] == pytest.approx(-9.03, abs=0.01)
    program = "import sys; from l1demo import audio; audio.inspect(sys.stdin.buffer.read()); assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", program], input=encode(sine()), check=True, cwd=Path(__file__).parents[1])


WAV = encode(sine())  # fmt chunk at 12, data chunk at 36, samples at 44
FLAC, OGG, OPUS, MP3 = (
    encode(sine(), container=container, coding=coding)
    for container, coding in (("FLAC", None), ("OGG", "VORBIS"), ("OGG", "OPUS"), ("MP3", None))
)


@pytest.mark.parametrize("size", [0, 0xFFFFFFFF, 0xFFFFFFFF - 36, 0x7FFFF000, 0x80000000])
def test_a_wav_from_a_pipe_has_the_length_it_has(size: int) -> None:
    streamed = patched(patched(WAV, 4, "<I", size), 40, "<I", size)
    np.testing.assert_array_equal(audio.read(streamed).samples, audio.read(WAV).samples)


def test_a_flac_from_a_pipe_has_the_length_it_has() -> None:
    length = int.from_bytes(FLAC[18:26], "big")
    streamed = FLAC[:18] + (length >> 36 << 36).to_bytes(8, "big") + FLAC[26:]
    np.testing.assert_array_equal(audio.read(streamed).samples, audio.read(FLAC).samples)


def test_an_mp3_of_varying_rate_without_a_length_is_read_to_its_end() -> None:
    wave = np.concatenate([np.zeros(16_000), np.random.default_rng(0).uniform(-0.5, 0.5, 32_000), sine()])
    data = encode(wave, container="MP3", bitrate_mode="VARIABLE", compression_level=0.3)
    assert b"Xing" in data[:200]
    bare = data[data.find(data[:2], 4) :]
    assert audio.read(bare).seconds == pytest.approx(4.1, abs=0.1)  # the padding that a Xing header would have told is not cut off


def test_a_few_samples_missing_at_the_end_are_forgiven() -> None:
    assert audio.read(WAV[:-400]).seconds == pytest.approx(1 - 200 / 16_000)


def test_extra_chunks_and_odd_sizes_are_passed_over() -> None:
    extra = b"LIST" + struct.pack("<I", 5) + b"hello\0"
    np.testing.assert_array_equal(audio.read(WAV[:36] + extra + WAV[36:] + extra).samples, audio.read(WAV).samples)


def with_flac_length(samples: int) -> bytes:
    fields = int.from_bytes(FLAC[18:26], "big")
    return FLAC[:18] + (fields >> 36 << 36 | samples).to_bytes(8, "big") + FLAC[26:]


def with_value(value: float) -> bytes:
    samples = sine()
    samples[100] = value
    return encode(samples, coding="FLOAT")


HOSTILE = {
    "empty": (b"", "empty (0 bytes)"),
    "text": (b"This is a text file that somebody renamed.\n" * 20, "text file, not a recording: it begins with “This is a text"),
    "chinese text": ("这是一个文本文件。".encode() * 100, "text file"),
    "utf-16 text": ("hello".encode("utf-16"), "text file"),
    "html": (b"<!DOCTYPE html><html>404</html>", "text file"),
    "noise": (np.random.default_rng(0).bytes(5000), "not a recording that can be read: 5,000 bytes"),
    "zero bytes": (bytes(5000), "not a recording that can be read"),
    "a start of WebM": (b"\x1a\x45\xdf\xa3" + bytes(100), "begins as Matroska, but its sound cannot be decoded"),
    "a start of M4A": (b"\0\0\0\x20ftypM4A " + bytes(100), "begins as M4A, but its sound cannot be decoded"),
    "aiff": (encode(sine(), container="AIFF"), "of kind AIFF"),
    "too large": (WAV[:44] + bytes(11 * 2**20), "11.00 MB; at most 10 MB"),
    "only a header": (WAV[:44], "1.00 s of them are missing"),
    "half a header": (WAV[:30], "cut off in its header: it has 30 bytes"),
    "no samples": (encode(np.zeros(0)), "There is no sound in the file: 0 samples"),
    "empty data, then a chunk": (encode(np.zeros(0)) + b"LIST" + struct.pack("<I", 4) + b"INFO", "no sound in the file"),
    "half a WAV": (WAV[: len(WAV) // 2], "promises 1.00 s, but 0.50 s of them are missing"),
    "half a FLAC": (FLAC[: len(FLAC) // 2], "of them are missing"),
    "half a Vorbis": (OGG[: len(OGG) // 2], "bytes are missing from its last page"),
    "half an Opus": (OPUS[: len(OPUS) // 2], "bytes are missing from its last page"),
    "half an MP3": (MP3[: len(MP3) // 2], "of them are missing"),
    "WAV claims hours": (patched(WAV, 40, "<I", 2 * 16_000 * 3600 * 5), "claims 5.0 hours"),
    "WAV claims a minute": (patched(WAV, 40, "<I", 2 * 16_000 * 60), "claims 60.0 s"),
    "FLAC claims weeks": (with_flac_length(2**36 - 1), "claims 1,193.0 hours"),
    "FLAC claims more": (with_flac_length(32_000), "promises 2.00 s, but 1.00 s of them are missing"),
    "200 channels": (patched(WAV, 22, "<H", 200), "claims 200 channels"),
    "no channels": (patched(WAV, 22, "<H", 0), "claims 0 channels"),
    "6 channels": (encode(np.zeros((16_000, 6)), container="FLAC"), "claims 6 channels"),
    "rate too low": (encode(sine(rate=4000), 4000), "4,000 Hz; rates from 8,000 to 96,000"),
    "rate too high": (encode(sine(rate=192_000), 192_000), "192,000 Hz"),
    "rate 0": (patched(WAV, 24, "<I", 0), "rate is 0 Hz"),
    "FLAC rate too high": (encode(sine(rate=192_000), 192_000, "FLAC"), "192,000 Hz"),
    "too short": (encode(sine(seconds=0.02)), "0.020 s long; speak for at least 0.1 s"),
    "too long": (encode(sine(seconds=31, rate=8000), 8000), "claims 31.0 s of sound; at most 30 s"),
    "too long and unsaid": (patched(encode(sine(seconds=31, rate=8000), 8000), 40, "<I", 0xFFFFFFFF), "longer than 30 s"),
    "all zeros": (encode(np.zeros(16_000)), "Every sample is 0"),
    "nearly silent": (encode(sine(peak=1e-4), coding="PCM_24"), "only silence"),
    "NaN": (with_value(np.nan), "1 samples are not numbers"),
    "infinity": (with_value(-np.inf), "1 samples are not numbers"),
    "GSM in WAV": (encode(sine(rate=8000), 8000, coding="GSM610"), "coded as GSM 6.10"),
    "MP3 in WAV": (patched(WAV, 20, "<H", 0x55), "coded as MP3"),
    "unknown codec": (patched(WAV, 20, "<H", 0x4321), "coded as 0x4321"),
    "speex": (OGG[:28] + b"Speex   " + OGG[36:], "coded as “Speex”"),
    "bits of no PCM": (patched(WAV, 34, "<H", 77), "cannot be decoded"),
    "FLAC of rubbish": (b"fLaC" + bytes(400), "cannot be decoded"),
    "MP3 of rubbish": (MP3[:4] + np.random.default_rng(1).bytes(400), "cannot be decoded"),
    "ID3 and nothing": (b"ID3\x04" + bytes(100), "cannot be decoded"),
}


@pytest.mark.parametrize("case", HOSTILE)
def test_a_hostile_file_ends_in_one_sentence(case: str, capfd: pytest.CaptureFixture[str]) -> None:
    is_refused(*HOSTILE[case], capfd)


def test_a_flac_that_unpacks_to_much_is_stopped_at_30_seconds() -> None:
    bomb = encode(np.zeros(96_000 * 300, np.int16), 96_000, "FLAC")
    length = int.from_bytes(bomb[18:26], "big")
    unsaid = bomb[:18] + (length >> 36 << 36).to_bytes(8, "big") + bomb[26:]
    with limited_memory(256 * 2**20), pytest.raises(AudioError, match="longer than 30 s"):
        audio.read(unsaid)


@contextlib.contextmanager
def limited_memory(more: int) -> Iterator[None]:
    """Let this process take so many more bytes than it has; where the system has no such limit, any."""
    try:
        import resource

        pages = int(Path("/proc/self/statm").read_text().split()[0])
    except (ImportError, OSError):
        yield
        return
    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (pages * resource.getpagesize() + more, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, (soft, hard))


def mutate(data: bytes, generator: np.random.Generator) -> bytes:
    changed = bytearray(data)
    head = min(len(changed), int(generator.choice([64, 256, 100_000])))
    for _ in range(int(generator.integers(1, 9))):
        at = int(generator.integers(0, head))
        values = (0, 1, 0x7F, 0x80, 0xFF, int(generator.integers(256)))
        changed[at] = int(generator.choice(values))
    if generator.random() < 0.3:
        changed = changed[: int(generator.integers(1, len(changed) + 1))]
    if generator.random() < 0.2:
        at = int(generator.integers(4, head + 4))
        changed[at:at] = generator.bytes(int(generator.integers(1, 40)))
    return bytes(changed)


@pytest.mark.parametrize("kind", ["WAV", "float", "ADPCM", "FLAC", "Vorbis", "Opus", "MP3", "M4A", "fragments", "WebM", "recorded"])
def test_mutated_files_are_clips_or_sentences_and_stay_small(kind: str, capfd: pytest.CaptureFixture[str]) -> None:
    originals = {"WAV": WAV, "FLAC": FLAC, "Vorbis": OGG, "Opus": OPUS, "MP3": MP3}
    originals |= {"float": encode(sine(), coding="FLOAT"), "ADPCM": encode(sine(), coding="MS_ADPCM")}
    originals |= {
        "M4A": encode_media(sine(), 16_000, "ipod", "aac"),
        "fragments": encode_media(sine(), 16_000, "mp4", "aac", movflags="frag_keyframe+empty_moov"),
        "WebM": encode_media(sine(), 16_000),
        "recorded": encode_media(sine(), 16_000, live=True),
    }
    audio.read(encode(sine(rate=44_100), 44_100), 8_000)  # torch is loaded before memory is limited
    generator = np.random.default_rng(list(kind.encode()))
    clips = sentences = 0
    with limited_memory(512 * 2**20):
        for _ in range(120):
            data = mutate(originals[kind], generator)
            if kind in ("Vorbis", "Opus"):
                data = with_checksums(data)
            try:
                clip = audio.read(data, 8_000)
            except AudioError as error:
                assert str(error) and "\n" not in str(error)
                sentences += 1
                continue
            assert np.isfinite(clip.samples).all() and len(clip.samples) > 0
            assert clip.seconds <= 30
            clips += 1
    assert clips and sentences
    assert capfd.readouterr().err == ""
