"""The settings of a run as flags, from the one list of controls; and a run without workers, as every command trains it."""

import argparse
import functools
import sys
from collections.abc import Collection
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from l1demo import tasks
from l1demo.control import Control, parse
from l1demo.presets import PRESETS
from l1demo.spec import RunSpec, controls
from l1demo.text import _

if TYPE_CHECKING:
    from l1demo.training import Dataset


@dataclass(frozen=True)
class Trained:
    """What is left of a run besides its epochs: its words, how many clips it was validated on, and its weights as safetensors."""

    words: tuple[str, ...]
    clips: int
    weights: bytes


def add_flags(command: argparse.ArgumentParser, without: Collection[str] = ()) -> None:
    """Give a command a preset and a flag for each control, but for some."""
    command.add_argument("--preset", choices=sorted(PRESETS), default="quick", help=_("settings to start from"))
    for control, _usual in controls(RunSpec()):
        if control.name not in without:
            _add_flag(command, control)


def add_json(command: argparse.ArgumentParser) -> None:
    """Let a command print JSON."""
    command.add_argument("--json", action="store_true", help=_("print JSON, an object a line"))


def spec_of(options: argparse.Namespace) -> RunSpec:
    """Return the description that a command's flags ask for.

    Raises
    ------
    SpecError
        For a value that does not parse or is out of range.
    """
    spec = PRESETS[options.preset]
    given: dict[str, Any] = {}
    for control, _value in controls(spec):
        value = getattr(options, f"control_{control.name}", None)
        if value is not None:
            given[control.name.replace("-", "_")] = value if isinstance(value, bool) else parse(control, value)
    return spec.with_values(**given)


def dataset_of(spec: RunSpec) -> "Dataset":
    """Return the clips of a run as the network is to see them, and say once on stderr what was skipped.

    Raises
    ------
    CorpusError
        When there are none, or they cannot be divided so.
    """
    for name in filter(None, (spec.corpus.name, spec.corpus.test)):
        _tell_skipped(name)
    return tasks.dataset_of(spec)


def trained(spec: RunSpec) -> tuple[list[dict[str, Any]], Trained]:
    """Train a run as a worker does, and return its epochs and what is left of it.

    Raises
    ------
    LabError
        When its clips cannot be used, or it diverges.
    """
    from l1demo import checkpoint, training, weights

    data = dataset_of(spec)
    state = checkpoint.begin(spec, len(data.words))
    rows = list(training.train(spec, data, state))
    return rows, Trained(data.words, len(data.validation), weights.dump(state.model, spec, data.words, state.stops))


@functools.cache
def _tell_skipped(name: str) -> None:
    for sentence in tasks.corpus(name).skipped:
        print(_("skipped: {sentence}").format(sentence=sentence), file=sys.stderr)


def _add_flag(command: argparse.ArgumentParser, control: Control) -> None:
    more: dict[str, Any] = {"dest": f"control_{control.name}", "help": _(control.help)}
    if control.kind is bool:
        more["action"] = argparse.BooleanOptionalAction
    elif control.choices:
        more["choices"] = control.choices
    else:
        more["metavar"] = {int: "N", float: "F", str: control.name.upper()}[control.kind]
    command.add_argument(f"--{control.name}", **more)
