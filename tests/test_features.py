"""Log-mel frames against torchaudio, and what normalisation must not let through."""

import numpy as np
import pytest
import torch
import torchaudio

from l1demo.features import FLOOR, RATE, filterbank, log_mel, normalise
from l1demo.spec import FeatureSpec


def noise(n: int, seed: int = 0) -> np.ndarray:
    return (np.random.default_rng(seed).normal(0, 3000, n)).astype(np.int16)


def test_frames_are_torchaudio_s_mel_spectrogram():
    spec, clip = FeatureSpec(n_mels=40, window_ms=32, hop_ms=16), noise(5000)
    reference = torchaudio.transforms.MelSpectrogram(RATE, n_fft=256, win_length=256, hop_length=128, n_mels=40, center=False)
    expected = torch.log(reference(torch.from_numpy(clip / 32768).float()) / 256 + FLOOR).T  # (T, M)
    x, lengths = log_mel([clip], spec)
    assert lengths.tolist() == [1 + (5000 - 256) // 128] == [len(expected)]
    assert torch.allclose(x[0], expected, atol=1e-4)


def test_a_clip_s_frames_do_not_depend_on_the_clips_beside_it():
    clips = [noise(n, n) for n in (900, 8000, 3000, 150, 20_000)]
    together, lengths = log_mel(clips, FeatureSpec())
    for i, clip in enumerate(clips):
        alone, (length,) = log_mel([clip], FeatureSpec())
        assert length == lengths[i]
        assert torch.allclose(together[i, :length], alone[0, :length], atol=1e-5)
        assert not together[i, length:].any()


@pytest.mark.parametrize("n_mels", [20, 64, 128])
@pytest.mark.parametrize("window_ms", [8.0, 32.0, 64.0])
def test_no_mel_band_is_empty_at_any_setting(n_mels, window_ms):
    _n_fft, filters = filterbank(n_mels, round(window_ms * RATE / 1000))
    assert (filters.amax(0) > 0).all()


def test_normalised_clips_have_mean_0_and_variance_1_and_no_trace_of_their_level():
    quiet, loud = noise(4000) // 8, (noise(4000) // 8) * 8
    x, lengths = log_mel([quiet, loud, noise(6000, 1)], FeatureSpec())
    y = normalise(x, lengths)
    for clip, length in zip(y, lengths, strict=True):
        assert float(clip[:length].mean()) == pytest.approx(0, abs=1e-4)
        assert float(clip[:length].var(correction=0)) == pytest.approx(1, abs=1e-3)
        assert not clip[length:].any()
    assert torch.allclose(y[0], y[1], atol=0.02)


def test_a_clip_of_pure_silence_stays_finite():
    x, lengths = log_mel([np.zeros(4000, np.int16)], FeatureSpec())
    assert torch.isfinite(normalise(x, lengths)).all()
