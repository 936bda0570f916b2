"""A class's own recordings, in the history's file: sets of words, who speaks in them, and their clips; and who may do what.

Sound comes here as files that a worker has read and written; nothing is decoded. Corpora are made of it by ``class_clips``.
"""

import secrets
import sqlite3
import time
from collections.abc import Collection, Sequence

from l1demo import shelf
from l1demo.class_rules import (
    MAX_BYTES,
    MAX_CLIP_BYTES,
    MAX_CLIPS,
    MAX_LETTERS,
    MAX_NAME,
    MAX_OF_VOICE,
    MAX_OF_WORD,
    MAX_SECONDS,
    MAX_SETS,
    MAX_TITLE,
    MAX_VOICES,
    MAX_WORDS,
    MIN_WORDS,
    ClassError,
    ClassSet,
    Clip,
    line,
)
from l1demo.database import Database
from l1demo.text import _

TABLES = """
    CREATE TABLE class_sets (
        id TEXT PRIMARY KEY, owner TEXT NOT NULL, title TEXT NOT NULL, words TEXT NOT NULL, created REAL NOT NULL,
        open INTEGER NOT NULL DEFAULT 1
    );
    CREATE INDEX class_sets_of ON class_sets (owner, created);
    CREATE TABLE class_voices (
        class TEXT NOT NULL REFERENCES class_sets (id), session TEXT NOT NULL, name TEXT NOT NULL COLLATE NOCASE,
        agreed REAL NOT NULL, PRIMARY KEY (class, session), UNIQUE (class, name)
    ) WITHOUT ROWID;
    CREATE INDEX class_voices_of ON class_voices (session);
    CREATE TABLE class_clips (
        id TEXT PRIMARY KEY, class TEXT NOT NULL, session TEXT NOT NULL, word TEXT NOT NULL, sound BLOB NOT NULL,
        seconds REAL NOT NULL, verdict TEXT NOT NULL, made REAL NOT NULL,
        FOREIGN KEY (class, session) REFERENCES class_voices (class, session)
    );
    CREATE INDEX class_clips_of ON class_clips (class, session, word, made);
    CREATE TABLE class_corpora (
        class TEXT NOT NULL REFERENCES class_sets (id), corpus TEXT NOT NULL, clip TEXT NOT NULL, PRIMARY KEY (class, corpus, clip)
    ) WITHOUT ROWID;
"""
_SET = "id, owner, title, words, created, open"
_CLIP = "class_clips.id, class_clips.session, class_voices.name, word, seconds, verdict, made"
_VOICED = "class_clips JOIN class_voices USING (class, session)"


class ClassSets:
    """All class sets of a lab. Each method is told who asks, and refuses what is not theirs.

    Parameters
    ----------
    database : Database
        With ``TABLES``.

    Raises
    ------
    ClassError, StoreError
        In every method: for what this session may not do or what goes beyond a limit; and where the file cannot be used.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def make(self, owner: str, title: str, words: Sequence[str]) -> ClassSet:
        """Begin a class set; its words are as of ``read_words``."""
        named = line(title, MAX_TITLE, _("The title"))
        if not MIN_WORDS <= len(words) <= MAX_WORDS:
            raise ClassError(
                _("A class set has {low} to {high} words; this has {n}.").format(low=MIN_WORDS, high=MAX_WORDS, n=len(words))
            )
        made = ClassSet(secrets.token_urlsafe(16), owner, named, tuple(words), time.time(), True)
        with self._database.write() as sql:
            count = sql.execute("SELECT count(*) FROM class_sets WHERE owner = ?", (owner,)).fetchone()[0]
            _limit(count, MAX_SETS, _("You have {most} class sets, which is the most; delete one first."))
            sql.execute(
                f"INSERT INTO class_sets ({_SET}) VALUES (?, ?, ?, ?, ?, 1)",
                (made.id, owner, named, "\n".join(words), made.created),
            )
        return made

    def get(self, class_id: str) -> ClassSet | None:
        """Return a set, for whoever knows its id."""
        with self._database.read() as sql:
            found = sql.execute(f"SELECT {_SET} FROM class_sets WHERE id = ?", (class_id,)).fetchone()
        return _set(*found) if found else None

    def of(self, session: str) -> list[ClassSet]:
        """Return the sets that a session has made or speaks in, the newest first."""
        with self._database.read() as sql:
            found = sql.execute(
                f"SELECT {_SET} FROM class_sets WHERE owner = ?1 OR id IN (SELECT class FROM class_voices WHERE session = ?1)"
                " ORDER BY created DESC",
                (session,),
            ).fetchall()
        return [_set(*columns) for columns in found]

    def set_open(self, class_id: str, session: str, open: bool) -> None:
        """Take clips, or take none any more; the owner's."""
        with self._database.write() as sql:
            _owned(sql, class_id, session)
            sql.execute("UPDATE class_sets SET open = ? WHERE id = ?", (open, class_id))

    def join(self, class_id: str, session: str, name: str = "") -> str:
        """Note that a session agrees to be recorded, and how it is called; without a name it gets a number. Returns the name."""
        with self._database.write() as sql:
            _known(sql, class_id)
            names = dict(sql.execute("SELECT session, name FROM class_voices WHERE class = ?", (class_id,)).fetchall())
            mine = names.pop(session, None)
            taken = {each.casefold() for each in names.values()}
            if mine is None:
                _limit(len(names), MAX_VOICES, _("This class set has {most} voices, which is the most."))
            if name.strip():
                name = line(name, MAX_NAME, _("A nickname"))
                if name.casefold() in taken:
                    raise ClassError(_("Somebody in this class is called so already; choose another nickname."))
            else:
                numbers = (_("Voice {n}").format(n=n) for n in range(1, MAX_VOICES + 2))
                name = mine or next(each for each in numbers if each.casefold() not in taken)
            sql.execute(
                "INSERT INTO class_voices (class, session, name, agreed) VALUES (?, ?, ?, ?)"
                " ON CONFLICT (class, session) DO UPDATE SET name = excluded.name",
                (class_id, session, name, time.time()),
            )
        return name

    def voice(self, class_id: str, session: str) -> str | None:
        """Return what a session is called in a set; None where it has not agreed to be recorded."""
        with self._database.read() as sql:
            found = sql.execute("SELECT name FROM class_voices WHERE class = ? AND session = ?", (class_id, session)).fetchone()
        return found[0] if found else None

    def add(self, class_id: str, session: str, word: str, sound: bytes, seconds: float, verdict: str = "") -> str:
        """Keep a clip of a session that has joined, and return its id."""
        if seconds > MAX_SECONDS or len(sound) > MAX_CLIP_BYTES:
            raise ClassError(
                _("The clip has {seconds:.1f} s and {n:.0f} KB; at most {most:g} s and {most_n:.0f} KB are kept.").format(
                    seconds=seconds, n=len(sound) / 1024, most=MAX_SECONDS, most_n=MAX_CLIP_BYTES / 1024
                )
            )
        with self._database.write() as sql:
            self._check_room(sql, class_id, session, word, len(sound))
            clip_id = secrets.token_urlsafe(16)
            sql.execute(
                "INSERT INTO class_clips (id, class, session, word, sound, seconds, verdict, made) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                (clip_id, class_id, session, word, sound, seconds, verdict, time.time()),
            )
        return clip_id

    def _check_room(self, sql: sqlite3.Connection, class_id: str, session: str, word: str, size: int) -> None:
        wanted = _known(sql, class_id)
        if not wanted.open:
            raise ClassError(_("The teacher has closed this class set; no clip is taken now."))
        if word not in wanted.words:
            raise ClassError(_("“{word}” is no word of this class set.").format(word=word[:MAX_LETTERS]))
        if not sql.execute("SELECT 1 FROM class_voices WHERE class = ? AND session = ?", (class_id, session)).fetchone():
            raise ClassError(_("Nothing is recorded before you agree to it; tick the line first."))
        clips, size_now = sql.execute(
            "SELECT count(*), coalesce(sum(length(sound)), 0) FROM class_clips WHERE class = ?", (class_id,)
        ).fetchone()
        _limit(clips, MAX_CLIPS, _("This class set has {most} clips, which is the most."))
        if size_now + size > MAX_BYTES:
            raise ClassError(
                _("This class set has {most:.0f} MB of sound, which is the most; delete some clips.").format(most=MAX_BYTES / 2**20)
            )
        mine = "SELECT count(*) FROM class_clips WHERE class = ? AND session = ?"
        count = sql.execute(mine, (class_id, session)).fetchone()[0]
        _limit(count, MAX_OF_VOICE, _("You have {most} clips in this class set, which is the most for one voice."))
        count = sql.execute(f"{mine} AND word = ?", (class_id, session, word)).fetchone()[0]
        _limit(count, MAX_OF_WORD, _("You have {most} clips of this word, which is the most; take another word."))

    def clips(self, class_id: str, session: str) -> list[Clip]:
        """Return a set's clips in the order in which they were made: its owner all, others their own."""
        with self._database.read() as sql:
            found = sql.execute(
                f"SELECT {_CLIP} FROM {_VOICED} JOIN class_sets ON class_sets.id = class"
                " WHERE class = ?1 AND ?2 IN (owner, session) ORDER BY made, class_clips.rowid",
                (class_id, session),
            ).fetchall()
        return [Clip(*columns) for columns in found]

    def sound(self, clip_id: str, session: str) -> bytes:
        """Return a clip as an audio file: its speaker's, and the owner's."""
        with self._database.read() as sql:
            _class_of(sql, clip_id, session)
            return sql.execute("SELECT sound FROM class_clips WHERE id = ?", (clip_id,)).fetchone()[0]

    def snapshot(self, class_id: str, session: str) -> list[tuple[Clip, bytes]]:
        """Return all clips of a set with their sound; the owner's."""
        with self._database.read() as sql:
            _owned(sql, class_id, session)
            found = sql.execute(
                f"SELECT sound, {_CLIP} FROM {_VOICED} WHERE class = ? ORDER BY made, class_clips.rowid", (class_id,)
            ).fetchall()
        return [(Clip(*columns), sound) for sound, *columns in found]

    def note_corpus(self, class_id: str, session: str, corpus: str, clips: Collection[str]) -> None:
        """Note of which clips a corpus of the shelf was made; where one of them is gone meanwhile, the corpus goes, too."""
        with self._database.write() as sql:
            _owned(sql, class_id, session)
            there = {each for (each,) in sql.execute("SELECT id FROM class_clips WHERE class = ?", (class_id,))}
            if set(clips) <= there:
                rows = ((class_id, corpus, clip) for clip in clips)
                sql.executemany("INSERT OR IGNORE INTO class_corpora (class, corpus, clip) VALUES (?, ?, ?)", rows)
                return
        shelf.delete(corpus)
        raise ClassError(_("Some clips were deleted in the meantime; train again."))

    def delete(self, clip_id: str, session: str) -> None:
        """Delete a clip, and the corpora that have it: its speaker's, and the owner's."""
        with self._database.erase() as sql:
            class_id = _class_of(sql, clip_id, session)
            _drop_corpora(sql, class_id, [clip_id])
            sql.execute("DELETE FROM class_clips WHERE id = ?", (clip_id,))

    def leave(self, class_id: str, session: str) -> None:
        """Delete all that a session has said in a set, its name and that it agreed, and the corpora that have a clip of it."""
        with self._database.erase() as sql:
            _clear(sql, class_id, session)

    def clear(self, class_id: str, session: str, whole: bool = False) -> None:
        """Delete all clips and voices of a set and all corpora made of it, and with ``whole`` the set; the owner's."""
        with self._database.erase() as sql:
            _owned(sql, class_id, session)
            for (each,) in sql.execute("SELECT session FROM class_voices WHERE class = ?", (class_id,)).fetchall():
                _clear(sql, class_id, each)
            if whole:
                sql.execute("DELETE FROM class_sets WHERE id = ?", (class_id,))


def _limit(count: int, most: int, sentence: str) -> None:
    if count >= most:
        raise ClassError(sentence.format(most=most))


def _set(id: str, owner: str, title: str, words: str, created: float, open: int) -> ClassSet:
    return ClassSet(id, owner, title, tuple(words.split("\n")), created, bool(open))


def _known(sql: sqlite3.Connection, class_id: str) -> ClassSet:
    found = sql.execute(f"SELECT {_SET} FROM class_sets WHERE id = ?", (class_id,)).fetchone()
    if not found:
        raise ClassError(_("There is no such class set, or it has been deleted; ask for its link again."))
    return _set(*found)


def _owned(sql: sqlite3.Connection, class_id: str, session: str) -> None:
    if _known(sql, class_id).owner != session:
        raise ClassError(_("Only who made this class set can do that."))


def _class_of(sql: sqlite3.Connection, clip_id: str, session: str) -> str:
    found = sql.execute(
        "SELECT class FROM class_clips JOIN class_sets ON class_sets.id = class WHERE class_clips.id = ? AND ? IN (owner, session)",
        (clip_id, session),
    ).fetchone()
    if not found:  # the same for another's, so that nobody learns whose there are
        raise ClassError(_("This clip is not there any more, or it is not yours."))
    return found[0]


def _clear(sql: sqlite3.Connection, class_id: str, session: str) -> None:
    theirs = (class_id, session)
    gone = [each for (each,) in sql.execute("SELECT id FROM class_clips WHERE class = ? AND session = ?", theirs)]
    _drop_corpora(sql, class_id, gone)
    sql.execute("DELETE FROM class_clips WHERE class = ? AND session = ?", theirs)
    sql.execute("DELETE FROM class_voices WHERE class = ? AND session = ?", theirs)


def _drop_corpora(sql: sqlite3.Connection, class_id: str, clips: Collection[str]) -> None:
    with_them = {corpus for clip in clips for (corpus,) in sql.execute(
        "SELECT corpus FROM class_corpora WHERE class = ? AND clip = ?", (class_id, clip)
    )}  # fmt: skip
    for corpus in with_them:
        sql.execute("DELETE FROM class_corpora WHERE class = ? AND corpus = ?", (class_id, corpus))
        sql.execute("DELETE FROM corpora WHERE name = ?", (corpus,))
        shelf.delete(corpus)
