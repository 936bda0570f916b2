"""λ paths in one file each: every epoch's numbers, and the weights at the end of each λ of the first. One ships with the lab.

    python -m l1demo path --stops 16 --seeds 3 --save l1demo/paths/digits.path

made the shipped one, of the built-in corpus with the quick settings; tests compare its first epochs with what training gives now.
"""

import json
import lzma
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import safetensors
import safetensors.numpy

from l1demo import LabError
from l1demo.spec import RunSpec, SpecError
from l1demo.text import _

SHIPPED = Path(__file__).with_name("digits.path")
KEPT = ("epoch", "lam", "train_loss", "val_loss", "train_accuracy", "val_accuracy", "exact_zero_fraction", "l1_norm", "dead_units")
DIGITS = 6  # after the point


class PathError(LabError):
    """A file that holds no λ path of this lab; the message says why."""


@dataclass(frozen=True)
class Kept:
    """A path as it was kept.

    Attributes
    ----------
    specs : tuple of RunSpec
        A description a path, which differ in seed or held-out speaker.
    rows : tuple of tuple of dict
        The epochs of each, with the numbers in ``KEPT``.
    words : tuple of str
    clips : int
        How many clips were validated on.
    weights : bytes
        Safetensors as of ``weights.dump``, with the stops of the first path alone, float16.
    """

    specs: tuple[RunSpec, ...]
    rows: tuple[tuple[dict[str, Any], ...], ...]
    words: tuple[str, ...]
    clips: int
    weights: bytes


def shipped() -> Kept:
    """Return the path of the built-in corpus.

    Raises
    ------
    PathError
        When its file is missing or damaged.
    """
    try:
        return unpack(SHIPPED.read_bytes())
    except OSError as error:
        raise PathError(
            _("The path that ships with the lab cannot be read: {reason}. Install the lab again.").format(reason=error.strerror)
        ) from error


def pack(specs: Sequence[RunSpec], rows: Sequence[Sequence[Mapping[str, Any]]], clips: int, weights: bytes) -> bytes:
    """Write paths as ``Kept`` holds them; ``weights`` is what ``weights.dump`` wrote of the first."""
    stops = {name: w.astype(np.float16) for name, w in safetensors.numpy.load(weights).items() if "/" in name}
    slim = [[{name: _short(row[name]) for name in KEPT} for row in path] for path in rows]
    about = _about(weights) | {"specs": _json([spec.to_dict() for spec in specs]), "rows": _json(slim), "clips": str(clips)}
    return lzma.compress(_ordered(safetensors.numpy.save(stops, about)), preset=9)


def unpack(data: bytes) -> Kept:
    """Read what ``pack`` wrote.

    Raises
    ------
    PathError
        When it is something else.
    """
    try:
        weights = lzma.decompress(data)
        about = _about(weights)
        safetensors.numpy.load(weights)
        specs, rows = (json.loads(about[name]) for name in ("specs", "rows"))
        return Kept(
            tuple(RunSpec.from_dict(spec) for spec in specs),
            tuple(tuple(path) for path in rows),
            tuple(json.loads(about["words"])),
            int(about["clips"]),
            weights,
        )
    except (lzma.LZMAError, EOFError, safetensors.SafetensorError, SpecError, KeyError, TypeError, ValueError) as error:
        raise PathError(_("This is not a λ path that the lab saved: {reason}").format(reason=error)) from error


def _about(weights: bytes) -> dict[str, str]:
    length = int.from_bytes(weights[:8], "little")
    return json.loads(weights[8 : 8 + length])["__metadata__"]


def _ordered(weights: bytes) -> bytes:
    length = int.from_bytes(weights[:8], "little")  # safetensors writes its header's names in an order of chance
    header = json.dumps(json.loads(weights[8 : 8 + length]), sort_keys=True, separators=(",", ":")).encode()
    header += b" " * (-len(header) % 8)
    return len(header).to_bytes(8, "little") + header + weights[8 + length :]


def _short(value: Any) -> Any:
    return round(value, DIGITS) if isinstance(value, float) else value


def _json(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)
