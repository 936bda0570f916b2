"""A recording as pictures: its waveform, its spectrogram at its own rate, and the frames that the network sees of it."""

from typing import Any

import numpy as np
import torch
from torchaudio.functional import create_dct

from l1demo import audio, features
from l1demo.spec import FeatureSpec

KINDS = ("linear", "mel", "log-mel", "mfcc")
COLUMNS = 600  # of a picture: more than a screen shows of a long recording only cost time
ROWS = 256
POINTS = 1200  # of the waveform's outline
FLOOR_DB = -100.0
COEFFICIENTS = 20


def pictures(data: bytes, kind: str, spec: FeatureSpec) -> dict[str, Any]:
    """Read a recording and compute what the Listen page shows.

    Parameters
    ----------
    data : bytes
        An audio file, untrusted.
    kind : str
        One of ``KINDS``.
    spec : FeatureSpec
        Window, hop and number of bands, for both pictures.

    Returns
    -------
    dict
        ``about`` (``audio.inspect``'s result), ``seconds``; ``low`` and ``high``, float32 (P,), the waveform's outline; ``level``,
        float32 (rows, columns), the spectrogram in dB relative to full scale (``linear``, ``log-mel``), in percent of the loudest
        (``mel``) or as coefficients (``mfcc``); ``hop``, seconds a column; ``hertz``, float32 (rows,), the rows' frequencies, or
        coefficient numbers; ``seen``, float32 (M, T), the network's frames; ``seen_hop``, seconds; ``seen_hertz``, float32 (M,).

    Raises
    ------
    AudioError
        When the recording cannot be read.
    """
    clip = audio.read(data, trim=False)
    word = audio.read(data, rate=features.RATE)
    low, high = _outline(clip.samples)
    level, hop, hertz = spectrogram(clip.samples, clip.rate, kind, spec)
    seen, lengths = features.log_mel([audio.to_int16(word.samples)], spec)
    return {
        "about": audio.inspect(data),
        "seconds": clip.seconds,
        "low": low,
        "high": high,
        "level": level,
        "hop": hop,
        "hertz": hertz,
        "seen": features.normalise(seen, lengths)[0].T.contiguous().numpy(),
        "seen_hop": round(spec.hop_ms * features.RATE / 1000) / features.RATE,
        "seen_hertz": mel_centres(spec.n_mels, features.RATE),
    }


def spectrogram(samples: np.ndarray, rate: int, kind: str, spec: FeatureSpec) -> tuple[np.ndarray, float, np.ndarray]:
    """Compute a spectrogram, at most 256 rows and 600 columns of it; columns of a longer one are the loudest of those they cover.

    Parameters
    ----------
    samples : np.ndarray, float32, shape (n,)
        Within -1 to 1.
    rate : int
        Hz.
    kind : str
        One of ``KINDS``.
    spec : FeatureSpec

    Returns
    -------
    level : np.ndarray, float32, shape (rows, columns)
    hop : float
        Seconds from column to column.
    hertz : np.ndarray, float32, shape (rows,)
        The frequency at each row's centre; the coefficient's number for ``mfcc``.
    """
    window, hop = round(spec.window_ms * rate / 1000), round(spec.hop_ms * rate / 1000)
    if kind == "linear":
        n_fft, filters = 1 << (window - 1).bit_length(), None
    else:
        n_fft, filters = features.filterbank(spec.n_mels, window, rate)
    taper = torch.hann_window(window)
    wave = torch.from_numpy(np.pad(samples, (0, max(0, window - len(samples)))))
    frames = wave.unfold(0, window, hop)  # (T, window)
    pool = -(-len(frames) // COLUMNS)
    power = torch.cat([_power(part, taper, n_fft) for part in frames.split(4096)])  # (T, F): a sine of full scale has 0 dB
    if filters is not None:
        spread = n_fft * taper.square().sum() / taper.sum().square()  # bins that a sine fills, which a band adds up
        power = power @ filters / spread  # (T, M)
    power = _loudest(power, pool)
    decibel = (10 * torch.log10(power + 1e-12)).clamp(min=FLOOR_DB)
    hertz = mel_centres(spec.n_mels, rate)
    if kind == "mfcc":
        level, hertz = decibel @ create_dct(COEFFICIENTS, spec.n_mels, "ortho"), np.arange(COEFFICIENTS, dtype=np.float32)
    elif kind == "mel":
        level = 100 * power / power.max().clamp(min=1e-12)
    else:
        level = decibel
    if kind == "linear":
        stack = -(-level.shape[1] // ROWS)
        level = _loudest(level.T, stack).T
        hertz = (np.arange(level.shape[1], dtype=np.float32) * stack + (stack - 1) / 2) * rate / n_fft
    return level.T.contiguous().numpy(), hop * pool / rate, hertz.astype(np.float32)


def mel_centres(n_mels: int, rate: int) -> np.ndarray:
    """Return the centre of each mel band in Hz, float32 (n_mels,): HTK mels, evenly spaced from 0 to half the rate."""
    top = 2595 * np.log10(1 + rate / 2 / 700)
    return (700 * (10 ** (np.linspace(0, top, n_mels + 2)[1:-1] / 2595) - 1)).astype(np.float32)


def _power(frames: torch.Tensor, taper: torch.Tensor, n_fft: int) -> torch.Tensor:
    return (torch.fft.rfft(frames * taper, n_fft).abs() * 2 / taper.sum()).square()


def _loudest(level: torch.Tensor, n: int) -> torch.Tensor:
    if n == 1:
        return level
    return torch.stack([part.amax(0) for part in level.split(n)])


def _outline(samples: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    parts = np.array_split(samples, min(POINTS, len(samples)))
    return np.array([p.min() for p in parts], np.float32), np.array([p.max() for p in parts], np.float32)
