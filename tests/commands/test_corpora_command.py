"""``corpora`` on the command line: what is listed, kept from a file, downloaded and deleted."""

import hashlib
import json
import sys
from pathlib import Path

import pytest

from l1demo import job_tasks, shelf
from l1demo.__main__ import main
from l1demo.corpora import fsdd, speech_commands

sys.path.insert(0, str(Path(__file__).parents[1] / "corpora"))

import test_fsdd
import test_speech_commands
from servers import file, serving


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("L1DEMO_HOME", str(tmp_path / "home"))
    return tmp_path


def listed(capsys: pytest.CaptureFixture[str], *options: str) -> list[dict]:
    assert main(["corpora", *options, "--json"]) == 0
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def test_what_the_lab_keeps_is_listed_and_deleted(capsys: pytest.CaptureFixture[str]) -> None:
    corpus = test_speech_commands.read(test_speech_commands.GOOD)
    name = job_tasks.keep_speech_commands(corpus)
    digits, wide, words = listed(capsys)
    assert (digits["name"], wide["name"]) == ("digits", "digits-wide")
    assert words == {"name": name, "words": ["no", "yes"], "speakers": 4, "clips": 16, "seconds": len(corpus.samples) / 8000}
    assert main(["corpora", "--delete", "../secret"]) == 2
    assert name in capsys.readouterr().err
    assert [each["name"] for each in listed(capsys, "--delete", name)] == ["digits", "digits-wide"]


def test_words_of_a_local_archive_of_speech_commands_are_kept(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = test_speech_commands.GOOD
    (tmp_path / "sc.tar.gz").write_bytes(data)
    add = ("--add", str(tmp_path / "sc.tar.gz"), "--words", "bed, no", "--clips", "5")
    assert main(["corpora", *add]) == 2  # by the real checksum
    assert "checksum" in capsys.readouterr().err and shelf.names() == []
    read = speech_commands.read
    ours = len(data), hashlib.sha256(data).hexdigest()
    monkeypatch.setattr(speech_commands, "read", lambda source, words, most: read(source, words, most, *ours))
    (kept,) = listed(capsys, *add)
    assert (kept["words"], kept["clips"]) == (["bed", "no"], 10)
    assert main(["corpora", "--add", str(tmp_path / "nowhere.tar.gz")]) == 2
    assert "No such file" in capsys.readouterr().err


def test_only_the_whole_of_fsdd_is_kept_from_a_file(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "fsdd.zip").write_bytes(test_fsdd.GOOD)
    assert main(["corpora", "--add", str(tmp_path / "fsdd.zip")]) == 2
    assert "not the whole" in capsys.readouterr().err and shelf.names() == []
    monkeypatch.setattr(fsdd, "is_whole", lambda path, of=fsdd.is_whole: of(path, test_fsdd.in_order(test_fsdd.GOOD)))
    assert listed(capsys, "--add", str(tmp_path / "fsdd.zip"))[0]["name"] == "fsdd"


def test_a_download_that_fails_ends_with_one_line(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    with serving(file(test_fsdd.GOOD)) as server:  # which is not the real one
        monkeypatch.setenv("L1DEMO_FSDD_URL", server.url)
        assert main(["corpora", "--download", "fsdd"]) == 2
    *_progress, last = capsys.readouterr().err.strip().splitlines()
    assert "not the Free Spoken Digit Dataset" in last
    assert shelf.names() == []
