"""The stand-alone script, run in a process and a folder of its own, reproduces the lab's numbers."""

import ast
import builtins
import io
import itertools
import json
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from l1demo import LabError, corpora, features, standalone, standalone_script, training
from l1demo.corpora import Corpus
from l1demo.corpora.division import Division, divide
from l1demo.spec import RunSpec, controls

SMALL: dict[str, Any] = {"epochs": 3, "hidden": 16, "mels": 20, "batch": 16, "free_epochs": 1, "lam": 0.003, "train_clips": 60}
RUNS: dict[str, dict[str, Any]] = {
    "as the lab opens": {},
    "wrong labels, λ that changes, no augmentation": {"augment": False, "label_noise": 0.25, "lam_changes": "2:0.01 3:0.02"},
    "group lasso, two layers": {"penalty": "group", "layers": 2, "augment": False},
    "L2 in the loss, seen and unseen voices": {"penalty": "l2", "method": "subgradient", "split": "both", "loss": "bce"},
    "no penalty": {"penalty": "none", "loss": "mse", "augment": False, "split": "recordings"},
    "SGD along a path": {"method": "sgd", "lr": 0.1, "lr_falls": "each", "lam_changes": "3:0.01", "augment": False},
    "weight decay": {"penalty": "l2", "method": "decoupled", "augment": False, "hold_out": "flite rms"},
}
ORIGIN = {"title": "Some digits", "licence": "CC BY-SA 4.0", "source": "a shelf"}


@pytest.fixture(scope="module")
def digits() -> Corpus:
    """Some of the built-in digits: enough voices to divide them, few enough to be quick."""
    whole = corpora.load("digits")
    return whole.subset(np.flatnonzero(whole.voices % 12 == 0))


def unpacked(data: bytes, folder: Path) -> Path:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        assert sorted(archive.namelist()) == ["README.txt", "clips.npz", "run.json", "train.py"]
        archive.extractall(folder)
    return folder


def packed(spec: RunSpec, corpus: Corpus, epochs: int | None = None) -> tuple[bytes, list[dict[str, Any]]]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # as the workers do
    try:
        division = divide(corpus, spec.corpus, spec.seed)
        rows = list(itertools.islice(training.train(spec, training.prepare(division, spec)), epochs))
    finally:
        torch.set_num_threads(threads)
    return standalone.pack(spec, json.loads(json.dumps(rows)), division, ORIGIN), rows


def change(folder: Path, **changes: Any) -> None:
    file = folder / "run.json"
    about = json.loads(file.read_text(encoding="utf-8"))
    for name, values in changes.items():
        about[name] |= values
    file.write_text(json.dumps(about), encoding="utf-8")


ALL = """
import contextlib, io, json, pathlib, runpy, sys

found = {}
for folder in map(pathlib.Path, sys.argv[1:]):
    with contextlib.redirect_stdout(io.StringIO()) as out:
        try:
            runpy.run_path(str(folder / "train.py"), run_name="__main__")
            status = 0
        except SystemExit as end:
            status = end.code
    found[folder.name] = status, out.getvalue()
assert not [name for name in sys.modules if name.startswith("l1demo")]
print(json.dumps(found))
"""


@pytest.fixture(scope="module")
def described(digits: Corpus) -> Callable[..., RunSpec]:
    def describe(**more: Any) -> RunSpec:
        if more.get("hold_out"):
            more["hold_out"] = digits.speakers[int(digits.voices[0])]
        return RunSpec().with_values(**SMALL | more)

    return describe


@pytest.fixture(scope="module")
def ran(
    digits: Corpus, described: Callable[..., RunSpec], tmp_path_factory: pytest.TempPathFactory
) -> dict[str, tuple[int, list[str], list[dict[str, Any]]]]:
    """What each script printed, where there is no lab to import; in one process, because torch takes seconds to import."""
    home, rows = tmp_path_factory.mktemp("scripts"), {}
    for name, settings in RUNS.items():
        data, rows[name] = packed(described(**settings), digits)
        unpacked(data, home / name)
    data, rows["stopped"] = packed(described(augment=False), digits, epochs=2)
    unpacked(data, home / "stopped")
    for name, changed in CHANGED.items():
        change(unpacked(data, home / name), **changed)
    folders = [str(home / name) for name in (*RUNS, "stopped", *CHANGED)]
    done = subprocess.run(
        [sys.executable, "-I", "-W", "error", "-c", ALL, *folders], cwd=home, capture_output=True, text=True, encoding="utf-8"
    )
    assert (done.returncode, done.stderr) == (0, "")
    return {name: (status, out.splitlines(), rows.get(name, [])) for name, (status, out) in json.loads(done.stdout).items()}


CHANGED = {
    "another seed": {"settings": {"seed": 3}},
    "another seed and another torch": {"settings": {"seed": 3}, "versions": {"torch": "1.0"}},
}


@pytest.mark.parametrize("name", [*RUNS, "stopped"])
def test_it_reproduces_the_lab_s_numbers(name: str, ran: dict[str, Any]) -> None:
    status, (head, titles, *lines, verdict), rows = ran[name]
    assert status == 0
    assert verdict == "The numbers are the lab's, bit for bit." or verdict.startswith("The numbers agree with the lab's")
    assert titles.split() == ["train", "loss", "val", "loss", "train", "acc", "val", "acc", "penalty", "exactly", "0"]
    assert head.startswith("60 clips to train on, ")
    assert len(lines) == 2 * len(rows) == (4 if name == "stopped" else 6)
    for row, here, kept in zip(rows, lines[::2], lines[1::2], strict=True):
        wanted = [f"{row[each]:.6f}" for each in standalone_script.COMPARED]
        assert here.split()[-6:] == kept.split()[-6:] == wanted
        assert here.startswith(f"epoch {row['epoch']}")


def test_other_numbers_are_told_with_what_may_have_led_to_them(ran: dict[str, Any]) -> None:
    for name, why in zip(CHANGED, ("Was a setting changed in run.json?", "The lab had torch 1.0, here "), strict=True):
        status, (*_lines, verdict), _rows = ran[name]
        assert status == 1
        assert verdict.startswith("The numbers differ from the lab's by up to ") and why in verdict


SETTINGS = [
    *({"penalty": kind, "method": method} for kind in ("l1", "l2", "group", "none") for method in ("proximal", "subgradient")),
    *({"loss": loss, "augment": augment} for loss in ("ce", "bce", "mse") for augment in (True, False)),
    {"penalty": "l2", "method": "decoupled"},
]


@pytest.mark.parametrize("settings", SETTINGS, ids=str)
def test_it_has_no_import_of_ours_and_every_name_that_it_uses(settings: dict[str, Any]) -> None:
    text = standalone.script(RunSpec().with_values(**settings))
    tree = ast.parse(text)
    imported = {name.split(".")[0] for node in ast.walk(tree) for name in _modules(node)}
    assert imported - set(sys.stdlib_module_names) == {"torch", "numpy"}
    assert "l1demo" not in text.replace("L1 Speech Lab", "")
    names = {name for node in ast.walk(tree) for name in _bound(node)} | set(dir(builtins))
    used = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    assert used - names == {"__file__"}
    assert max(map(len, text.splitlines())) <= 132


def _modules(node: ast.AST) -> list[str]:
    if isinstance(node, ast.Import):
        return [each.name for each in node.names]
    return [node.module or ""] if isinstance(node, ast.ImportFrom) else []


def _bound(node: ast.AST) -> list[str]:
    match node:
        case ast.FunctionDef() | ast.ClassDef():
            return [node.name]
        case ast.arg():
            return [node.arg]
        case ast.Name(ctx=ast.Store()):
            return [node.id]
        case ast.Import() | ast.ImportFrom():
            return [each.asname or each.name for each in node.names]
    return []


def test_what_the_run_does_not_use_is_left_out() -> None:
    plain = standalone.script(RunSpec().with_values(penalty="none", augment=False))
    for name in ("L1", "L2", "GroupLasso", "proximal_step", "augment"):
        assert f"\n{name} = None  # left out: " in plain
    assert "reverberate" not in plain and "soft threshold" not in plain.lower()
    whole = standalone.script(RunSpec())
    assert "def reverberate" in whole and "class L1:" in whole and "\nGroupLasso = None" in whole


def test_its_contents_name_the_lines_where_chapters_begin() -> None:
    text = standalone.script(RunSpec())
    lines = text.splitlines()
    listed = [
        line.split(maxsplit=1) for line in (ast.get_docstring(ast.parse(text)) or "").splitlines() if line[:5].strip().isdigit()
    ]
    assert [title for _line, title in listed] == list(standalone.CHAPTERS.values())
    for line, title in listed:
        assert f" {title} " in lines[int(line) - 1] and lines[int(line) - 1].startswith("# ─")


@pytest.mark.parametrize("mels", [20, 40, 128])
@pytest.mark.parametrize("n_fft", [64, 256, 1024])
def test_its_mel_filters_are_torchaudio_s(mels: int, n_fft: int) -> None:
    assert torch.equal(standalone_script._triangles(mels, n_fft, 8000), features._triangles(mels, n_fft, 8000))


def test_the_description_and_the_readme_say_all_that_is_needed(digits: Corpus, described: Callable[..., RunSpec]) -> None:
    spec = described()
    division = divide(digits, spec.corpus, spec.seed)
    rows = [{"epoch": 1, "lam": 0.0, **dict.fromkeys(standalone_script.COMPARED, 0.5)}]
    with zipfile.ZipFile(io.BytesIO(standalone.pack(spec, rows, division, ORIGIN))) as archive:
        about = json.loads(archive.read("run.json"))
        readme = archive.read("README.txt").decode()
        clips = np.load(io.BytesIO(archive.read("clips.npz")))
    settings = {name for part in about["settings"].values() for name in (part if isinstance(part, dict) else [])} | {"seed"}
    assert len(settings) == len(list(controls(spec))), "a setting of the run is not in run.json"
    assert RunSpec.from_dict(about["settings"]) == spec and about["id"] == spec.id
    assert about["epochs"] == rows and about["versions"].keys() == {"torch", "numpy"}
    assert tuple(about["words"]) == digits.words
    for word in ("python train.py", f"torch=={torch.__version__.split('+')[0]}", *ORIGIN.values(), "60 clips"):
        assert word in readme
    assert clips["train_labels"].tolist() == division.train.labels.tolist()
    assert np.array_equal(clips["validation_samples"], division.validation.samples)


def test_clips_are_cut_to_what_the_network_is_given_and_too_many_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    def corpus(seconds: float, n: int) -> Corpus:
        size = round(seconds * features.RATE)
        return Corpus("c", ("a",), ("x",), np.zeros(size * n, np.int16), np.arange(n + 1) * size, *(np.zeros(n, np.int64),) * 3)

    with zipfile.ZipFile(io.BytesIO(standalone.pack(RunSpec(), [], Division(corpus(10, 3), corpus(0.5, 2)), {}))) as archive:
        clips = np.load(io.BytesIO(archive.read("clips.npz")))
        assert "none is known" in archive.read("README.txt").decode()
    longest = round(features.MAX_SECONDS * features.RATE)
    assert len(clips["train_samples"]) == 3 * longest and clips["train_starts"].tolist() == [0, longest, 2 * longest, 3 * longest]
    assert len(clips["validation_samples"]) == 2 * 4000
    monkeypatch.setattr(standalone, "MAX_BYTES", 2 * 2**20)
    with pytest.raises(LabError, match="have 3 MB, and a script takes at most 2 MB"):
        standalone.pack(RunSpec(), [], Division(corpus(1.2, 150), corpus(0.5, 2)), {})
