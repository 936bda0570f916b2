"""A network's weights at one epoch in few bytes, so that a whole training can be looked through: the frames of a film.

Needs neither torch nor a network, because both workers and pages use it.
"""

import zlib
from collections.abc import Mapping

import numpy as np
import safetensors.numpy

FULL = 0.5  # the |w| that the outermost level stands for; larger ones are shown as it
LEVELS = 127
FRAMES = 40  # at most, in one run
ROOM = 4 * 2**20  # bytes of all frames before compression


def epochs(last: int, size: int) -> frozenset[int]:
    """Choose the epochs that have a frame, evenly and always the last, whether or not the run pauses in its midst.

    Parameters
    ----------
    last : int
        The run's last epoch.
    size : int
        The network's number of weights.
    """
    frames = max(1, min(last, FRAMES, ROOM // size))
    return frozenset(round(i * last / frames) for i in range(1, frames + 1))


def frame(matrices: Mapping[str, np.ndarray]) -> bytes:
    """Write weights as levels: 0 only where a weight is exactly 0, ±1 at least elsewhere, ±127 from |w| = ``FULL`` on.

    Parameters
    ----------
    matrices : mapping of str to np.ndarray, float, shape (R, C)
        Finite weights by their names.
    """
    return zlib.compress(safetensors.numpy.save({name: _levels(w) for name, w in matrices.items()}))


def unpack(frame: bytes) -> dict[str, np.ndarray]:
    """Return the levels that ``frame`` wrote, int8, shape (R, C), by the matrices' names."""
    return safetensors.numpy.load(zlib.decompress(frame))


def _levels(w: np.ndarray) -> np.ndarray:
    size = np.clip(np.rint(np.abs(w) * (LEVELS / FULL)), 1, LEVELS)
    return np.where(w == 0, 0, np.copysign(size, w)).astype(np.int8)
