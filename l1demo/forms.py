"""The weights as bytes, in forms that make something of zeros and in one that does not. Each is written, and can be read back."""

import gzip
import io
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import BinaryIO

import numpy as np

from l1demo.model import Recogniser

POINTER = np.dtype("<i4")  # 256 × 1024 weights, the most there are, are more than 16 bits count


@dataclass(frozen=True)
class Form:
    """A way to write a matrix, and to read it back by its shape."""

    write: Callable[[np.ndarray], bytes]
    read: Callable[[BinaryIO, tuple[int, int]], np.ndarray]
    zipped: bool = False


def matrices(model: Recogniser) -> dict[str, np.ndarray]:
    """Return the weight matrices as float32, every zero with a plus sign: 0 and -0 are one weight, and one pattern of bits."""
    return {name: w.detach().numpy().astype("<f4") + np.float32(0) for name, w in model.weights().items()}


def pack(form: str, weights: dict[str, np.ndarray]) -> bytes:
    """Write weight matrices in one of ``FORMS``, one after the other; their shapes follow from the run's description."""
    data = b"".join(map(FORMS[form].write, weights.values()))
    return gzip.compress(data, mtime=0) if FORMS[form].zipped else data


def unpack(form: str, data: bytes, shapes: dict[str, tuple[int, int]]) -> dict[str, np.ndarray]:
    """Read what ``pack`` wrote: the same names and, bit for bit, the same numbers."""
    file = io.BytesIO(gzip.decompress(data) if FORMS[form].zipped else data)
    return {name: FORMS[form].read(file, shape) for name, shape in shapes.items()}


def _write_dense(w: np.ndarray) -> bytes:
    return w.tobytes()


def _read_dense(file: BinaryIO, shape: tuple[int, int]) -> np.ndarray:
    return _next(file, np.dtype("<f4"), shape[0] * shape[1]).reshape(shape)


def _write_csr(column: np.dtype, w: np.ndarray) -> bytes:
    pointers = np.concatenate([[0], np.cumsum(np.count_nonzero(w, 1))]).astype(POINTER)  # (rows + 1,)
    return pointers.tobytes() + np.nonzero(w)[1].astype(column).tobytes() + w[w != 0].tobytes()


def _read_csr(column: np.dtype, file: BinaryIO, shape: tuple[int, int]) -> np.ndarray:
    pointers = _next(file, POINTER, shape[0] + 1)
    columns = _next(file, column, int(pointers[-1]))
    w = np.zeros(shape, "<f4")
    w[np.repeat(np.arange(shape[0]), np.diff(pointers)), columns] = _next(file, np.dtype("<f4"), len(columns))
    return w


def _write_bitmask(w: np.ndarray) -> bytes:
    return np.packbits(w != 0).tobytes() + w[w != 0].tobytes()


def _read_bitmask(file: BinaryIO, shape: tuple[int, int]) -> np.ndarray:
    size = shape[0] * shape[1]
    present = np.unpackbits(_next(file, np.dtype("u1"), -(-size // 8)), count=size).astype(bool)
    w = np.zeros(size, "<f4")
    w[present] = _next(file, np.dtype("<f4"), int(present.sum()))
    return w.reshape(shape)


def _next(file: BinaryIO, kind: np.dtype, count: int) -> np.ndarray:
    return np.frombuffer(file.read(kind.itemsize * count), kind)


FORMS = {
    "dense": Form(_write_dense, _read_dense),
    "csr32": Form(partial(_write_csr, np.dtype("<i4")), partial(_read_csr, np.dtype("<i4"))),
    "csr16": Form(partial(_write_csr, np.dtype("<i2")), partial(_read_csr, np.dtype("<i2"))),
    "bitmask": Form(_write_bitmask, _read_bitmask),
    "gzip": Form(_write_dense, _read_dense, zipped=True),
    "bitmask gzip": Form(_write_bitmask, _read_bitmask, zipped=True),
}
