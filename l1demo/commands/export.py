"""``python -m l1demo export`` and ``script``: a model as ONNX, and a run as a PyTorch script that does without the lab."""

import argparse
from pathlib import Path
from typing import Any

from l1demo import tasks
from l1demo.commands import settings
from l1demo.spec import SpecError
from l1demo.text import _


def add(commands: Any) -> None:
    """Add the two commands to the program's parser."""
    command = commands.add_parser("export", help=_("write a saved model in another form"))
    command.set_defaults(run=export)
    command.add_argument("model", type=Path, metavar="MODEL.safetensors")
    command.add_argument("--onnx", type=Path, required=True, metavar="MODEL.onnx", help=_("from samples to probabilities"))

    command = commands.add_parser("script", help=_("train a run, and write a PyTorch script that does it again without the lab"))
    command.set_defaults(run=script)
    settings.add_flags(command)
    command.add_argument(
        "--out", type=Path, required=True, metavar="RUN.zip", help=_("the script, the clips and the run's numbers")
    )


def export(options: argparse.Namespace) -> None:
    """Write a model as an ONNX file.

    Raises
    ------
    LabError
        When the model cannot be read or written so.
    """
    from l1demo import model_tasks, weights

    try:
        data = options.model.read_bytes()
    except OSError as error:
        raise SpecError(_("{path} cannot be read: {reason}.").format(path=options.model, reason=error.strerror or error)) from error
    weights.check(data)
    weights.save(options.onnx, model_tasks.onnx_file(data))


def script(options: argparse.Namespace) -> None:
    """Train a run and write it as a script.

    Raises
    ------
    LabError
        For settings that cannot be used, and clips that are too many.
    """
    import torch

    from l1demo import origin, standalone, weights

    torch.set_num_threads(1)  # as the workers do
    spec = settings.spec_of(options)
    if not options.out.absolute().parent.is_dir():
        raise SpecError(_("The script cannot be saved as {path}: there is no such folder.").format(path=options.out))
    rows, _trained = settings.trained(spec)
    weights.save(options.out, standalone.pack(spec, rows, tasks.division_of(spec), origin.of(spec.corpus)))
