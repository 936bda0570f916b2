"""What workers run to give a model away, and to look at one that somebody brings. As in ``tasks``, torch is imported inside."""

from collections.abc import Mapping, Sequence
from typing import Any

from l1demo.spec import RunSpec


def model_file(data: bytes, row: Mapping[str, Any]) -> bytes:
    """Write a run's network as a safetensors file that says all that is known of it; see ``weights.dump``.

    Parameters
    ----------
    data : bytes
        The run's weights. Of a λ path only the last network is kept.
    row : mapping
        Its newest epoch.
    """
    from l1demo import origin, weights

    recogniser, spec, words = weights.load(data)
    return weights.dump(recogniser, spec, words, figures=row, origin=origin.of(spec.corpus))


def onnx_file(data: bytes) -> bytes:
    """Write a network as an ONNX file from samples to probabilities; see ``onnx_export``.

    Raises
    ------
    ModelError
        When it cannot be read, or is one that ONNX cannot have.
    """
    from l1demo import onnx_export, origin, weights

    recogniser, spec, words = weights.load(data)
    return onnx_export.export(recogniser, spec, words, weights.claims(data)["origin"] or origin.of(spec.corpus))


def script_file(spec: dict[str, Any], rows: Sequence[Mapping[str, Any]]) -> bytes:
    """Write a run as a ZIP with a PyTorch script that trains it again; see ``standalone``.

    Raises
    ------
    CorpusError, ScriptError
        When its clips are gone, or too many.
    """
    from l1demo import origin, standalone, tasks

    described = RunSpec.from_dict(spec)
    return standalone.pack(described, rows, tasks.division_of(described), origin.of(described.corpus))


def check_model(data: bytes) -> dict[str, Any]:
    """Read a model that somebody brings, and say what it is; see ``weights.check``.

    Raises
    ------
    ModelError
        When it is none that the lab can take.
    """
    from l1demo import weights

    return weights.check(data)
