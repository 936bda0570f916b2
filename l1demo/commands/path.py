"""``python -m l1demo path``: a λ path for the settings of the flags, with standard errors over seeds or held-out speakers."""

import argparse
import json
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from l1demo import intervals, paths, tasks
from l1demo import path as lam_path
from l1demo.commands import settings
from l1demo.path import Plan
from l1demo.spec import RunSpec, SpecError, control
from l1demo.text import _

OWN = ("lam", "lam-changes", "lr-falls")  # a path decides them
NUMBERS = ("train_loss", "val_loss", "train_accuracy", "val_accuracy", "zeros", "norm", "dead")
NAMES = {"zeros": "exact_zero_fraction", "norm": "l1_norm", "dead": "dead_units"}  # as ``train`` calls them


def add(commands: Any) -> None:
    """Add the command to the program's parser."""
    help = _("train along rising λ, each warm-started from the last")
    command = commands.add_parser("path", help=help, allow_abbrev=False)  # or --lam would be taken for --lams
    command.set_defaults(run=run)
    settings.add_flags(command, without=OWN)
    wanted = command.add_mutually_exclusive_group()
    wanted.add_argument("--lams", type=float, nargs="+", metavar="F", help=_("these λ above 0, rising; the path begins with 0"))
    wanted.add_argument(
        "--stops",
        type=int,
        metavar="N",
        help=_("so many λ above 0, evenly spaced on a log scale; {n} where not given").format(n=lam_path.STOPS),
    )
    command.add_argument("--seeds", type=int, default=1, metavar="N", help=_("paths, of seeds from --seed on"))
    command.add_argument("--hold-out-each", action="store_true", help=_("paths for each speaker, who is kept out and validated on"))
    command.add_argument("--cold", action="store_true", help=_("train a run of its own for each λ, too, as a check"))
    command.add_argument("--save", type=Path, metavar="FILE", help=_("keep the paths' numbers and the first one's weights"))
    settings.add_json(command)


def run(options: argparse.Namespace) -> None:
    """Train the paths and print a line for each λ.

    Raises
    ------
    LabError
        For settings that cannot be used.
    """
    import torch

    torch.set_num_threads(1)  # as the workers do
    plan = _plan(options)
    if options.save and not options.save.absolute().parent.is_dir():
        raise SpecError(_("The path cannot be saved as {path}: there is no such folder.").format(path=options.save))
    started = time.perf_counter()
    found = []
    for number, spec in enumerate(plan.paths, start=1):
        _say(_("path {i} of {n}: seed {seed}").format(i=number, n=len(plan.paths), seed=spec.seed), spec)
        found.append((spec, *settings.trained(spec)))
    warm_seconds = time.perf_counter() - started
    lams = (0.0, *plan.lams)
    words = len(found[0][2].words)
    size = lam_path.weights_of(plan.settings, words)
    warm = lam_path.gather(lams, [lam_path.at_stops(spec, rows) for spec, rows, _trained in found], size)
    cold = _cold(plan, size) if options.cold else None
    lines = list(_lines(warm, cold))
    summary = _summary(warm) | {"paths": len(found), "epochs": sum(len(rows) for _s, rows, _t in found), "seconds": warm_seconds}
    if options.save:
        _save(options.save, found)
    if options.json:
        for line in (*lines, {"summary": summary}):
            print(json.dumps(line), flush=True)
    else:
        _print_table(lines, warm.paths)


def _plan(options: argparse.Namespace) -> Plan:
    chosen = settings.spec_of(options)
    if options.seeds < 1:
        raise SpecError(_("seeds is {n}; choose 1 or more.").format(n=options.seeds))
    most = int(control("epochs").high or 0) - 1  # each takes an epoch, and so does λ = 0
    if options.stops is not None and not 2 <= options.stops <= most:
        raise SpecError(_("stops is {n}; choose a number from 2 to {most}.").format(n=options.stops, most=most))
    division = tasks.division_of(chosen)
    lams = [lam for lam in options.lams or () if lam != 0]
    wanted = tuple(lams) if options.lams else lam_path.stops(chosen, len(division.train.words), options.stops or lam_path.STOPS)
    speakers = division.train.speakers if options.hold_out_each else ()
    return Plan(chosen, wanted, options.seeds, speakers)


def _save(file: Path, found: list[tuple[RunSpec, list[dict[str, Any]], settings.Trained]]) -> None:
    specs, rows, trained = zip(*found, strict=True)
    try:
        file.write_bytes(paths.pack(specs, rows, trained[0].clips, trained[0].weights))
    except OSError as error:
        raise SpecError(_("{path} cannot be written: {reason}.").format(path=file, reason=error.strerror or error)) from error


def _cold(plan: Plan, size: int) -> lam_path.Path:
    lams = (0.0, *plan.lams)
    by_start: list[list[tuple[float, Mapping[str, Any]]]] = [[] for _start in plan.paths]
    for lam, specs in zip(lams, plan.cold, strict=True):
        for k, spec in enumerate(specs):
            _say(_("cold start {i} of {n}: λ = {lam:g}").format(i=k + 1, n=len(specs), lam=lam), spec)
            by_start[k].append((lam, settings.trained(spec)[0][-1]))
    return lam_path.gather(lams, by_start, size)


def _lines(warm: lam_path.Path, cold: lam_path.Path | None) -> Iterator[dict[str, Any]]:
    best, largest = intervals.best(warm.val_loss), intervals.within_one_error(warm.val_loss)
    for i, lam in enumerate(warm.lams):
        line: dict[str, Any] = {"lam": float(lam)}
        for name in NUMBERS:
            line |= _number(NAMES.get(name, name), getattr(warm, name), i)
        line |= {"best": i == best, "within_one_error": i == largest}
        if cold:
            line |= _number("cold_val_loss", cold.val_loss, i) | _number("cold_val_accuracy", cold.val_accuracy, i)
            line |= _number("cold_exact_zero_fraction", cold.zeros, i)
        yield line


def _number(name: str, values: np.ndarray, i: int) -> dict[str, float | None]:
    middle, error = float(intervals.mean(values)[i]), float(intervals.standard_error(values)[i])
    return {name: middle, f"{name}_se": error if np.isfinite(error) else None}


def _summary(warm: lam_path.Path) -> dict[str, Any]:
    sparsest = intervals.within_one_error(-warm.val_accuracy)
    return {
        "best_lam": _lam(warm, intervals.best(warm.val_loss)),
        "largest_lam_within_one_error": _lam(warm, intervals.within_one_error(warm.val_loss)),
        "sparsest_lam_within_one_error_of_the_best_accuracy": _lam(warm, sparsest),
        "its_exact_zero_fraction": None if sparsest is None else float(intervals.mean(warm.zeros)[sparsest]),
    }


def _lam(warm: lam_path.Path, stop: int | None) -> float | None:
    return None if stop is None else float(warm.lams[stop])


def _print_table(lines: list[dict[str, Any]], paths_there: int) -> None:
    cold = "cold_val_loss" in lines[0]
    print(_("         λ   validation loss         accuracy   exactly 0   ‖W‖₁   dead") + (_("   cold start: loss") if cold else ""))
    for line in lines:
        marks = [
            *([_("best")] if line["best"] else []),
            *([_("largest within one standard error")] if line["within_one_error"] else []),
        ]
        parts = [
            f"{line['lam']:>10.3g}",
            f"{line['val_loss']:>8.4f} {_error(line['val_loss_se'], '.4f'):>8}",
            f"{line['val_accuracy']:>7.1%} {_error(line['val_accuracy_se'], '.1%'):>7}",
            f"{line['exact_zero_fraction']:>9.1%}",
            f"{line['l1_norm']:>8.1f} {line['dead_units']:>6.1f}",
        ]
        if cold:
            parts.append(f"{line['cold_val_loss']:>8.4f} {_error(line['cold_val_loss_se'], '.4f'):>8}")
        print("  ".join([*parts, *([f"← {', '.join(marks)}"] if marks else [])]))
    if paths_there < 2:
        print(_("One path has no standard error; --seeds 3 gives one."))


def _error(error: float | None, form: str) -> str:
    return "" if error is None else f"±{error:{form}}"


def _say(sentence: str, spec: RunSpec) -> None:
    held = _(", without {speaker}").format(speaker=spec.corpus.hold_out) if spec.corpus.hold_out else ""
    print(sentence + held, file=sys.stderr, flush=True)
