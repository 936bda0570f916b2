"""Clips as a browser's microphone would have given them: a room, its noise, seconds of waiting around the word, and a lossy codec.

A module of ``strangers.py``, which measures what a recogniser hears of them. The same clip, condition and seed give the same bytes.
"""

import io
from typing import cast

import av
import numpy as np
import soundfile
from av.audio.stream import AudioStream

from l1demo import audio

RATE = 48_000  # of a browser's microphone, and the only one that Opus likes
NOISE_DB = 20.0  # from the word's mean power down to the room's noise: a fan, a corridor
REVERBERATION, DIRECT_DB = 0.3, 6.0  # seconds to fall by 60 dB, and from the echo up to the voice: a furnished room
BIT_RATES = {"opus 32 kb/s": 32_000, "opus 12 kb/s": 12_000}  # Chrome's own choice for one voice is higher
WAITING = {"late start": (1.5, 0.1), "2 s around": (1.0, 1.0)}  # seconds before the word and after it
CONDITIONS = ("clean", *BIT_RATES, "noise", "echo", *WAITING, "all at once")


def degrade(samples: np.ndarray, rate: int, condition: str, seed: int) -> bytes:
    """Return a clip, int16 of shape (n,), as the file that a browser would send of it: WebM, where a codec is named, else WAV.

    The noise of a waiting room is the noise of its word; in digital silence, waiting would be no trouble. "All at once" is echo,
    2 s around the word, noise and the lower bit rate.
    """
    generator = np.random.default_rng(seed)
    wave = audio.resample(samples / np.float32(32768), rate, RATE)
    level = float(np.square(wave).mean())
    everything = condition == "all at once"
    if everything or condition == "echo":
        wave = _in_a_room(wave, generator)
    waits = WAITING.get("2 s around" if everything else condition)
    if waits:
        wave = np.pad(wave, [round(seconds * RATE) for seconds in waits])
    if everything or waits or condition == "noise":
        wave = wave + _noise(len(wave), generator) * (level * 10 ** (-NOISE_DB / 10)) ** 0.5
    wave = (wave / max(1.0, float(np.abs(wave).max()))).astype(np.float32)
    if everything or condition in BIT_RATES:
        return _webm(wave, min(BIT_RATES.values()) if everything else BIT_RATES[condition])
    return _wav(wave)


def _in_a_room(wave: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """Convolve with noise that decays by the reverberation time, after 5 ms in which only the voice is heard."""
    t = np.arange(round(REVERBERATION * RATE)) / RATE
    tail = generator.standard_normal(len(t)) * 10 ** (-3 * t / REVERBERATION) * (t > 0.005)
    tail *= (10 ** (-DIRECT_DB / 10) / np.square(tail).sum()) ** 0.5
    tail[0] = 1.0
    size = len(wave) + len(tail) - 1
    return np.fft.irfft(np.fft.rfft(wave, size) * np.fft.rfft(tail, size), size)


def _noise(length: int, generator: np.random.Generator) -> np.ndarray:
    """Return noise of mean power 1 below 4 kHz whose power falls by 3 dB an octave from 50 Hz on, as a room's does."""
    hertz = np.fft.rfftfreq(length, 1 / RATE)
    spectrum = np.fft.rfft(generator.standard_normal(length)) / np.sqrt(np.maximum(hertz, 50))
    noise = np.fft.irfft(spectrum, length)
    heard = np.fft.irfft(spectrum * (hertz < 4000), length)
    return noise / np.sqrt(np.square(heard).mean())


def _wav(wave: np.ndarray) -> bytes:
    file = io.BytesIO()
    soundfile.write(file, wave, RATE, "PCM_16", format="WAV")
    return file.getvalue()


def _webm(wave: np.ndarray, bit_rate: int) -> bytes:
    file = io.BytesIO()
    with av.open(file, "w", format="webm") as output:
        stream = cast(AudioStream, output.add_stream("libopus", rate=RATE, layout="mono"))
        stream.bit_rate = bit_rate
        frame = av.AudioFrame.from_ndarray(audio.to_int16(wave)[None], "s16", "mono")
        frame.sample_rate = RATE
        output.mux(stream.encode(frame))
        output.mux(stream.encode(None))
    return file.getvalue()
