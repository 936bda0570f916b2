"""The same lab without a browser: ``python -m l1demo train | path | compare | speak | recognise | …``."""

import argparse
import json
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from l1demo import LabError, tasks
from l1demo.commands import compare, corpora, export, path, settings, speak
from l1demo.spec import RunSpec, SpecError
from l1demo.text import _

REPORTED = (
    *("epoch", "train_loss", "val_loss", "train_accuracy", "val_accuracy", "penalty", "objective"),
    *("exact_zero_fraction", "near_zero_fraction", "l1_norm", "seconds"),
)
BAD_INPUT = 2


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit status: 0, or 2 for input that cannot be used, with one line on stderr."""
    options = _parser().parse_args(arguments)
    try:
        options.run(options)
    except LabError as error:
        print(f"l1demo: {' '.join(str(error).split())}", file=sys.stderr)
        return BAD_INPUT
    except KeyboardInterrupt:
        print(_("l1demo: stopped"), file=sys.stderr)
        return 130
    return 0


def train(options: argparse.Namespace) -> None:
    """Train one run and print its epochs."""
    import torch

    from l1demo import checkpoint, origin, training, weights

    torch.set_num_threads(1)  # as the workers do: the same description gives the same numbers here and there
    spec = settings.spec_of(options)
    if options.save and not options.save.absolute().parent.is_dir():
        raise SpecError(_("The model cannot be saved as {path}: there is no such folder.").format(path=options.save))
    started = time.perf_counter()
    data = settings.dataset_of(spec)
    reached = checkpoint.begin(spec, len(data.words))
    rows = training.train(spec, data, reached)
    last = _print_json(rows) if options.json else _print_table(rows, spec)
    total = time.perf_counter() - started
    if options.json:
        summary = {name: last[name] for name in REPORTED if name != "epoch"}
        summary |= {"epochs": last["epoch"], "parameters": last["parameters"], "total_seconds": total}
        summary["majority_guess_loss"] = training.loss_of_guessing(spec.training.loss, tasks.division_of(spec))
        print(json.dumps({"summary": summary}), flush=True)
    else:
        print(_("{n:,} parameters, {seconds:.1f} s in all.").format(n=last["parameters"], seconds=total))
    if options.save:
        model = weights.dump(reached.model, spec, data.words, figures=last, origin=origin.of(spec.corpus))
        weights.save(options.save, model)


def inspect(options: argparse.Namespace) -> None:
    """Print what a recording is."""
    from l1demo import audio

    print(json.dumps(audio.inspect(_bytes(options.file)), indent=None if options.json else 2, ensure_ascii=False))


def recognise(options: argparse.Namespace) -> None:
    """Print the probability of each word for each file."""
    from l1demo import weights

    recogniser, spec, words = weights.load(_bytes(options.model), most=weights.MAX_BYTES)
    for file in options.files:
        heard = weights.recognise(recogniser, spec, words, _bytes(file))
        print(
            json.dumps({"file": str(file), "word": max(heard, key=heard.__getitem__), "probabilities": heard}, ensure_ascii=False)
        )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m l1demo", description=_("L1 Speech Lab without a browser."))
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    command = commands.add_parser("train", help=_("train a recogniser"))
    command.set_defaults(run=train)
    settings.add_flags(command)
    command.add_argument("--save", type=Path, metavar="MODEL.safetensors", help=_("keep the trained model in this file"))
    settings.add_json(command)

    path.add(commands)
    compare.add(commands)
    export.add(commands)
    speak.add(commands)

    command = commands.add_parser("inspect", help=_("say what a recording is"))
    command.set_defaults(run=inspect)
    command.add_argument("file", type=Path, metavar="FILE")
    settings.add_json(command)

    command = commands.add_parser("recognise", help=_("say which word a recording holds"))
    command.set_defaults(run=recognise)
    command.add_argument("model", type=Path, metavar="MODEL.safetensors")
    command.add_argument("files", type=Path, nargs="+", metavar="FILE")
    settings.add_json(command)

    corpora.add(commands)
    return parser


def _print_json(rows: Iterator[dict[str, Any]]) -> dict[str, Any]:
    last: dict[str, Any] = {}
    for last in rows:
        print(json.dumps({name: last[name] for name in REPORTED}), flush=True)
    return last


def _print_table(rows: Iterator[dict[str, Any]], spec: RunSpec) -> dict[str, Any]:
    of = spec.training.epochs
    last: dict[str, Any] = {}
    print(_("epoch   train loss  val loss   train acc  val acc   penalty   exactly 0"))
    for last in rows:
        done = round(20 * last["epoch"] / of)
        line = (
            f"{last['epoch']:>3}/{of:<3} {last['train_loss']:>10.4f} {last['val_loss']:>9.4f} {last['train_accuracy']:>10.1%}"
            f" {last['val_accuracy']:>8.1%} {last['penalty']:>9.4f} {last['exact_zero_fraction']:>10.1%}"
        )
        print(f"{line}  [{'█' * done}{' ' * (20 - done)}]", flush=True)
    return last


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise SpecError(_("{path} cannot be read: {reason}.").format(path=path, reason=error.strerror or error)) from error


if __name__ == "__main__":
    sys.exit(main())
