"""``export`` and ``script``, in process: files that can be used, and one line for what cannot be."""

import json
import zipfile
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
import soundfile

from l1demo.__main__ import main

TINY = ["--epochs", "2", "--hidden", "16", "--mels", "20", "--batch", "8", "--no-augment"]


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two words by two voices, as FSDD names them."""
    folder, random = tmp_path_factory.mktemp("clips"), np.random.default_rng(0)
    for w, word in enumerate(("low", "high")):
        for speaker in ("ann", "bob"):
            for i in range(4):
                tone = 0.3 * np.sin(2 * np.pi * (300 + 1500 * w + 9 * i) * np.arange(3200) / 8000) + random.normal(0, 0.02, 3200)
                soundfile.write(folder / f"{word}_{speaker}_{i}.wav", tone, 8000)
    return folder


@pytest.fixture(scope="module")
def saved(clips: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("saved") / "m.safetensors"
    assert main(["train", "--corpus", str(clips), *TINY, "--save", str(path)]) == 0
    return path


def test_a_saved_model_is_exported_and_hears_the_same(
    saved: Path, clips: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    onnx, word = tmp_path / "m.onnx", clips / "high_bob_3.wav"
    assert main(["export", str(saved), "--onnx", str(onnx)]) == 0
    capsys.readouterr()
    assert main(["recognise", str(saved), str(word), "--json"]) == 0
    heard = json.loads(capsys.readouterr().out)["probabilities"]
    session = onnxruntime.InferenceSession(onnx, providers=["CPUExecutionProvider"])
    about = session.get_modelmeta().custom_metadata_map
    assert about["title"] == clips.name, "the folder's own name, not where it is"
    samples, _rate = soundfile.read(word, dtype="float32")
    found = session.run(None, {"samples": samples})[0]
    named = dict(zip(json.loads(about["words"]), found.tolist(), strict=True))
    assert named == pytest.approx(heard, abs=1e-3)  # recognise trims the recording, and rounds it


def test_a_run_is_written_as_a_script(clips: Path, tmp_path: Path) -> None:
    out = tmp_path / "run.zip"
    assert main(["script", "--corpus", str(clips), *TINY, "--out", str(out)]) == 0
    with zipfile.ZipFile(out) as archive:
        run = json.loads(archive.read("run.json"))
        compile(archive.read("train.py"), "train.py", "exec")
    assert run["words"] == ["high", "low"] and [row["epoch"] for row in run["epochs"]] == [1, 2]


BAD = [
    ["export", "{clips}/absent.safetensors", "--onnx", "{out}/m.onnx"],
    ["export", "{clips}/low_ann_0.wav", "--onnx", "{out}/m.onnx"],
    ["export", "{saved}", "--onnx", "{out}/absent/m.onnx"],
    ["script", "--corpus", "{clips}", "--out", "{out}/absent/run.zip"],
    ["script", "--corpus", "{clips}/absent", "--out", "{out}/run.zip"],
]


@pytest.mark.parametrize("arguments", BAD, ids=" ".join)
def test_what_cannot_be_done_is_one_line(
    arguments: list[str], clips: Path, saved: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([argument.format(clips=clips, saved=saved, out=tmp_path) for argument in arguments]) == 2
    out, err = capsys.readouterr()
    assert out == "" and err.startswith("l1demo: ") and len(err.splitlines()) == 1
    assert not list(tmp_path.iterdir())
