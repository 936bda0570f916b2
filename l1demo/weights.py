"""A trained recogniser as a safetensors file that says by itself what it is; and what it hears in a recording."""

import contextlib
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import safetensors
import safetensors.torch
import torch

from l1demo import LabError, audio, features, model_claims, sparsity, training
from l1demo.model import Recogniser, build
from l1demo.spec import RunSpec
from l1demo.text import _

MAX_BYTES = 64 * 2**20  # of a file from elsewhere
MAX_HEADER = 4 * 2**20  # of any: a path of 300 stops has a tenth of it
VERSION = "1"  # of the metadata: raise it when a reader of today would misunderstand them


class ModelError(LabError):
    """A file that holds no recogniser of this lab; the message says why."""


def dump(
    recogniser: Recogniser,
    spec: RunSpec,
    words: tuple[str, ...],
    stops: Sequence[dict[str, torch.Tensor]] = (),
    figures: Mapping[str, Any] | None = None,
    origin: Mapping[str, str] | None = None,
) -> bytes:
    """Write a recogniser as safetensors, with what it is in the metadata.

    These are, all of them text: ``format`` and ``version`` of the metadata; ``id``, the run's; ``spec`` and ``words`` as JSON;
    ``rate`` of the clips in Hz; and where they are given ``figures`` and ``origin`` as JSON.

    Parameters
    ----------
    recogniser : Recogniser
    spec : RunSpec
    words : tuple of str
    stops : sequence of dict
        Of a λ path the recogniser's ``state_dict`` at the end of each λ: they stand beside it as ``stop0/NAME`` and so on.
    figures : mapping, optional
        The last epoch's row, of which ``model_claims.FIGURES`` are kept.
    origin : mapping of str to str, optional
        ``title``, ``licence`` and ``source`` of the clips.
    """
    tensors = recogniser.state_dict() | {f"stop{i}/{name}": w for i, stop in enumerate(stops) for name, w in stop.items()}
    about = {"format": "l1demo recogniser", "version": VERSION, "id": spec.id, "rate": str(features.RATE)}
    about |= {"spec": spec.to_json(), "words": json.dumps(words)}
    if figures:
        about["figures"] = model_claims.write_figures(figures)
    if origin:
        about["origin"] = model_claims.write_origin(origin)
    return safetensors.torch.save(tensors, about)


def save(path: Path, data: bytes) -> None:
    """Write ``dump``'s bytes, or those of another form, to a file.

    Raises
    ------
    ModelError
        When the file cannot be written.
    """
    try:
        path.write_bytes(data)
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
        How many bytes are read: ``MAX_BYTES`` for what others send, whose words are then looked at, too. A long path of the lab's
        own has more.

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
        if most is not None:
            model_claims.check_words(words)
        return _recogniser(tensors, spec, words, "" if stop is None else f"stop{stop}/"), spec, words


def check(data: bytes) -> dict[str, Any]:
    """Read a file that somebody sends, and say what it is.

    Returns
    -------
    dict
        ``words`` (tuple of str), ``spec`` (its JSON), ``id`` (of the run, as its description has it), ``parameters`` and
        ``exact_zero_fraction``, counted; ``figures`` and ``origin``, as the file claims them, empty where it says nothing.

    Raises
    ------
    ModelError
        As ``load``.
    """
    recogniser, spec, words = load(data, most=MAX_BYTES)
    counted = sparsity.describe(recogniser)
    counts = {name: counted[name] for name in ("parameters", "exact_zero_fraction")}
    return {"words": words, "spec": spec.to_json(), "id": spec.id, **counts, **claims(data)}


def claims(data: bytes) -> dict[str, Any]:
    """Return what a file that ``load`` reads says of itself besides: ``figures`` and ``origin``, empty where it says nothing.

    Raises
    ------
    ModelError
        When they are of another form than ``dump``'s.
    """
    with _refused():
        about = _metadata(data)
        return {
            "figures": model_claims.figures(about.get("figures", "{}")),
            "origin": model_claims.origin(about.get("origin", "{}")),
        }


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
    expected = (safetensors.SafetensorError, KeyError, TypeError, ValueError, RuntimeError, OverflowError)
    try:
        yield
    except expected as error:
        reason = "".join(c if c.isprintable() else " " for c in str(error).splitlines()[0][:300])
        raise ModelError(_("This is not a model that the lab saved: {reason}").format(reason=reason)) from error


def _read(data: bytes) -> tuple[dict[str, torch.Tensor], RunSpec, tuple[str, ...]]:
    if data[8:9] != b"{":  # where a safetensors file's header begins
        raise ValueError(model_claims.another_kind(data))
    if (size := int.from_bytes(data[:8], "little")) > MAX_HEADER:
        raise ValueError(
            _("its header claims {n:,.0f} MB; at most {most:.0f} MB are read").format(n=size / 2**20, most=MAX_HEADER / 2**20)
        )
    tensors = safetensors.torch.load(data)
    about = _metadata(data)
    if (version := about.get("version", VERSION)) != VERSION:
        raise ValueError(
            _("it has version {version}, and this lab reads version {ours}; take a newer lab").format(
                version=repr(version)[:20], ours=VERSION
            )
        )
    if missing := [name for name in ("spec", "words") if name not in about]:
        raise ValueError(_("its metadata lack {names}").format(names=", ".join(missing)))
    return tensors, RunSpec.from_json(about["spec"]), _words(about["words"])


def _recogniser(tensors: dict[str, torch.Tensor], spec: RunSpec, words: tuple[str, ...], part: str) -> Recogniser:
    ours = {name.removeprefix(part): w for name, w in tensors.items() if _of_part(name, part)}
    if part:
        ours = {name: w.float() if w.dtype == torch.float16 else w for name, w in ours.items()}  # stops as paths.pack keeps them
    if not words or tuple(ours.get("out.bias", torch.empty(0)).shape) != (len(words),):  # before a network for a million is made
        raise ValueError(_("it names {n} words, but has weights for another number").format(n=len(words)))
    recogniser = build(spec, len(words))
    wanted = recogniser.state_dict()
    if strange := sorted(wanted.keys() ^ ours.keys()):
        raise ValueError(
            _("the weights {name} are missing or unknown").format(name=strange[0][:60] + (", …" if len(strange) > 1 else ""))
        )
    for name, w in ours.items():
        if (w.dtype, w.shape) != (torch.float32, wanted[name].shape):
            raise ValueError(
                _("the weights {name} are {type} {shape}, not float32 {wanted} as its description says").format(
                    name=name, type=str(w.dtype).removeprefix("torch."), shape=list(w.shape), wanted=list(wanted[name].shape)
                )
            )
        if not w.isfinite().all():
            raise ValueError(_("some weights of {name} are not finite numbers").format(name=name))
    recogniser.load_state_dict(ours)
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
