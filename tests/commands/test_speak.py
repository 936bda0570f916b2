"""``python -m l1demo speak``."""

import json
from pathlib import Path

import pytest

from l1demo import shelf
from l1demo.__main__ import BAD_INPUT, main


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("L1DEMO_HOME", str(tmp_path))


def test_words_become_a_corpus_of_that_name(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["speak", "yes", "no", "--takes", "1", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert shelf.names() == [told["name"]]
    assert told["words"] == ["no", "yes"]
    assert told["clips"] == 2 * told["speakers"] == len(shelf.load(told["name"]))
    assert main(["speak", "no", "yes", "…", "--takes", "1"]) == 0
    out = capsys.readouterr().out
    assert "“…” is nothing that English can say" in out
    assert f"train --corpus {told['name']}" in out  # the same words are the same corpus


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [(["yes"], "at least two words"), (["yes", "no", "--language", "xx"], "no language “xx”"), (["no", "know"], "sounds like")],
)
def test_what_cannot_be_spoken_is_one_line(arguments: list[str], sentence: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["speak", *arguments]) == BAD_INPUT
    (line,) = capsys.readouterr().err.splitlines()
    assert sentence in line
    assert shelf.names() == []
