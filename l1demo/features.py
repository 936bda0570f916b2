"""Clips to what the network sees: log-mel frames, normalised clip by clip. Training and recognising both come through here."""

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import torch
from torchaudio.functional import melscale_fbanks

from l1demo.spec import FeatureSpec

RATE = 8000
MAX_SECONDS = 1.2  # a word; what is longer is cut
ROOM_DB = 25.0  # below a clip's mean power: the noise that every clip is given
FLOOR = 1e-8  # the power of a sample at -80 dB of full scale: below it there is nothing to hear


@dataclass(frozen=True)
class Frames:
    """Clips as padded log-mel frames.

    Attributes
    ----------
    x : torch.Tensor, float32, shape (N, T, M)
        Natural logarithm of the mel power; zero after a clip's end.
    lengths : torch.Tensor, int64, shape (N,)
        Frames of each clip, at least 1.
    labels : torch.Tensor, int64, shape (N,)
    """

    x: torch.Tensor
    lengths: torch.Tensor
    labels: torch.Tensor

    def __len__(self) -> int:
        return len(self.lengths)


@lru_cache(maxsize=16)
def filterbank(n_mels: int, window: int, rate: int = RATE) -> tuple[int, torch.Tensor]:
    """Return the FFT's size and the mel filters for it.

    The FFT is as long as the window or longer, up to the size at which no mel band falls between two of its bins.

    Returns
    -------
    n_fft : int
    filters : torch.Tensor, shape (n_fft // 2 + 1, n_mels)
        Triangles on the HTK mel scale from 0 to half the rate.
    """
    n_fft = 1 << (window - 1).bit_length()
    while True:
        filters = _triangles(n_mels, n_fft, rate)
        if bool((filters.amax(0) > 0).all()):
            return n_fft, filters
        n_fft *= 2


def log_mel(clips: Sequence[np.ndarray], spec: FeatureSpec) -> tuple[torch.Tensor, torch.Tensor]:
    """Turn clips into log-mel frames, not yet normalised.

    Parameters
    ----------
    clips : sequence of np.ndarray, int16, shape (n,) each
        At 8 kHz.
    spec : FeatureSpec

    Returns
    -------
    x : torch.Tensor, float32, shape (N, T, n_mels)
        Zero after each clip's end.
    lengths : torch.Tensor, int64, shape (N,)
    """
    window, hop = round(spec.window_ms * RATE / 1000), round(spec.hop_ms * RATE / 1000)
    n_fft, filters = filterbank(spec.n_mels, window)
    taper = torch.hann_window(window)
    sizes = np.array([min(len(clip), int(MAX_SECONDS * RATE)) for clip in clips])
    lengths = torch.from_numpy(1 + np.maximum(0, sizes - window) // hop)
    x = torch.zeros(len(clips), int(lengths.max()), spec.n_mels)
    by_size = np.argsort(sizes, kind="stable")
    for chosen in reversed(np.array_split(by_size, max(1, len(clips) // 256))):  # the longest first: the others fit into its memory
        longest = max(window, int(sizes[chosen].max()))
        waves = np.zeros((len(chosen), longest), np.float32)
        for row, i in enumerate(chosen):
            waves[row, : sizes[i]] = clips[i][: sizes[i]]
        waves /= 32768
        frames = torch.from_numpy(waves).unfold(1, window, hop) * taper  # (B, T, window)
        power = torch.fft.rfft(frames, n_fft).abs().square_().div_(window)  # (B, T, n_fft/2 + 1), in place: it is the largest array
        mel = (power @ filters).add_(FLOOR).log_()  # (B, T, M)
        present = torch.arange(mel.shape[1]) < lengths[chosen, None]
        x[chosen, : mel.shape[1]] = mel.mul_(present[..., None])
    return x, lengths


def normalise(x: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
    """Give every clip a floor of noise, remove half of each band's mean and half of the mean over all, and give it variance 1.

    Without the floor, the digital silence in synthetic speech, which no microphone knows, decides the variance. The mean over all
    is the level; the band's mean is the microphone's colour, but the vowel's too, so half of it stays.

    Parameters
    ----------
    x : torch.Tensor, shape (B, T, M)
        Natural logarithm of the mel power.
    lengths : torch.Tensor, shape (B,)

    Returns
    -------
    torch.Tensor, shape (B, T, M)
        Mean 0 over all; zero after each clip's end.
    """
    present = (torch.arange(x.shape[1]) < lengths[:, None])[..., None]  # (B, T, 1)
    size = (lengths * x.shape[2])[:, None, None]
    power = x.exp() * present
    floor = power.sum((1, 2), keepdim=True) / size * 10 ** (-ROOM_DB / 10)
    x = (power + floor).log() * present
    bands = x.sum(1, keepdim=True) / lengths[:, None, None]  # (B, 1, M)
    centred = (x - (bands + bands.mean(2, keepdim=True)) / 2) * present
    return centred / (centred.square().sum((1, 2), keepdim=True) / size + 1e-6).sqrt()


def frames(clips: Sequence[np.ndarray], labels: np.ndarray, spec: FeatureSpec) -> Frames:
    """Turn labelled clips into ``Frames``, not yet normalised."""
    x, lengths = log_mel(clips, spec)
    return Frames(x, lengths, torch.from_numpy(np.asarray(labels, np.int64)))


def _triangles(n_mels: int, n_fft: int, rate: int) -> torch.Tensor:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # of an empty band, which is what filterbank is looking for
        return melscale_fbanks(n_fft // 2 + 1, 0.0, rate / 2, n_mels, rate)
