"""Untrusted bytes to a clip: size, header, limits, and only then samples. Mono, trimmed, with its level said in words.

What a file claims to be is judged in ``containers``, its samples come from ``decoding``; torch is loaded only where a clip is
resampled.
"""

from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np

from l1demo.decoding import decode
from l1demo.limits import MAX_BYTES, MIN_SECONDS, AudioError
from l1demo.text import _

if TYPE_CHECKING:
    import torch

SILENCE_DB = -75.0  # dBFS: a loudest frame below this is a muted microphone, six steps of a 16-bit converter
TOO_QUIET_DB = -45.0  # dBFS of the part that was kept
TOO_CLIPPED = 1e-3  # of all samples
BEYOND = 2.0  # times full scale: no lossy codec overshoots so far, so the file's samples are in other units
FRAME_SECONDS, MARGIN_SECONDS = 0.01, 0.04  # of trimming
DEEPEST_DB, SHALLOWEST_DB, ABOVE_NOISE_DB = 40.0, 32.0, 9.0  # where speech ends: below its loudest moment, above the room
ROOM_SECONDS, ROOM_SPREAD_DB, LOUD_ROOM_DB = 0.5, 3.0, 10.0  # no sound of speech is so even for so long: this is the room
ZERO_CROSSINGS = 32  # of the resampling filter: -44 dB where an "s" would fold back, 5 % above the lower band's edge; 6 gives -10
OUTPUTS = 64  # of the resampling, at a time

__all__ = ["MAX_BYTES", "AudioError", "Clip", "inspect", "read", "resample", "to_int16", "trim"]


@dataclass(frozen=True)
class Clip:
    """A recording that was understood.

    Attributes
    ----------
    samples : ndarray of float32, shape (n,)
        Mono, within -1 to 1.
    rate : int
        Of ``samples``, in Hz.
    container, codec : str
        As the file had it: ``containers``' name of the one, libsndfile's of the other.
    source_rate, channels : int
        As the file had it.
    seconds : float
        Of the whole recording, before trimming.
    peak_db, rms_db : float
        Level of the whole recording over all channels, dB relative to full scale (a full-scale sine has an RMS of -3.01).
    clipped_fraction : float
        The part of all samples that stands at or beyond the limit of its format.
    trimmed_front, trimmed_back : float
        Seconds of silence that were cut off.
    verdicts : tuple of str
        Sentences on the level, for the person; empty where it is good.
    """

    samples: np.ndarray
    rate: int
    container: str
    codec: str
    source_rate: int
    channels: int
    seconds: float
    peak_db: float
    rms_db: float
    clipped_fraction: float
    trimmed_front: float
    trimmed_back: float
    verdicts: tuple[str, ...]


def read(data: bytes, rate: int | None = None, trim: bool = True) -> Clip:
    """Decode a recording of 0.1 to 30 s, 8 to 96 kHz, mono or stereo, at most 10 MB.

    WAV, FLAC, OGG (Vorbis, Opus) and MP3; M4A or MP4 (AAC), WebM or Matroska (Opus, Vorbis), of which the first track of sound.

    Parameters
    ----------
    data : bytes
        The whole file.
    rate : int, optional
        Resample to so many Hz; None keeps the file's own rate.
    trim : bool
        Cut off silence at the front and at the back.

    Raises
    ------
    AudioError
        One sentence that says what is wrong and what to do.
    """
    channels, source_rate, container, codec = decode(data)
    if not np.isfinite(channels).all():
        bad = int(channels.size - np.isfinite(channels).sum())
        raise AudioError(_("{n:,} samples are not numbers (NaN or infinity); export the recording again.").format(n=bad))
    peak = float(np.abs(channels).max())
    if peak == 0.0:
        raise AudioError(_("Every sample is 0: there is only silence. Check that the microphone is on, and record again."))
    power = float(np.mean(np.square(channels, dtype=np.float64)))
    mono = _mix(channels / max(1.0, peak))
    start, stop = _speech(mono, source_rate)
    if not trim:
        start, stop = 0, len(mono)
    kept = mono[start:stop]
    kept_db = _db(float(np.mean(np.square(kept, dtype=np.float64))))
    clipped = _clipped_fraction(channels)
    return Clip(
        samples=kept if rate in (None, source_rate) else resample(kept, source_rate, rate),
        rate=rate or source_rate,
        container=container,
        codec=codec,
        source_rate=source_rate,
        channels=channels.shape[1],
        seconds=len(mono) / source_rate,
        peak_db=_db(peak**2),
        rms_db=_db(power),
        clipped_fraction=clipped,
        trimmed_front=start / source_rate,
        trimmed_back=(len(mono) - stop) / source_rate,
        verdicts=_verdicts(kept_db, clipped, peak),
    )


def inspect(data: bytes) -> dict[str, Any]:
    """Return what ``read`` learns of a file, as plain values fit for JSON; rounded to what can be told apart.

    Raises
    ------
    AudioError
        As ``read``.
    """
    clip = read(data)
    return {
        "format": clip.container,
        "codec": clip.codec,
        "rate": clip.source_rate,
        "channels": clip.channels,
        "seconds": round(clip.seconds, 4),
        "peak_dbfs": round(clip.peak_db, 2),
        "rms_dbfs": round(clip.rms_db, 2),
        "clipped_fraction": round(clip.clipped_fraction, 6),
        "trimmed_front_seconds": round(clip.trimmed_front, 3),
        "trimmed_back_seconds": round(clip.trimmed_back, 3),
        "speech_seconds": round(clip.seconds - clip.trimmed_front - clip.trimmed_back, 3),
        "bytes": len(data),
        "verdicts": list(clip.verdicts),
    }


def trim(samples: np.ndarray, rate: int) -> np.ndarray:
    """Return a recording, float in -1 to 1 or int16 of shape (n,), without the silence around it, as a view.

    Speech ends where 20 ms have 40 dB less power than the loudest 20 ms, or less still where the room is noisy: 9 dB above its
    quietest tenth, but no nearer than 32 dB; where half a second is as even as only a room is, no nearer than 10 dB. A margin of
    40 ms stays on both sides, and at least 0.1 s in all.

    Raises
    ------
    AudioError
        When there is nothing but silence.
    """
    start, stop = _speech(samples, rate)
    return samples[start:stop]


def resample(samples: np.ndarray, source_rate: int, rate: int) -> np.ndarray:
    """Return float32 samples of shape (n,) at another rate, band-limited by torchaudio's windowed sinc.

    Between odd rates such as 44,099 and 8,000 Hz the filter bank would need gigabytes, so the ratio is rounded to a fraction of
    at most 500 parts: exact for all common rates, and never more than 0.1 % (2 cents) off.
    """
    import torch
    from torch.nn.functional import conv1d, pad

    ratio = Fraction(rate, source_rate).limit_denominator(500)
    if ratio == 1:
        return np.ascontiguousarray(samples, np.float32)
    filters, width = _resampling_filters(ratio.denominator, ratio.numerator)
    step = filters.shape[0] * ratio.denominator // ratio.numerator
    padded = pad(torch.from_numpy(np.ascontiguousarray(samples, np.float32)), (width, width + step))
    resampled = conv1d(padded[None, None], filters, stride=step)[0]  # (outputs of a step, steps)
    return resampled.T.reshape(-1)[: -(-len(samples) * ratio.numerator // ratio.denominator)].numpy()


@lru_cache(maxsize=16)
def _resampling_filters(source: int, target: int) -> "tuple[torch.Tensor, int]":
    import torch
    from torchaudio.transforms import Resample

    sinc = Resample(source, target, lowpass_filter_width=ZERO_CROSSINGS, dtype=torch.float64)
    kernel = sinc.get_buffer("kernel")[:, 0].float()  # (target, taps)
    turns = -(-OUTPUTS // target)  # of its few outputs at a time: with many, the convolution is five times as fast
    filters = torch.zeros(turns, target, kernel.shape[1] + (turns - 1) * source)
    for turn in range(turns):
        filters[turn, :, turn * source : turn * source + kernel.shape[1]] = kernel
    return filters.reshape(turns * target, 1, -1), sinc.width


def to_int16(samples: np.ndarray) -> np.ndarray:
    """Return samples of -1 to 1 as the corpora keep them and ``features`` takes them: int16, rounded."""
    return np.round(samples * 32767.0).astype(np.int16)


def _mix(channels: np.ndarray) -> np.ndarray:
    if channels.shape[1] == 1:
        return channels[:, 0]
    mono = channels.mean(axis=1, dtype=np.float32)
    powers = np.square(channels).mean(axis=0)
    cancels = np.square(mono).mean() < 0.01 * powers.max()  # wired out of phase: one side is all there is to hear
    return channels[:, int(powers.argmax())] if cancels else mono


def _speech(samples: np.ndarray, rate: int) -> tuple[int, int]:
    hop = round(FRAME_SECONDS * rate)
    scale = 1 / 32768 if samples.dtype == np.int16 else 1.0
    padded = np.zeros(max(2, -(-len(samples) // hop)) * hop, np.float32)
    padded[: len(samples)] = (samples - np.mean(samples, dtype=np.float64)) * scale if len(samples) else 0.0
    power = np.square(padded).reshape(-1, hop).mean(axis=1)
    level = 10 * np.log10((power[1:] + power[:-1]) / 2 + 1e-20)  # dBFS of every 20 ms, from 10 to 10 ms
    loudest = float(level.max())
    if loudest < SILENCE_DB:
        raise AudioError(
            _(
                "There is only silence: the loudest moment has {level:.0f} dBFS. Check the microphone and speak closer to it."
            ).format(level=loudest)
        )
    noise = float(np.sort(level)[len(level) // 10])
    is_room = np.count_nonzero(np.abs(level - noise) < ROOM_SPREAD_DB) * FRAME_SECONDS >= ROOM_SECONDS
    nearest = loudest - (LOUD_ROOM_DB if is_room else SHALLOWEST_DB)
    edge = min(max(noise + ABOVE_NOISE_DB, loudest - DEEPEST_DB), nearest)
    loud = np.flatnonzero(level >= edge)
    margin = round(MARGIN_SECONDS * rate)
    start = max(0, int(loud[0]) * hop - margin)
    stop = min(len(samples), (int(loud[-1]) + 2) * hop + margin)
    least = round(MIN_SECONDS * rate)
    start = max(0, min(start, len(samples) - least))
    return start, max(stop, min(len(samples), start + least))


def _clipped_fraction(channels: np.ndarray) -> float:
    high, low = float(channels.max()), float(channels.min())
    beyond = np.abs(channels) > 1.0
    for limit in (high, low):
        if abs(limit) >= 0.95:
            at = channels == limit
            flat = at[2:] & at[1:-1] & at[:-2]  # one sample at the limit is a peak, three in a row are a cut
            beyond[2:] |= flat
            beyond[1:-1] |= flat
            beyond[:-2] |= flat
    return float(beyond.mean())


def _verdicts(level: float, clipped: float, peak: float) -> tuple[str, ...]:
    verdicts = []
    if level < TOO_QUIET_DB:
        verdicts.append(_("too quiet: {level:.0f} dBFS where speech should have about -20; speak closer to the microphone").format(
            level=level
        ))  # fmt: skip
    if peak > BEYOND:
        verdicts.append(
            _("scaled down: the samples reach {peak:,.1f} where 1 is full scale; export with normalised samples").format(peak=peak)
        )
    elif clipped > TOO_CLIPPED:
        verdicts.append(_("clipped: {percent:.1f} % of the samples are at the limit; speak softer or turn the input down").format(
            percent=100 * clipped
        ))  # fmt: skip
    return tuple(verdicts)


def _db(power: float) -> float:
    return 10.0 * float(np.log10(max(power, 1e-20)))
