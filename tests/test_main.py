"""The command line, in process: what it prints as JSON and for people, and what it says of bad input."""

import io
import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from l1demo import paths, weights
from l1demo.__main__ import main

FSDD = Path(__file__).parents[1].parent / "shared" / "data" / "fsdd-4-speakers.zip"
EPOCH = {  # the issue's names
    *("epoch", "train_loss", "val_loss", "train_accuracy", "val_accuracy", "penalty", "objective"),
    *("exact_zero_fraction", "near_zero_fraction", "l1_norm", "seconds"),
}
SUMMARY = EPOCH - {"epoch"} | {"epochs", "parameters", "total_seconds", "majority_guess_loss"}
TINY = ["--epochs", "2", "--hidden", "16", "--mels", "20", "--batch", "8", "--no-augment"]


def tone(hertz: float, rate: int = 8000, seconds: float = 0.4) -> np.ndarray:
    random = np.random.default_rng(int(hertz))
    return 0.3 * np.sin(2 * np.pi * hertz * np.arange(round(rate * seconds)) / rate) + random.normal(0, 0.02, round(rate * seconds))


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two words by two voices, eight times each, named as FSDD names them."""
    folder = tmp_path_factory.mktemp("clips")
    for w, word in enumerate(("low", "high")):
        for s, speaker in enumerate(("ann", "bob")):
            for i in range(8):
                soundfile.write(folder / f"{word}_{speaker}_{i}.wav", tone(300 + 1500 * w + 40 * s + 7 * i), 8000)
    return folder


@pytest.fixture
def train(clips: Path, capsys: pytest.CaptureFixture[str]) -> Callable[..., list[dict[str, Any]]]:
    def run(*options: str) -> list[dict[str, Any]]:
        assert main(["train", "--corpus", str(clips), *TINY, *options, "--json"]) == 0
        return [json.loads(line) for line in capsys.readouterr().out.splitlines()]

    return run


def numbers(lines: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{k: v for k, v in line.items() if "seconds" not in k} for line in (*lines[:-1], lines[-1]["summary"])]


def test_json_is_a_line_an_epoch_and_a_summary_with_the_issue_s_names(train: Callable[..., list[dict[str, Any]]]) -> None:
    *epochs, last = train("--free-epochs", "1")
    assert [set(row) for row in epochs] == [EPOCH] * 2
    assert [row["epoch"] for row in epochs] == [1, 2]
    assert set(last) == {"summary"}
    summary = last["summary"]
    assert set(summary) == SUMMARY
    assert {name: summary[name] for name in EPOCH - {"epoch"}} == {name: epochs[-1][name] for name in EPOCH - {"epoch"}}
    assert summary["epochs"] == 2
    assert summary["parameters"] == 4 * 16 * (20 + 16 + 2) + 16 * 2 + 2
    assert summary["majority_guess_loss"] == pytest.approx(np.log(2), rel=1e-6)
    assert summary["total_seconds"] >= sum(row["seconds"] for row in epochs)
    for row in epochs:
        assert row["objective"] == row["train_loss"] + row["penalty"]
        assert row["penalty"] == pytest.approx(1e-3 * row["l1_norm"], rel=1e-5)


def test_recordings_that_are_skipped_are_told_once(clips: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = shutil.copytree(clips, tmp_path / "clips")
    (folder / "low_ann_9.wav").write_bytes(b"no sound")
    assert main(["compare", "lam=0", "lam=0.1", "--corpus", str(folder), *TINY, "--seeds", "2", "--json"]) == 0
    told = [line for line in capsys.readouterr().err.splitlines() if line.startswith("skipped: ")]
    assert len(told) == 1 and "low_ann_9.wav" in told[0]


def test_the_same_command_gives_the_same_numbers_and_another_seed_gives_others(train: Callable[..., Any]) -> None:
    first = numbers(train("--lam", "0.003"))
    assert numbers(train("--lam", "0.003")) == first
    assert numbers(train("--lam", "0.003", "--seed", "1")) != first


def test_every_option_of_the_issue_is_taken(train: Callable[..., Any], clips: Path, tmp_path: Path) -> None:
    lines = train(
        *("--preset", "quick", "--test", str(clips), "--split", "recordings", "--penalty", "l2", "--method", "subgradient"),
        *("--lam", "1e-4", "--loss", "bce", "--layers", "2", "--lr", "0.01", "--train-clips", "12", "--label-noise", "0.25"),
        *("--augment", "--seed", "5", "--save", str(tmp_path / "m.safetensors")),
    )
    assert lines[-1]["summary"]["exact_zero_fraction"] == 0
    _model, spec, words = weights.load((tmp_path / "m.safetensors").read_bytes())
    assert words == ("high", "low")
    assert (spec.penalty.kind, spec.training.loss, spec.model.layers, spec.training.augment, spec.seed) == ("l2", "bce", 2, True, 5)
    assert (spec.corpus.train_clips, spec.corpus.label_noise, spec.corpus.split) == (12, 0.25, "recordings")


def test_a_held_out_speaker_is_the_validation(train: Callable[..., Any]) -> None:
    assert numbers(train("--hold-out", "ann")) != numbers(train("--hold-out", "bob"))


def test_no_penalty_is_lam_0(train: Callable[..., Any]) -> None:
    none, zero = (numbers(train(*options)) for options in (["--penalty", "none", "--lam", "0.5"], ["--lam", "0"]))
    assert none == zero
    assert all(row["penalty"] == 0 for row in none)


def test_proximal_has_exact_zeros_and_subgradient_has_none(train: Callable[..., Any]) -> None:
    options = ("--lam", "0.03", "--free-epochs", "0", "--epochs", "4")
    assert train(*options)[-1]["summary"]["exact_zero_fraction"] > 0.1
    assert train(*options, "--method", "subgradient")[-1]["summary"]["exact_zero_fraction"] == 0


def test_without_json_a_person_gets_a_table_with_a_bar(clips: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["train", "--corpus", str(clips), *TINY]) == 0
    out, err = capsys.readouterr()
    head, first, last, total = out.splitlines()
    assert err == ""
    assert "val loss" in head and "exactly 0" in head
    assert first.split()[0] == "1/2" and last.split()[0] == "2/2"
    assert first.count("█") * 2 == last.count("█") == 20
    assert "parameters" in total


def test_a_saved_model_recognises(
    train: Callable[..., Any], clips: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = str(tmp_path / "m.safetensors")
    assert train("--epochs", "8", "--lr", "0.03", "--lam", "0", "--save", path)[-1]["summary"]["val_accuracy"] == 1
    soundfile.write(tmp_path / "new.flac", tone(305, 16_000), 16_000)
    files = [str(clips / "high_bob_3.wav"), str(clips / "low_ann_0.wav"), str(tmp_path / "new.flac")]
    assert main(["recognise", path, *files, "--json"]) == 0
    heard = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [line["file"] for line in heard] == files
    assert [line["word"] for line in heard] == ["high", "low", "low"]
    for line in heard:
        assert set(line["probabilities"]) == {"high", "low"}
        assert sum(line["probabilities"].values()) == pytest.approx(1, abs=1e-6)
        assert line["probabilities"][line["word"]] > 0.5


@pytest.mark.parametrize("options", [[], ["--json"]])
def test_inspect_tells_what_a_recording_is(options: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    sine = 0.5 * np.sin(2 * np.pi * 441 * np.arange(44_100) / 44_100)
    soundfile.write(tmp_path / "a.wav", np.stack([sine, sine], 1), 44_100)
    assert main(["inspect", str(tmp_path / "a.wav"), *options]) == 0
    out = capsys.readouterr().out
    about = json.loads(out)
    assert (about["rate"], about["channels"], about["seconds"]) == (44_100, 2, 1.0)
    assert about["peak_dbfs"] == pytest.approx(-6.02, abs=0.01)
    assert about["rms_dbfs"] == pytest.approx(-9.03, abs=0.01)
    assert (len(out.splitlines()) == 1) == bool(options)


def test_corpora_are_listed(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("L1DEMO_HOME", str(tmp_path))  # where no other test has kept a corpus
    assert main(["corpora", "--json"]) == 0
    digits, wide = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert (digits["name"], wide["name"]) == ("digits", "digits-wide") and wide["clips"] > digits["clips"]
    assert digits["words"][:3] == ["zero", "one", "two"] and len(digits["words"]) == 10
    assert digits["speakers"] > 50 and digits["clips"] > 500
    assert main(["corpora"]) == 0
    assert capsys.readouterr().out.startswith("digits: ")


def path(clips: Path, capsys: pytest.CaptureFixture[str], *options: str) -> list[dict[str, Any]]:
    settings = [word for word in TINY if word not in ("--epochs", "2")] + ["--epochs", "3"]
    assert main(["path", "--corpus", str(clips), *settings, *options, "--json"]) == 0
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def test_a_path_is_a_line_for_each_lam_and_a_summary(clips: Path, capsys: pytest.CaptureFixture[str]) -> None:
    *lines, last = path(clips, capsys, "--lams", "0.001", "0.02", "2", "--seeds", "2")
    assert [line["lam"] for line in lines] == [0, 0.001, 0.02, 2]
    losses = [line["val_loss"] for line in lines]
    assert [line["best"] for line in lines] == [loss == min(losses) for loss in losses]
    within = [line for line in lines if line["val_loss"] <= min(losses) + lines[losses.index(min(losses))]["val_loss_se"]]
    assert [line for line in lines if line["within_one_error"]] == within[-1:]
    assert lines[0]["exact_zero_fraction"] == 0 and lines[-1]["exact_zero_fraction"] > lines[1]["exact_zero_fraction"]
    assert last["summary"]["paths"] == 2 and last["summary"]["largest_lam_within_one_error"] == within[-1]["lam"]
    assert last["summary"]["best_lam"] == lines[losses.index(min(losses))]["lam"]


def test_the_first_stop_of_a_path_is_a_cold_run_without_penalty(clips: Path, capsys: pytest.CaptureFixture[str]) -> None:
    first, *_others = path(clips, capsys, "--stops", "2", "--cold")
    assert first["val_loss"] == first["cold_val_loss"] and first["val_loss_se"] is None


def test_paths_hold_out_each_speaker_in_turn(clips: Path, capsys: pytest.CaptureFixture[str]) -> None:
    *lines, last = path(clips, capsys, "--lams", "0.01", "--hold-out-each")
    assert last["summary"]["paths"] == 2
    each = [path(clips, capsys, "--lams", "0.01", "--hold-out", name)[0]["val_loss"] for name in ("ann", "bob")]
    assert lines[0]["val_loss"] == pytest.approx(np.mean(each))
    assert lines[0]["val_loss_se"] == pytest.approx(np.std(each, ddof=1) / np.sqrt(2))


def test_a_path_for_people_marks_the_best_lam(clips: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    file = tmp_path / "a.path"
    assert main(["path", "--corpus", str(clips), *TINY, "--lams", "0.01", "5", "--save", str(file)]) == 0
    head, *lines, note = capsys.readouterr().out.splitlines()
    assert "validation loss" in head and len(lines) == 3 and "--seeds 3" in note
    assert [line.split()[0] for line in lines] == ["0", "0.01", "5"]
    assert sum("best" in line for line in lines) == 1
    kept = paths.unpack(file.read_bytes())
    assert kept.words == ("low", "high")[::-1] and len(kept.rows) == 1 and kept.specs[0].lam_at(3) == 0.01


def test_settings_are_compared_from_the_same_starts(clips: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["compare", "lam=0", "lam=0.3,free-epochs=0", "lam=0", "--corpus", str(clips), *TINY, "--seeds", "3"]
    assert main([*arguments, "--json"]) == 0
    first, second, same = (json.loads(line) for line in capsys.readouterr().out.splitlines())
    assert [line["settings"] for line in (first, second, same)] == ["lam=0", "lam=0.3,free-epochs=0", "lam=0"]
    assert second["exact_zero_fraction"] > 0 == first["exact_zero_fraction"]
    assert second["val_loss_difference"] == pytest.approx(second["val_loss"] - first["val_loss"])
    assert second["val_loss_difference_se"] > 0 and second["seeds"] == 3
    assert same["val_loss_difference"] == 0 and same["lower_in"] == 0 and not same["means_something"]
    assert main(arguments) == 0
    said = capsys.readouterr().out.splitlines()
    assert len(said) == 3 and "lower with 0 of 3 seeds. Chance alone could do that" in said[2]


@pytest.fixture(scope="module")
def bad(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("bad")
    (folder / "empty.wav").write_bytes(b"")
    (folder / "text.wav").write_text("no sound\n" * 100)
    (folder / "text.zip").write_text("no archive")
    (folder / "nothing").mkdir()
    good = io.BytesIO()
    soundfile.write(good, tone(300), 8000, format="WAV")
    (folder / "cut.wav").write_bytes(good.getvalue()[:1000])
    soundfile.write(folder / "silent.wav", np.zeros(8000), 8000)
    soundfile.write(folder / "good.wav", tone(300), 8000)
    return folder


BAD = [
    *(["inspect", f"{{bad}}/{name}"] for name in ("absent.wav", "empty.wav", "text.wav", "cut.wav", "silent.wav", "nothing")),
    *(["recognise", f"{{bad}}/{name}", "{bad}/good.wav"] for name in ("absent", "empty.wav", "text.wav", "nothing")),
    *(["train", "--corpus", f"{{bad}}/{name}"] for name in ("absent", "empty.wav", "text.zip", "nothing")),
    *(["train", "--corpus", "{clips}", f"--{name}", value] for name, value in (
        *(("lam", "-1"), ("lam", "banana"), ("lam", "nan"), ("lam", "11"), ("epochs", "0"), ("epochs", "1.5"), ("seed", "-1")),
        *(("seed", "9" * 400), ("hidden", "15"), ("layers", "3"), ("mels", "1000"), ("batch", "0"), ("lr", "inf"), ("hop", "33")),
        *(("hold-out", "carol"), ("train-clips", "1000"), ("label-noise", "2")),
        *(("test", "{bad}/nothing"), ("test", "{bad}/good.wav")),
        *(("save", "{bad}/absent/m.safetensors"), ("penalty", "l3"), ("method", "magic"), ("loss", "0-1"), ("split", "none")),
        *(("preset", "none"), ("nonsense", "1")),
    )),
    *(["path", "--corpus", "{clips}", *options] for options in (
        *(["--stops", "1"], ["--stops", "x"], ["--lams", "0.1", "0.01"], ["--lams", "-1"], ["--lams", "11"], ["--lam", "0.1"]),
        *(["--lams", "0.1", "--stops", "12"], ["--seeds", "0"], ["--epochs", "300"], ["--save", "{bad}/absent/a.path"]),
        ["--stops", "300"],
    )),
    *(["compare", "--corpus", "{clips}", *options] for options in (
        *([], ["lam=0"], ["lam=0", "lam"], ["lam=0", "nonsense=1"], ["lam=0", "lam=x"], ["lam=0", "lam=1", "--seeds", "0"]),
    )),
    *([], ["nonsense"], ["inspect"], ["recognise", "{bad}/good.wav"]),
]  # fmt: skip


@pytest.mark.parametrize("arguments", BAD, ids=lambda arguments: " ".join(arguments)[:60])
def test_bad_input_is_status_2_and_a_sentence(
    arguments: list[str], bad: Path, clips: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    try:
        status = main([argument.format(bad=bad, clips=clips) for argument in arguments])
    except SystemExit as end:  # argparse's own way, after its usage
        status, usage = end.code, True
    else:
        usage = False
    out, err = capsys.readouterr()
    assert (status, out) == (2, "")
    assert "Traceback" not in err
    if usage:
        assert err.startswith("usage: ")
    else:
        assert len(err.splitlines()) == 1
        assert err.startswith("l1demo: ") and len(err) < 900


def test_a_bad_file_in_a_process_of_its_own_leaves_one_line(bad: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "l1demo", "inspect", str(bad / "text.wav")],
        cwd=Path(__file__).parents[1], capture_output=True, text=True,
    )  # fmt: skip
    assert (done.returncode, done.stdout, len(done.stderr.splitlines())) == (2, "", 1)


@pytest.mark.skipif(not FSDD.exists(), reason="needs shared/data")
def test_fsdd_is_learned_and_three_quarters_of_the_weights_can_go(capsys: pytest.CaptureFixture[str]) -> None:
    summaries = []
    for lam in ("0", "1e-3"):
        settings = ["--split", "recordings", "--no-augment", "--epochs", "20", "--lam", lam]
        assert main(["train", "--corpus", str(FSDD), *settings, "--json"]) == 0
        summaries.append(json.loads(capsys.readouterr().out.splitlines()[-1])["summary"])
    dense, sparse = summaries
    assert dense["epochs"] == 20
    assert dense["val_accuracy"] >= 0.975
    assert dense["exact_zero_fraction"] == 0
    assert sparse["exact_zero_fraction"] >= 0.75
    assert sparse["val_accuracy"] >= dense["val_accuracy"] - 0.015
