"""A trained recogniser as a safetensors file that says by itself what it is; and what it hears in a recording."""

import contextlib
import json
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import safetensors
import safetensors.torch
import torch

from l1demo import LabError, audio, features, training
from l1demo.model import Recogniser, build
from l1demo.spec import RunSpec, SpecError
from l1demo.text import _

MAX_BYTES = 64 * 2**20  # of a file from elsewhere


class ModelError(LabError):
    """A file that holds no recogniser of this lab; the message says why."""


def dump(recogniser: Recogniser, spec: RunSpec, words: tuple[str, ...], stops: Sequence[dict[str, torch.Tensor]] = ()) -> bytes:
    """Write a recogniser as safetensors, with its description and its words as JSON in the metadata.

    The stops of a λ path stand beside it, each the recogniser's ``state_dict`` at the end of one λ, as ``stop0/NAME`` and so on.
    """
    tensors = recogniser.state_dict() | {f"stop{i}/{name}": w for i, stop in enumerate(stops) for name, w in stop.items()}
    return safetensors.torch.save(tensors, {"spec": spec.to_json(), "words": json.dumps(words)})


def save(path: Path, recogniser: Recogniser, spec: RunSpec, words: tuple[str, ...]) -> None:
    """Write a recogniser to a file.

    Raises
    ------
    ModelError
        When the file cannot be written.
    """
    try:
        path.write_bytes(dump(recogniser, spec, words))
    except OSError as error:
        raise ModelError(_("{path} cannot be written: {reason}.").format(path=path, reason=error.strerror or error)) from error


def load(data: bytes, stop: int | None = None, most: int | None = None) -> tuple[Recogniser, RunSpec, tuple[str, ...]]:
    """Read ``dump``'s bytes, which may come from anywhere: nothing in them is run.

    Parameters
    ----------
    data : bytes
    stop : int, optional
        Of a λ path the recogniser at the end of this λ, not the last.
    most : int, optional
        How many bytes are read: ``MAX_BYTES`` for what others send. A long path of the lab's own has more.

    Raises
    ------
    ModelError
        When they are too many, no safetensors, without a description, or of other shapes than it says.
    """
    if most is not None and len(data) > most:
        raise ModelError(
            _("The model has {n:.0f} MB; at most {most:.0f} MB can be read.").format(n=len(data) / 2**20, most=most / 2**20)
        )
    with _refused():
        tensors, spec, words = _read(data)
        return _recogniser(tensors, spec, words, "" if stop is None else f"stop{stop}/"), spec, words


def load_stops(data: bytes) -> tuple[list[Recogniser], RunSpec, tuple[str, ...]]:
    """Read the recognisers at the end of each λ of a path, as ``load`` reads one.

    Raises
    ------
    ModelError
        As ``load``, and for what is no path.
    """
    with _refused():
        tensors, spec, words = _read(data)
        stops = len({name.split("/")[0] for name in tensors if "/" in name})
        if not stops:
            raise ValueError(_("it is no λ path"))
        return [_recogniser(tensors, spec, words, f"stop{i}/") for i in range(stops)], spec, words


@torch.no_grad()
def recognise(recogniser: Recogniser, spec: RunSpec, words: tuple[str, ...], data: bytes) -> dict[str, float]:
    """Say how probable each word is in a recording, read and prepared as the training clips were.

    Raises
    ------
    AudioError
        When the recording cannot be read.
    """
    clip = audio.to_int16(audio.read(data, rate=features.RATE).samples)
    heard = features.frames([clip], np.zeros(1, np.int64), spec.features)
    logits = recogniser(features.normalise(heard.x, heard.lengths), heard.lengths)
    return dict(zip(words, training.probabilities(logits, spec.training.loss)[0].tolist(), strict=True))


@contextlib.contextmanager
def _refused() -> Iterator[None]:
    try:
        yield
    except (safetensors.SafetensorError, SpecError, KeyError, TypeError, ValueError, RuntimeError) as error:
        raise ModelError(_("This is not a model that the lab saved: {reason}").format(reason=str(error).splitlines()[0])) from error


def _read(data: bytes) -> tuple[dict[str, torch.Tensor], RunSpec, tuple[str, ...]]:
    tensors = safetensors.torch.load(data)
    about = _metadata(data)
    if not all(w.isfinite().all() for w in tensors.values()):
        raise ValueError(_("some weights are not finite numbers"))
    return tensors, RunSpec.from_json(about["spec"]), _words(about["words"])


def _recogniser(tensors: dict[str, torch.Tensor], spec: RunSpec, words: tuple[str, ...], part: str) -> Recogniser:
    recogniser = build(spec, len(words))
    recogniser.load_state_dict({name.removeprefix(part): w for name, w in tensors.items() if _of_part(name, part)})
    return recogniser.eval()


def _of_part(name: str, part: str) -> bool:
    return name.startswith(part) if part else not re.match(r"stop\d+/", name)


def _words(text: str) -> tuple[str, ...]:
    words = json.loads(text)
    if not isinstance(words, list) or not all(isinstance(word, str) for word in words) or len(set(words)) != len(words):
        raise ValueError(_("its words are no list of different words"))
    return tuple(words)


def _metadata(data: bytes) -> dict[str, Any]:
    length = int.from_bytes(data[:8], "little")  # safetensors.torch.load has checked the header; it does not give its metadata
    return json.loads(data[8 : 8 + length]).get("__metadata__", {})
