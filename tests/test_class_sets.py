import sqlite3
from pathlib import Path

import numpy as np
import pytest

from l1demo import class_rules, class_sets, shelf, store
from l1demo.class_rules import ClassError, read_words
from l1demo.class_sets import ClassSets
from l1demo.corpora import Corpus
from l1demo.store import Store, StoreError

WORDS = ("no", "yes")
SOUND = b"RIFF and the rest of a clip"


@pytest.fixture
def sets() -> ClassSets:
    return Store(None).classes


def begun(sets: ClassSets, *students: str) -> str:
    made = sets.make("teacher", "3b", WORDS).id
    for student in students:
        sets.join(made, student)
    return made


def corpus_of(clips: int) -> str:
    """Keep a corpus on the shelf and return its name."""
    labels = np.arange(clips) % 2
    zeros = np.zeros(clips, np.int64)
    return shelf.save(
        Corpus("", WORDS, ("Ann",), np.arange(10 * clips, dtype=np.int16), 10 * np.arange(clips + 1), labels, zeros, zeros),
        "class",
        "3b",
    )


def test_a_set_outlives_the_process_with_voices_and_clips(tmp_path: Path) -> None:
    first = Store(tmp_path)
    made = first.classes.make("teacher", " 3b  of today", WORDS)
    first.classes.join(made.id, "ann", "Ann")
    clip = first.classes.add(made.id, "ann", "yes", SOUND, 0.5, "too quiet")
    first.close()
    second = Store(tmp_path)
    assert second.classes.get(made.id) == made
    assert (made.title, made.words, made.open) == ("3b of today", WORDS, True)
    (kept,) = second.classes.clips(made.id, "teacher")
    assert (kept.id, kept.session, kept.voice, kept.word, kept.seconds, kept.verdict) == (
        clip,
        "ann",
        "Ann",
        "yes",
        0.5,
        "too quiet",
    )
    assert second.classes.sound(clip, "teacher") == SOUND
    second.close()


def test_a_student_has_their_own_clips_and_the_owner_all(sets: ClassSets) -> None:
    made = begun(sets, "ann", "ben")
    mine, theirs = (sets.add(made, student, "yes", SOUND, 0.5) for student in ("ann", "ben"))
    assert [clip.id for clip in sets.clips(made, "ann")] == [mine]
    assert [clip.id for clip in sets.clips(made, "teacher")] == [mine, theirs]
    assert sets.clips(made, "stranger") == []
    for do in (sets.sound, sets.delete):
        with pytest.raises(ClassError, match="not yours"):
            do(theirs, "ann")
    sets.delete(mine, "ann")
    sets.delete(theirs, "teacher")
    assert sets.clips(made, "teacher") == []


def test_only_the_owner_rules_a_set(sets: ClassSets) -> None:
    made = begun(sets, "ann")
    clip = sets.add(made, "ann", "yes", SOUND, 0.5)
    for forbidden in (
        lambda: sets.set_open(made, "ann", False),
        lambda: sets.clear(made, "ann", whole=True),
        lambda: sets.snapshot(made, "ann"),
        lambda: sets.note_corpus(made, "ann", "class-0123456789ab", [clip]),
    ):
        with pytest.raises(ClassError, match="Only who made this class set"):
            forbidden()
    assert [(kept.id, sound) for kept, sound in sets.snapshot(made, "teacher")] == [(clip, SOUND)]


def test_a_closed_set_takes_no_clip(sets: ClassSets) -> None:
    made = begun(sets, "ann")
    sets.set_open(made, "teacher", False)
    with pytest.raises(ClassError, match="closed this class set"):
        sets.add(made, "ann", "yes", SOUND, 0.5)
    sets.set_open(made, "teacher", True)
    assert sets.add(made, "ann", "yes", SOUND, 0.5)


def test_nothing_is_kept_of_who_has_not_agreed_nor_of_other_words_nor_without_a_set(sets: ClassSets) -> None:
    made = begun(sets)
    with pytest.raises(ClassError, match="before you agree"):
        sets.add(made, "ann", "yes", SOUND, 0.5)
    sets.join(made, "ann")
    with pytest.raises(ClassError, match="“perhaps” is no word"):
        sets.add(made, "ann", "perhaps", SOUND, 0.5)
    for nowhere in ("", "nosuch", "'; DROP TABLE class_sets; --"):
        with pytest.raises(ClassError, match="no such class set"):
            sets.add(nowhere, "ann", "yes", SOUND, 0.5)
        assert sets.get(nowhere) is None


def test_voices_have_names_or_numbers_and_no_two_the_same(sets: ClassSets) -> None:
    made = begun(sets, "ann", "ben")
    assert [sets.voice(made, student) for student in ("ann", "ben", "eve")] == ["Voice 1", "Voice 2", None]
    assert sets.join(made, "ann", "  Äpfel  ") == "Äpfel"
    assert sets.join(made, "ann") == "Äpfel"
    assert sets.join(made, "eve") == "Voice 1"
    for taken in ("äpfel", "ÄPFEL", "voice 2"):
        with pytest.raises(ClassError, match="another nickname"):
            sets.join(made, "max", taken)
    for bad in ("x" * 31, "a\u202eb", "\0"):
        with pytest.raises(ClassError, match="A nickname has 1 to 30 characters"):
            sets.join(made, "max", bad)


def test_words_are_read_from_lines_and_commas_once_each() -> None:
    assert read_words(" Yes, no\nyes;; 是，不是、 ice  cream") == ("yes", "no", "是", "不是", "ice cream")
    assert read_words("Cafe\u0301") == ("café",)
    assert read_words(" ,\n") == ()
    assert len(read_words("x" * class_rules.MAX_LETTERS)[0]) == 40
    with pytest.raises(ClassError, match="A word has 1 to 40 characters"):
        read_words("x" * 41)


@pytest.mark.parametrize("count", [0, 1, 21])
def test_a_set_has_two_to_twenty_words(sets: ClassSets, count: int) -> None:
    with pytest.raises(ClassError, match=f"2 to 20 words; this has {count}"):
        sets.make("teacher", "3b", [f"w{i}" for i in range(count)])
    assert len(sets.make("teacher", "3b", [f"w{i}" for i in range(20)]).words) == 20


@pytest.mark.parametrize("title", ["", " ", "x" * 61, "\x1b[2J"])
def test_a_title_can_be_read(sets: ClassSets, title: str) -> None:
    with pytest.raises(ClassError, match="The title has 1 to 60 characters"):
        sets.make("teacher", title, WORDS)


@pytest.mark.parametrize(
    ("limit", "sentence"),
    [
        ("MAX_CLIPS", "This class set has 2 clips"),
        ("MAX_OF_VOICE", "You have 2 clips in this class set"),
        ("MAX_OF_WORD", "You have 2 clips of this word"),
    ],
)
def test_clips_have_limits(sets: ClassSets, monkeypatch: pytest.MonkeyPatch, limit: str, sentence: str) -> None:
    monkeypatch.setattr(class_sets, limit, 2)
    made = begun(sets, "ann", "ben")
    for _clip in range(2):
        sets.add(made, "ann", "yes", SOUND, 0.5)
    with pytest.raises(ClassError, match=sentence):
        sets.add(made, "ann", "yes", SOUND, 0.5)
    assert len(sets.clips(made, "teacher")) == 2
    if limit == "MAX_OF_WORD":
        sets.add(made, "ann", "no", SOUND, 0.5)
    if limit != "MAX_CLIPS":
        sets.add(made, "ben", "yes", SOUND, 0.5)


def test_sound_has_limits(sets: ClassSets, monkeypatch: pytest.MonkeyPatch) -> None:
    made = begun(sets, "ann")
    with pytest.raises(ClassError, match="at most 3 s and 128 KB"):
        sets.add(made, "ann", "yes", SOUND, 3.01)
    with pytest.raises(ClassError, match="at most 3 s and 128 KB"):
        sets.add(made, "ann", "yes", bytes(128 * 1024 + 1), 0.5)
    monkeypatch.setattr(class_sets, "MAX_BYTES", 2**20)
    for _clip in range(8):
        sets.add(made, "ann", "yes", bytes(128 * 1024), 0.5)
    with pytest.raises(ClassError, match="This class set has 1 MB of sound"):
        sets.add(made, "ann", "yes", b"1", 0.5)


def test_sets_and_voices_have_limits(sets: ClassSets, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(class_sets, "MAX_SETS", 1)
    monkeypatch.setattr(class_sets, "MAX_VOICES", 2)
    made = begun(sets, "ann", "ben")
    with pytest.raises(ClassError, match="You have 1 class sets"):
        begun(sets)
    assert sets.make("other", "3b", WORDS)
    with pytest.raises(ClassError, match="This class set has 2 voices"):
        sets.join(made, "eve")
    assert sets.join(made, "ben", "Ben") == "Ben"  # who is in it stays in it


def test_sets_are_listed_for_who_made_them_and_who_speaks_in_them(sets: ClassSets) -> None:
    first, second = begun(sets, "ann"), begun(sets)
    assert [each.id for each in sets.of("teacher")] == [second, first]
    assert [each.id for each in sets.of("ann")] == [first]
    assert sets.of("stranger") == []


def test_deleting_a_clip_deletes_the_corpora_that_have_it_and_no_other(sets: ClassSets) -> None:
    made = begun(sets, "ann")
    old, new = (sets.add(made, "ann", word, SOUND, 0.5) for word in WORDS)
    of_old, of_both = corpus_of(4), corpus_of(6)
    sets.note_corpus(made, "teacher", of_old, [old])
    sets.note_corpus(made, "teacher", of_both, [old, new])
    sets.delete(new, "ann")
    assert of_old in shelf.names()
    assert of_both not in shelf.names()
    sets.leave(made, "ann")
    assert of_old not in shelf.names()
    assert sets.voice(made, "ann") is None


def test_deleting_all_takes_a_corpus_off_every_list(tmp_path: Path) -> None:
    kept = Store(tmp_path)
    made = begun(kept.classes, "ann", "ben")
    clip = kept.classes.add(made, "ann", "yes", SOUND, 0.5)
    kept.classes.add(made, "ben", "no", SOUND, 0.5)
    name = corpus_of(8)
    kept.classes.note_corpus(made, "teacher", name, [clip])
    kept.keep_corpus(name, "teacher", "3b")
    kept.keep_corpus(name, "colleague", "3b")
    kept.classes.clear(made, "teacher")
    assert kept.corpora("teacher") == kept.corpora("colleague") == {}
    assert name not in shelf.names()
    assert (kept.classes.clips(made, "teacher"), kept.classes.voice(made, "ann")) == ([], None)
    assert kept.classes.get(made) is not None
    kept.classes.clear(made, "teacher", whole=True)
    assert kept.classes.get(made) is None
    for table in ("class_sets", "class_voices", "class_clips", "class_corpora"):
        assert kept._database.writer.execute(f"SELECT count(*) FROM {table}").fetchone() == (0,)
    kept.close()


def test_what_is_deleted_is_in_no_file_any_more(tmp_path: Path) -> None:
    kept = Store(tmp_path)
    made = begun(kept.classes)
    kept.classes.join(made, "ann", "Annabella")
    sound = b"my own voice " * 3000  # over many pages of the file
    kept.classes.add(made, "ann", "yes", sound, 0.5)

    def found(text: bytes) -> bool:
        return any(text in file.read_bytes() for file in tmp_path.glob("history.sqlite*"))

    assert found(b"my own voice")
    assert found(b"Annabella")
    kept.classes.clear(made, "teacher")
    assert not found(b"my own voice")
    assert not found(b"Annabella")
    kept.close()


def test_a_corpus_of_clips_that_were_deleted_while_it_was_made_is_not_kept(sets: ClassSets) -> None:
    made = begun(sets, "ann")
    clip = sets.add(made, "ann", "yes", SOUND, 0.5)
    sets.delete(clip, "ann")
    name = corpus_of(10)
    with pytest.raises(ClassError, match="deleted in the meantime"):
        sets.note_corpus(made, "teacher", name, [clip])
    assert name not in shelf.names()


def test_a_full_disk_has_its_sentence_and_loses_no_clip(tmp_path: Path) -> None:
    kept = Store(tmp_path)
    made = begun(kept.classes, "ann")
    first = kept.classes.add(made, "ann", "yes", SOUND, 0.5)
    pages = kept._database.writer.execute("PRAGMA page_count").fetchone()[0]
    kept._database.writer.execute(f"PRAGMA max_page_count = {pages}")
    with pytest.raises(StoreError, match="is full; free some space"):
        kept.classes.add(made, "ann", "yes", bytes(100_000), 0.5)
    assert [clip.id for clip in kept.classes.clips(made, "teacher")] == [first]
    assert kept.classes.sound(first, "ann") == SOUND
    kept.close()


def test_a_history_from_before_class_sets_opens_with_room_for_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store, "_MIGRATIONS", store._MIGRATIONS[: store._MIGRATIONS.index(class_sets.TABLES)])
    Store(tmp_path).close()
    with sqlite3.connect(tmp_path / store.FILE) as sql:
        assert not sql.execute("SELECT name FROM sqlite_master WHERE name LIKE 'class%'").fetchall()
    monkeypatch.undo()
    kept = Store(tmp_path)
    assert begun(kept.classes, "ann")
    kept.close()
