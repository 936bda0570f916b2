"""Sounds as files, for tests: what libsndfile writes, and what FFmpeg writes for phones and browsers."""

import io
from typing import Any

import av
import numpy as np
import soundfile


def sine(hertz: float = 440.0, seconds: float = 1.0, rate: int = 16_000, peak: float = 0.5) -> np.ndarray:
    return peak * np.sin(2 * np.pi * hertz * np.arange(round(seconds * rate)) / rate)


def encode(samples: np.ndarray, rate: int = 16_000, container: str = "WAV", coding: str | None = None, **options: Any) -> bytes:
    file = io.BytesIO()
    soundfile.write(file, samples, rate, format=container, subtype=coding, **options)
    return file.getvalue()


class _Pipe:
    """A file that cannot go back to write a length into its header, as what a browser's recorder writes to."""

    def __init__(self, file: io.BytesIO) -> None:
        self.write = file.write


def encode_media(
    samples: np.ndarray, rate: int = 48_000, container: str = "webm", coding: str = "libopus", live: bool = False, **options: str
) -> bytes:
    """Write samples of shape (n,) or (n, channels) by FFmpeg; ``live`` as a stream whose length is not known."""
    channels = np.atleast_2d(np.asarray(samples, np.float32).T)  # (channels, n)
    layout = {1: "mono", 2: "stereo", 6: "5.1"}[len(channels)]
    file = io.BytesIO()
    with av.open(_Pipe(file) if live else file, "w", format=container, options=options | ({"live": "1"} if live else {})) as out:
        stream = out.add_stream(coding, rate=rate, layout=layout)
        context = stream.codec_context
        resampler = av.AudioResampler(context.format.name, layout, rate, context.frame_size or None)
        sound = av.AudioFrame.from_ndarray(np.ascontiguousarray(channels), "fltp", layout)
        sound.sample_rate = rate
        for frame in [*resampler.resample(sound), *resampler.resample(None), None]:
            out.mux(stream.encode(frame))
    return file.getvalue()


def encode_pictures(container: str = "mp4", coding: str = "mpeg4") -> bytes:
    """Write a second of film without sound."""
    file = io.BytesIO()
    with av.open(file, "w", format=container) as out:
        stream = out.add_stream(coding, rate=10)
        stream.width, stream.height, stream.pix_fmt = 64, 64, "yuv420p"
        for shade in range(10):
            out.mux(stream.encode(av.VideoFrame.from_ndarray(np.full((64, 64, 3), 20 * shade, np.uint8), "rgb24")))
        out.mux(stream.encode(None))
    return file.getvalue()
