"""A run as a ZIP that trains it again without the lab: a script for PyTorch and NumPy, the clips, and the numbers to compare with.

The script is ``standalone_script`` with the lab's imports replaced by what they name, as it stands in our own modules: nothing is
written twice, so the two cannot drift apart, and what a student reads is what the lab runs. Only what the run uses is taken.
"""

import ast
import inspect
import io
import json
import re
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from types import ModuleType
from typing import Any

import numpy as np
import torch

import l1demo
from l1demo import LabError, augment, checkpoint, features, model, penalties, standalone_script, training
from l1demo.corpora.division import Division
from l1demo.spec import RunSpec
from l1demo.text import _

MAX_BYTES = 64 * 2**20  # of samples: more than an hour of words
CHAPTERS = {  # in the order in which the script has them: each uses only those before it
    l1demo: "Errors",
    features: "Features: from samples to log-mel frames",
    augment: "Augmentation: more voices, rooms and microphones",
    model: "The network",
    penalties: "The penalty",
    checkpoint: "Where a training begins",
    training: "Training",
    standalone_script: "The run",
}


class ScriptError(LabError):
    """A run of which no script can be made; the message says why."""


@dataclass(frozen=True)
class _Definition:
    """A name of a module's top level: the text that defines it, the names that it uses, and those of other modules of the lab."""

    module: ModuleType
    text: str
    uses: frozenset[str]
    of_the_lab: frozenset[str]


def pack(spec: RunSpec, rows: Sequence[Mapping[str, Any]], data: Division, origin: Mapping[str, str]) -> bytes:
    """Write a run as a ZIP of ``train.py``, ``clips.npz``, ``run.json`` and ``README.txt``.

    Parameters
    ----------
    spec : RunSpec
    rows : sequence of mapping
        Its epochs, as ``training.train`` yields them: the script does as many.
    data : Division
        Its clips, as ``corpora.divide`` returns them. Of each only what the network is given is kept.
    origin : mapping of str to str
        ``title``, ``licence`` and ``source`` of the clips.

    Raises
    ------
    ScriptError
        When the clips are too many.
    """
    words, clips = data.train.words, _clips(data)
    kept = [{name: row[name] for name in ("epoch", "lam", *standalone_script.COMPARED)} for row in rows]
    versions = {"torch": torch.__version__.split("+")[0], "numpy": np.__version__}
    run = {"id": spec.id, "words": words, "versions": versions, "origin": dict(origin), "settings": asdict(spec), "epochs": kept}
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("train.py", script(spec))
        archive.writestr("run.json", json.dumps(run, indent=1, ensure_ascii=False))
        archive.writestr("README.txt", _readme(spec, data, origin, versions))
        archive.writestr("clips.npz", clips, zipfile.ZIP_STORED)  # it is compressed already
    return file.getvalue()


def script(spec: RunSpec) -> str:
    """Return the text of ``train.py`` for a run."""
    imports: dict[str, tuple[str, str]] = {}
    definitions: dict[str, _Definition] = {}
    for module in CHAPTERS:
        found, imported = _read(module)
        if module is standalone_script:  # whose own definitions stand for the lab's of the same name
            definitions = {name: each for name, each in definitions.items() if name not in found}
        if twice := found.keys() & definitions.keys():
            raise AssertionError(f"two modules define {twice}")
        definitions |= found
        imports |= imported
    left_out = _left_out(spec)
    reached = _reach([name for name, each in definitions.items() if each.module is standalone_script], definitions, left_out)
    used = set().union(*(definitions[name].uses for name in reached))
    parts = [_imports([each for name, each in imports.items() if name in used])]
    for module, title in CHAPTERS.items():
        chapter = {name: each.text for name, each in definitions.items() if each.module is module and name in reached}
        texts = [f"{name} = None  # {left_out[name]}" if name in left_out else text for name, text in chapter.items()]
        if texts:
            parts.append(_spaced([f"# {f' {title} ':─^130}", *dict.fromkeys(texts)]))
    parts.append('if __name__ == "__main__":\n    main()')
    return _with_contents(re.sub(r" *# type: ignore\S*", "", "\n\n\n".join(parts)) + "\n")


def _left_out(spec: RunSpec) -> dict[str, str]:
    kind, method, loss = spec.penalty.kind, spec.penalty.method, spec.training.loss
    classes = {"l1": "L1", "l2": "L2", "group": "GroupLasso"}
    losses = {"ce": "_cross_entropy", "bce": "_binary_cross_entropy", "mse": "_mean_squared_error"}
    names = {name: "left out: this run has another penalty" for other, name in classes.items() if other != kind}
    names |= {name: "left out: this run has another loss" for other, name in losses.items() if other != loss}
    if not spec.training.augment:
        names["augment"] = "left out: this run trains on its clips as they are"
    if kind == "none" or method not in training.PROXIMAL:
        names["proximal_step"] = "left out: this run has no proximal step"
    return names


def _read(module: ModuleType) -> tuple[dict[str, _Definition], dict[str, tuple[str, str]]]:
    """Return what a module defines, and the module and name of what it imports from outside the lab, both by the name they bind."""
    source = inspect.getsource(module)
    lines = source.encode().splitlines()  # ast counts bytes
    body = ast.parse(source).body
    modules, names, imports = _imported(body)
    definitions = {}
    for node in body:
        for name in _defined(node):
            uses = {each.id for each in ast.walk(node) if isinstance(each, ast.Name)}
            attributes = [each for each in ast.walk(node) if isinstance(each, ast.Attribute) and isinstance(each.value, ast.Name)]
            qualified = [each for each in attributes if each.value.id in modules]  # type: ignore[attr-defined]
            others = {each.attr for each in qualified}
            text = _cut(lines, node, qualified)
            definitions[name] = _Definition(module, text, frozenset(uses | others), frozenset(uses & names | others))
    return definitions, imports


def _imported(body: Sequence[ast.stmt]) -> tuple[set[str], set[str], dict[str, tuple[str, str]]]:
    """Return the lab's modules and the lab's names that are imported, and all others."""
    modules: set[str] = set()
    names: set[str] = set()
    imports: dict[str, tuple[str, str]] = {}
    for node in body:
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "l1demo":
            for each in node.names:
                of_module = node.module == "l1demo" and each.name.islower()
                (modules if of_module else names).add(each.asname or each.name)
        elif isinstance(node, ast.ImportFrom):
            imports |= {each.asname or each.name: (node.module or "", ast.unparse(each)) for each in node.names}
        elif isinstance(node, ast.Import):
            imports |= {each.asname or each.name: ("", ast.unparse(each)) for each in node.names}
    return modules, names, imports


def _defined(node: ast.stmt) -> list[str]:
    if isinstance(node, ast.FunctionDef | ast.ClassDef):
        return [node.name]
    targets = node.targets if isinstance(node, ast.Assign) else [node.target] if isinstance(node, ast.AnnAssign) else []
    return [each.id for target in targets for each in ast.walk(target) if isinstance(each, ast.Name)]


def _cut(lines: Sequence[bytes], node: ast.stmt, qualified: Sequence[ast.Attribute]) -> str:
    """Return a definition's lines, with ``penalties.take`` written ``take``: in one file there are no modules."""
    cut = list(lines)
    for each in sorted(qualified, key=lambda each: (each.lineno, each.col_offset), reverse=True):
        line, begin = cut[each.lineno - 1], each.col_offset
        cut[each.lineno - 1] = line[:begin] + line[begin:].split(b".", 1)[1]
    decorators = getattr(node, "decorator_list", [])
    first = min([node.lineno, *(each.lineno for each in decorators)])
    return b"\n".join(cut[first - 1 : node.end_lineno]).decode()


def _reach(names: Sequence[str], definitions: Mapping[str, _Definition], left_out: Mapping[str, str]) -> set[str]:
    reached, waiting = set(), list(names)
    while waiting:
        name = waiting.pop()
        if name in definitions and name not in reached:
            reached.add(name)
            if name not in left_out:
                if unknown := definitions[name].of_the_lab - definitions.keys():
                    raise AssertionError(f"{name} uses {unknown}, which is in no chapter")
                waiting += definitions[name].uses
    return reached


def _imports(imports: Sequence[tuple[str, str]]) -> str:
    whole = sorted({f"import {name}" for module, name in imports if not module})
    modules = sorted({module for module, _name in imports if module})
    parts = [f"from {each} import {', '.join(sorted({name for module, name in imports if module == each}))}" for each in modules]
    heavy = [text for text in (*whole, *parts) if re.match(r"(import|from) (numpy|torch)\b", text)]
    light = [text for text in (*whole, *parts) if text not in heavy]
    return "\n".join(["from __future__ import annotations", "", *light, "", *heavy])


def _with_contents(text: str) -> str:
    """Put the script's docstring in front, with the line on which each chapter begins."""
    titles = [(i, match[1]) for i, line in enumerate(text.splitlines(), start=1) if (match := re.match(r"# ─+ (.+) ─+$", line))]
    about = f'"""{inspect.getdoc(standalone_script)}\n\nIts chapters, and the lines on which they begin:\n'
    before = len(about.splitlines()) + len(titles) + 2
    return about + "".join(f"{before + i:>5}  {title}\n" for i, title in titles) + '"""\n\n' + text


def _spaced(parts: Sequence[str]) -> str:
    text, above = parts[0], parts[0]
    for below in parts[1:]:
        plain = all(re.match(r"\w+(, \w+)*( =|:)", each) for each in (above, below))  # one constant after the other
        first = above is parts[0] and not re.match(r"@|def |class ", below)
        text += ("\n" if plain else "\n\n" if first else "\n\n\n") + below
        above = below
    return text


def _clips(data: Division) -> bytes:
    parts = {"train": data.train, "validation": data.validation} | ({"seen": data.seen} if data.seen else {})
    longest = int(features.MAX_SECONDS * features.RATE)
    sizes = {part: np.minimum(np.diff(corpus.starts), longest) for part, corpus in parts.items()}
    if (size := 2 * sum(int(each.sum()) for each in sizes.values())) > MAX_BYTES:
        raise ScriptError(
            _("The run's clips have {n:,.0f} MB, and a script takes at most {most:.0f} MB with it; train on fewer clips.").format(
                n=size / 2**20, most=MAX_BYTES / 2**20
            )
        )
    arrays: dict[str, np.ndarray] = {}
    for part, corpus in parts.items():
        arrays[f"{part}_samples"] = np.concatenate([corpus.clip(i)[:longest] for i in range(len(corpus))])
        arrays[f"{part}_starts"] = np.concatenate([[0], np.cumsum(sizes[part])])
        arrays[f"{part}_labels"] = corpus.labels
    file = io.BytesIO()
    np.savez_compressed(file, allow_pickle=False, **arrays)  # type: ignore[arg-type]
    return file.getvalue()


def _readme(spec: RunSpec, data: Division, origin: Mapping[str, str], versions: Mapping[str, str]) -> str:
    parts = [
        _("This folder trains one run of L1 Speech Lab again, without the lab."),
        _("To run it:\n\n    pip install torch=={torch} numpy=={numpy}\n    python train.py").format(**versions),
        _(
            "It prints each epoch's numbers with the lab's below them, and says at the end whether they agree. With these\n"
            "versions on the same kind of processor they agree bit for bit; another kind adds in another order, and its\n"
            "rounding grows while it trains."
        ),
        _(
            "train.py   the whole program, to be read from top to bottom\n"
            "run.json   the settings and the lab's numbers; change a setting and run it again\n"
            "clips.npz  {train:,} clips to train on and {validation:,} to validate on, as the run had them: wrong labels are\n"
            "           in it if the run had any, and what the network is not given is cut off"
        ).format(train=len(data.train), validation=len(data.validation)),
        _("The clips: {title}.\nTheir licence: {licence}.").format(
            title=origin.get("title") or spec.corpus.name,
            licence=origin.get("licence") or _("none is known; ask whose voices they are before you pass them on"),
        ),
        *([_("Their source: {source}").format(source=origin["source"])] if origin.get("source") else []),
        _("The program is under the MIT licence."),
    ]
    return "\n\n".join(parts) + "\n"
