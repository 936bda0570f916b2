"""Pictures of sines against arithmetic, mel bands against torchaudio, and the network's frames against training's own."""

import io
import warnings

import numpy as np
import pytest
import soundfile
import torch
import torchaudio

from l1demo import audio, features, listening
from l1demo.spec import FeatureSpec

RATES = [8_000, 16_000, 44_100]


def sine(hertz: float, rate: int, seconds: float = 0.5, peak: float = 1.0) -> np.ndarray:
    return (peak * np.sin(2 * np.pi * hertz * np.arange(round(seconds * rate)) / rate)).astype(np.float32)


def wav(samples: np.ndarray, rate: int, subtype: str = "PCM_16") -> bytes:
    file = io.BytesIO()
    soundfile.write(file, samples, rate, format="WAV", subtype=subtype)
    return file.getvalue()


def speech(rate: int = 16_000, seconds: float = 0.9) -> bytes:
    """Noise with a voice's rise and fall, between two silences."""
    noise = np.random.default_rng(0).normal(0, 0.15, round(seconds * rate)) * np.sin(np.linspace(0, np.pi, round(seconds * rate)))
    return wav(np.concatenate([np.zeros(rate // 5), noise, np.zeros(rate // 3)]), rate)


@pytest.mark.parametrize("rate", RATES)
@pytest.mark.parametrize("hertz", [440.0, 1000.0, 3100.0])
@pytest.mark.parametrize("kind", ["linear", "log-mel", "mel"])
def test_the_loudest_row_is_the_sine_s(rate: int, hertz: float, kind: str) -> None:
    level, _hop, rows = listening.spectrogram(sine(hertz, rate), rate, kind, FeatureSpec())
    assert level.shape[0] == len(rows)
    nearest = int(np.abs(rows - hertz).argmin())
    assert np.abs(level.mean(1).argmax() - nearest) <= 1


@pytest.mark.parametrize("rate", RATES)
@pytest.mark.parametrize("peak", [1.0, 0.1])
def test_a_sine_has_its_own_level_in_db_of_full_scale(rate: int, peak: float) -> None:
    hertz = round(1000 / (rate / 2048)) * rate / 2048  # on a bin of every FFT that is used here
    level, _hop, _rows = listening.spectrogram(sine(hertz, rate, peak=peak), rate, "linear", FeatureSpec(window_ms=64))
    assert level.max() == pytest.approx(20 * np.log10(peak), abs=0.5)
    assert np.median(level) < 20 * np.log10(peak) - 60  # and nothing is elsewhere


@pytest.mark.parametrize("rate", RATES)
def test_a_sine_at_a_mel_band_s_centre_has_its_level_there(rate: int) -> None:
    spec = FeatureSpec(n_mels=20, window_ms=64)
    centre = listening.mel_centres(20, rate)[10]
    level, _hop, _rows = listening.spectrogram(sine(centre, rate), rate, "log-mel", spec)
    assert level.max() == pytest.approx(0, abs=0.5)
    percent, _hop, _rows = listening.spectrogram(sine(centre, rate), rate, "mel", spec)
    assert percent.max() == 100
    assert 10 * np.log10(percent[10] / 100) == pytest.approx(level[10] - level.max(), abs=1e-3)


def test_mfcc_are_the_cosine_transform_of_the_mel_levels() -> None:
    samples = np.random.default_rng(0).normal(0, 0.1, 8000).astype(np.float32)
    level, _hop, _rows = listening.spectrogram(samples, 8000, "log-mel", FeatureSpec())
    mfcc, _hop, rows = listening.spectrogram(samples, 8000, "mfcc", FeatureSpec())
    n, k = np.arange(40), np.arange(listening.COEFFICIENTS)
    cosine = np.cos(np.pi / 40 * (n[None] + 0.5) * k[:, None]) * np.sqrt(2 / 40)  # (20, 40), orthonormal DCT-II
    cosine[0] /= np.sqrt(2)
    assert mfcc == pytest.approx(cosine @ level, abs=1e-2)
    assert rows.tolist() == k.tolist()


@pytest.mark.parametrize("kind", listening.KINDS)
def test_silence_stands_on_the_floor(kind: str) -> None:
    level, _hop, _rows = listening.spectrogram(np.zeros(4000, np.float32), 8000, kind, FeatureSpec())
    assert np.isfinite(level).all()
    if kind != "mfcc":
        assert (level == (0 if kind == "mel" else listening.FLOOR_DB)).all()


@pytest.mark.parametrize("kind", listening.KINDS)
@pytest.mark.parametrize(
    ("rate", "spec"), [(48_000, FeatureSpec(128, 64, 4)), (8_000, FeatureSpec(20, 8, 4)), (44_100, FeatureSpec())]
)
def test_half_a_minute_is_at_most_600_columns_and_256_rows(kind: str, rate: int, spec: FeatureSpec) -> None:
    samples = np.random.default_rng(0).normal(0, 0.1, 30 * rate).astype(np.float32)
    level, hop, rows = listening.spectrogram(samples, rate, kind, spec)
    assert level.dtype == rows.dtype == np.float32
    assert 300 <= level.shape[1] <= 600
    assert level.shape[0] == len(rows) <= 256
    assert level.shape[1] * hop == pytest.approx(30, abs=2 * hop)


def test_a_column_of_many_is_the_loudest_so_that_a_click_is_seen() -> None:
    samples = np.zeros(8000 * 30, np.float32)
    samples[8000 * 20] = 1
    level, hop, _rows = listening.spectrogram(samples, 8000, "linear", FeatureSpec())
    heard = np.flatnonzero(level.max(0) > listening.FLOOR_DB)
    assert 1 <= len(heard) <= 2
    assert heard[0] * hop <= 20 <= (heard[-1] + 1) * hop + 0.032


def test_rows_are_at_the_frequencies_they_claim_where_bins_are_joined() -> None:
    for hertz in (500.0, 9_000.0, 40_000.0):
        level, _hop, rows = listening.spectrogram(sine(hertz, 96_000), 96_000, "linear", FeatureSpec(window_ms=64))
        assert rows[level.mean(1).argmax()] == pytest.approx(hertz, abs=float(rows[1] - rows[0]))


@pytest.mark.parametrize("rate", [8_000, 16_000, 96_000])
@pytest.mark.parametrize("n_mels", [20, 40, 128])
def test_mel_centres_are_the_peaks_of_torchaudio_s_triangles(rate: int, n_mels: int) -> None:
    bins = 1 << 15
    filters = torchaudio.functional.melscale_fbanks(bins + 1, 0.0, rate / 2, n_mels, rate)
    peaks = filters.argmax(0).numpy() * rate / 2 / bins
    assert listening.mel_centres(n_mels, rate) == pytest.approx(peaks, abs=rate / 2 / bins)


@pytest.mark.parametrize("rate", RATES)
def test_no_band_is_empty_at_any_setting(rate: int) -> None:
    samples = np.random.default_rng(0).normal(0, 0.2, rate // 2).astype(np.float32)
    for n_mels in (20, 128):
        for window in (8.0, 32.0):
            with warnings.catch_warnings():
                warnings.simplefilter("error")
                level, _hop, _rows = listening.spectrogram(samples, rate, "log-mel", FeatureSpec(n_mels, window, 8.0))
            assert (level.max(1) > listening.FLOOR_DB).all(), (n_mels, window)


@pytest.mark.parametrize("spec", [FeatureSpec(), FeatureSpec(64, 20, 10)], ids=["default", "other"])
def test_what_the_network_sees_is_what_training_gives_it(spec: FeatureSpec) -> None:
    data = speech()
    seen = listening.pictures(data, "log-mel", spec)["seen"]
    clip = audio.to_int16(audio.read(data, rate=features.RATE).samples)  # as a corpus keeps it
    frames = features.frames([clip, np.ones(9000, np.int16)], np.zeros(2), spec)  # beside another clip, as in training
    trained = features.normalise(frames.x, frames.lengths)[0, : frames.lengths[0]]
    assert seen.shape == (spec.n_mels, frames.lengths[0])
    assert torch.allclose(torch.from_numpy(seen).T, trained, atol=1e-4)


def test_what_the_network_sees_has_neither_the_silence_nor_the_loudness() -> None:
    data = speech()
    loud = listening.pictures(data, "log-mel", FeatureSpec())
    samples, rate = soundfile.read(io.BytesIO(data))
    quiet = listening.pictures(wav(samples / 8, rate, "FLOAT"), "log-mel", FeatureSpec())
    assert quiet["seen"].shape == loud["seen"].shape
    assert np.corrcoef(quiet["seen"].ravel(), loud["seen"].ravel())[0, 1] > 0.97  # the faintest sounds sink below the floor
    assert loud["seen"].shape[1] * loud["seen_hop"] < loud["seconds"] - 0.2
    assert loud["level"].max() - quiet["level"].max() == pytest.approx(20 * np.log10(8), abs=0.1)


@pytest.mark.parametrize("kind", listening.KINDS)
def test_the_outline_holds_the_recording(kind: str) -> None:
    found = listening.pictures(speech(), kind, FeatureSpec())
    assert len(found["low"]) == len(found["high"]) <= listening.POINTS
    assert (found["low"] <= found["high"]).all()
    assert max(-found["low"].min(), found["high"].max()) == pytest.approx(10 ** (found["about"]["peak_dbfs"] / 20), rel=0.01)
    assert found["seconds"] == pytest.approx(0.9 + 0.2 + 1 / 3, abs=1e-3)
    assert found["level"].shape[0] == len(found["hertz"])


def test_the_shortest_recording_has_a_picture() -> None:
    found = listening.pictures(wav(sine(440, 8000, seconds=0.1, peak=0.3), 8000), "linear", FeatureSpec(window_ms=64, hop_ms=32))
    assert found["level"].shape[1] >= 1
    assert found["seen"].shape[1] >= 1


@pytest.mark.parametrize("data", [b"", b"RIFF", b"no sound at all" * 10, wav(np.zeros(8000, np.float32), 8000)])
def test_a_bad_recording_is_an_audio_error(data: bytes) -> None:
    with pytest.raises(audio.AudioError):
        listening.pictures(data, "linear", FeatureSpec())
