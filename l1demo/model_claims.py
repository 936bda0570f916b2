"""What a model file may say of itself in its metadata, and files that are none. Each refusal is a ValueError with the reason."""

import json
import math
from collections.abc import Mapping
from typing import Any

from l1demo.text import N_, _

MAX_WORDS, MAX_LETTERS = 1000, 255  # of such a file, and of each of its words and names
MAX_ORIGIN = 2000  # letters
FIGURES = (  # of the last epoch's row
    *("epoch", "lam", "train_loss", "val_loss", "train_accuracy", "val_accuracy", "seen_loss", "seen_accuracy"),
    *("penalty", "objective", "exact_zero_fraction", "near_zero_fraction", "l1_norm"),
)
ORIGIN = ("title", "licence", "source")  # of the clips that it learned from
_PICKLE = N_("it is a pickle, which may run a program when it is read; the lab reads only the .safetensors files that it saves")
_OTHERS = {  # how files begin that are taken for models
    b"PK\x03\x04": N_("it is a ZIP archive, as PyTorch's .pt files are; the lab reads only the .safetensors files that it saves"),
    **{b"\x80" + bytes([protocol]): _PICKLE for protocol in range(1, 6)},
    **{b"\x08" + bytes([version]): N_("it is an ONNX file; choose the .safetensors file instead") for version in range(1, 32)},
    b"\x89HDF": N_("it is an HDF5 file, as Keras writes; the lab reads only the .safetensors files that it saves"),
    **{start: N_("it is a recording; choose a .safetensors file") for start in (b"RIFF", b"fLaC", b"OggS", b"ID3")},
}


def another_kind(data: bytes) -> str:
    """Say what a file is that is no safetensors file."""
    return next((_(what) for start, what in _OTHERS.items() if data.startswith(start)), _("it is no safetensors file"))


def check_words(words: tuple[str, ...]) -> None:
    """Refuse words that cannot be shown, or are too many."""
    if len(words) > MAX_WORDS:
        raise ValueError(_("it has {n:,} words; at most {most:,} can be shown").format(n=len(words), most=MAX_WORDS))
    if bad := [word for word in words if not _is_name(word)]:
        raise ValueError(
            _("its word {word} cannot be shown: at most {most} letters that can be printed").format(
                word=ascii(bad[0])[:60], most=MAX_LETTERS
            )
        )


def write_figures(row: Mapping[str, Any]) -> str:
    """Write an epoch's ``FIGURES`` as JSON."""
    return json.dumps({name: row[name] for name in FIGURES if name in row})


def figures(text: str) -> dict[str, float]:
    """Read ``write_figures``'s text."""
    read = json.loads(text)
    if not isinstance(read, dict) or not read.keys() <= set(FIGURES):
        raise ValueError(_("its figures are no table of those that the lab knows"))
    for name, value in read.items():
        if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
            raise ValueError(_("its figure {name} is no finite number").format(name=name))
    return read


def write_origin(given: Mapping[str, str]) -> str:
    """Write what is known of the clips' ``ORIGIN`` as JSON."""
    written = {name: " ".join(given.get(name, "").split())[:MAX_ORIGIN] for name in ORIGIN}
    return json.dumps({name: text for name, text in written.items() if text})


def origin(text: str) -> dict[str, str]:
    """Read ``write_origin``'s text."""
    read = json.loads(text)
    if (
        not isinstance(read, dict)
        or not read.keys() <= set(ORIGIN)
        or not all(_is_name(value, MAX_ORIGIN) for value in read.values())
    ):
        raise ValueError(_("where its clips come from is not said as the lab says it"))
    return read


def _is_name(text: Any, most: int = MAX_LETTERS) -> bool:
    return isinstance(text, str) and 0 < len(text) <= most and text.isprintable() and not text.isspace()
