"""``python -m l1demo compare``: settings side by side from the same starts, and whether their difference means anything."""

import argparse
import json
import sys
from typing import Any

import numpy as np

from l1demo import intervals
from l1demo.commands import settings
from l1demo.control import parse
from l1demo.spec import RunSpec, SpecError, control, controls
from l1demo.text import _

SEEDS = 3


def add(commands: Any) -> None:
    """Add the command to the program's parser."""
    command = commands.add_parser(
        "compare",
        help=_("train settings side by side, as in: compare lam=0 lam=0.002,method=subgradient"),
        description=_("Train settings side by side from the same starts, and say whether their difference means anything."),
    )
    command.set_defaults(run=run)
    command.add_argument(
        "settings",
        nargs="+",
        metavar="NAME=VALUE,…",
        help=_("what differs from the flags; the first is what the others are compared with"),
    )
    settings.add_flags(command)
    command.add_argument("--seeds", type=int, default=SEEDS, metavar="N", help=_("runs of each, of seeds from --seed on"))
    settings.add_json(command)


def run(options: argparse.Namespace) -> None:
    """Train every setting once for each seed and print means, standard errors and paired differences.

    Raises
    ------
    LabError
        For settings that cannot be used.
    """
    import torch

    torch.set_num_threads(1)  # as the workers do
    if len(options.settings) < 2:
        raise SpecError(_("There is one setting, and nothing to compare it with; write two or more, as in lam=0 lam=0.002."))
    if options.seeds < 1:
        raise SpecError(_("seeds is {n}; choose 1 or more.").format(n=options.seeds))
    usual = settings.spec_of(options)
    specs = [_with(usual, text) for text in options.settings]
    found = {name: np.zeros((options.seeds, len(specs))) for name in ("val_loss", "val_accuracy", "exact_zero_fraction")}
    for k in range(options.seeds):  # all settings of one seed, then the next: they share clips
        for i, spec in enumerate(specs):
            print(_("seed {seed}: {setting}").format(seed=spec.seed + k, setting=options.settings[i]), file=sys.stderr, flush=True)
            last = settings.trained(spec.with_values(seed=spec.seed + k))[0][-1]
            for name, values in found.items():
                values[k, i] = last[name]
    for i, text in enumerate(options.settings):
        line = _line(text, found, i)
        print(json.dumps(line) if options.json else _told(line), flush=True)


def _with(usual: RunSpec, text: str) -> RunSpec:
    known = {c.name for c, _value in controls(usual)}
    given: dict[str, Any] = {}
    for pair in text.split(","):
        name, equals, value = pair.partition("=")
        if not equals or name not in known:
            raise SpecError(_("“{pair}” is no setting; write a name and its value, as in lam=0.002.").format(pair=pair[:60]))
        given[name.replace("-", "_")] = parse(control(name), value)
    return usual.with_values(**given)


def _line(text: str, found: dict[str, np.ndarray], i: int) -> dict[str, Any]:
    line: dict[str, Any] = {"settings": text}
    for name, values in found.items():
        error = intervals.standard_error(values)[i]
        line |= {name: float(intervals.mean(values)[i]), f"{name}_se": _finite(error)}
    if i:
        loss = found["val_loss"]
        gap, error = intervals.difference(loss[:, i : i + 1], loss[:, :1])
        line |= {"val_loss_difference": float(gap[0]), "val_loss_difference_se": _finite(error[0]), "seeds": len(loss)}
        line["lower_in"] = int((loss[:, i] < loss[:, 0]).sum())
        line["means_something"] = intervals.means_something(loss[:, i] - loss[:, 0])
    return line


def _told(line: dict[str, Any]) -> str:
    said = _(
        "{settings}: validation loss {loss:.4f}{loss_error}, accuracy {accuracy:.1%}{accuracy_error}, {zeros:.1%} exact zeros."
    ).format(
        settings=line["settings"],
        loss=line["val_loss"],
        loss_error=_error(line["val_loss_se"], ".4f"),
        accuracy=line["val_accuracy"],
        accuracy_error=_error(line["val_accuracy_se"], ".1%"),
        zeros=line["exact_zero_fraction"],
    )
    if "seeds" not in line:
        return said
    said += " " + _("Against the first, the loss is {gap:+.4f}{error}, lower with {lower} of {seeds} seeds.").format(
        gap=line["val_loss_difference"],
        error=_error(line["val_loss_difference_se"], ".4f"),
        lower=line["lower_in"],
        seeds=line["seeds"],
    )
    if line["seeds"] < 2:
        return f"{said} " + _("One seed tells nothing about chance; take more with --seeds.")
    if line["means_something"]:
        return f"{said} " + _("Chance alone would seldom do that (Student's t test, 5 % level).")
    return f"{said} " + _("Chance alone could do that; more seeds may tell.")


def _error(error: float | None, form: str) -> str:
    return "" if error is None else f" ± {error:{form}}"


def _finite(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None
