import json
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from l1demo import corpora, shelf, tasks
from l1demo.corpora import Corpus, CorpusError
from l1demo.spec import RunSpec


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("L1DEMO_HOME", str(tmp_path))
    return tmp_path


def toy(official: bool = False, skipped: tuple[str, ...] = ()) -> Corpus:
    return Corpus(
        "toy",
        ("yes", "no", "不"),
        ("anna", "ben"),
        np.arange(60, dtype=np.int16),
        np.array([0, 10, 30, 60]),
        np.array([0, 1, 1]),
        np.array([0, 0, 1]),
        np.array([3, 4, 5]),
        skipped,
        True,
        np.array([0, 1, 2], np.int8) if official else None,
    )


@pytest.mark.parametrize("official", [False, True])
def test_what_is_kept_comes_back_as_it_was(official: bool) -> None:
    name = shelf.save(toy(official, ("a.wav: too short",)), "own", "My words", "CC0", "my phone")
    assert shelf.is_name(name)
    got, want = corpora.load(name), toy(official)
    assert (got.name, got.words, got.speakers, got.numbered) == (name, want.words, want.speakers, True)
    assert got.skipped == ("a.wav: too short",)
    for array in (*shelf.ARRAYS, "official"):
        np.testing.assert_array_equal(getattr(got, array), getattr(want, array))


def test_what_is_known_of_a_corpus_is_counted() -> None:
    about = shelf.about(shelf.save(toy(), "own", "My words"))
    assert (about.title, about.kind, about.clips, about.official) == ("My words", "own", 3, False)
    assert about.per_word == (1, 2, 0)
    assert about.per_speaker == (2, 1)
    assert about.seconds == 60 / 8000
    assert shelf.names() == [about.name]


def test_a_name_is_of_the_content_alone() -> None:
    name = shelf.save(toy(), "own", "one title")
    assert shelf.save(toy(), "own", "another") == name
    louder = replace(toy(), samples=toy().samples * 2)
    mislabelled = replace(toy(), labels=np.array([1, 0, 1]))
    assert len({name, *(shelf.save(other, "own", "t") for other in (louder, mislabelled, toy(official=True)))}) == 4
    assert shelf.save(toy(), "fsdd", "FSDD") == "fsdd"


@pytest.mark.parametrize("name", ["../secret", "/etc/passwd", "own-123", "own-0123456789ABC", "words-0123456789ab\n", "digits", ""])
def test_what_is_no_name_reaches_no_file(name: str) -> None:
    assert not shelf.is_name(name)
    for function in (shelf.load, shelf.about, shelf.delete):
        with pytest.raises(CorpusError):
            function(name)


def test_what_is_deleted_is_heard_no_more_by_who_has_it_in_memory() -> None:
    name = shelf.save(toy(), "class", "t")
    spec = RunSpec().with_values(corpus=name, split="recordings", train_clips=0)
    assert len(tasks.corpus(name)) == 3
    shelf.delete(name)
    for ask in (lambda: tasks.corpus(name), lambda: tasks.division_of(spec), lambda: tasks.dataset_of(spec)):
        with pytest.raises(CorpusError, match="keeps no corpus"):
            ask()


def test_a_corpus_that_is_gone_is_named() -> None:
    name = shelf.save(toy(), "own", "t")
    shelf.delete(name)
    shelf.delete(name)
    with pytest.raises(CorpusError, match=f"keeps no corpus “{name}”"):
        shelf.load(name)


@pytest.mark.parametrize("cut", [0, 5, 100, 400])
def test_a_damaged_file_is_told_of(cut: int) -> None:
    name = shelf.save(toy(), "own", "t")
    path = shelf.folder() / f"{name}.safetensors"
    path.write_bytes(path.read_bytes()[:cut])
    with pytest.raises(CorpusError, match="cannot be read"):
        shelf.load(name)


def test_what_is_missing_in_the_header_is_told_of() -> None:
    name = shelf.save(toy(), "own", "t")
    path = shelf.folder() / f"{name}.safetensors"
    data = path.read_bytes()
    length = int.from_bytes(data[:8], "little")
    header = json.loads(data[8 : 8 + length])
    about = json.loads(header["__metadata__"]["about"])
    del about["per_word"]
    header["__metadata__"]["about"] = json.dumps(about)
    text = json.dumps(header).encode()
    path.write_bytes(len(text).to_bytes(8, "little") + text + data[8 + length :])
    with pytest.raises(CorpusError, match="per_word"):
        shelf.about(name)


def test_nothing_half_is_left_where_the_disk_is_full(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(tensors: object, filename: Path, metadata: object) -> None:
        Path(filename).write_bytes(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(shelf.safetensors.numpy, "save_file", fail)
    with pytest.raises(CorpusError, match=re.escape("No space left on device")):
        shelf.save(toy(), "own", "t")
    assert list(shelf.folder().iterdir()) == []


def test_what_a_dead_process_left_is_swept_away() -> None:
    name = shelf.save(toy(), "own", "t")
    (shelf.folder() / ".0123.part").write_bytes(b"half")
    shelf.sweep()
    assert [path.stem for path in shelf.folder().iterdir()] == [name]
