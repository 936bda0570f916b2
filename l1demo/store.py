"""Run history in one SQLite file of the user's data folder: what was asked, by whom, every epoch, and the weights.

One process writes: the server. What is committed survives a power cut. Scheduling and live state are the engine's.
"""

import contextlib
import json
import os
import sqlite3
import threading
import time
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import platformdirs

from l1demo.spec import RunSpec, SpecError
from l1demo.text import _

QUEUED, RUNNING, DONE, STOPPED, FAILED, INTERRUPTED = "queued", "running", "done", "stopped", "failed", "interrupted"
ENDED = frozenset({DONE, STOPPED, FAILED, INTERRUPTED})

FILE = "history.sqlite"
LOCK = "in-use.sqlite"

_MIGRATIONS = (  # migration i leads from user_version i to i + 1; never change one that was released
    """
    CREATE TABLE runs (
        id TEXT PRIMARY KEY, spec TEXT NOT NULL, state TEXT NOT NULL, error TEXT NOT NULL DEFAULT '',
        created REAL NOT NULL, started REAL, finished REAL
    );
    CREATE TABLE epochs (
        run TEXT NOT NULL REFERENCES runs (id), epoch INTEGER NOT NULL, row TEXT NOT NULL, PRIMARY KEY (run, epoch)
    ) WITHOUT ROWID;
    CREATE TABLE weights (run TEXT PRIMARY KEY REFERENCES runs (id), blob BLOB NOT NULL);
    CREATE TABLE asked (
        run TEXT NOT NULL REFERENCES runs (id), session TEXT NOT NULL, at REAL NOT NULL, PRIMARY KEY (run, session)
    ) WITHOUT ROWID;
    CREATE INDEX asked_by ON asked (session, at);
    CREATE INDEX runs_by_age ON runs (created);
    """,
)
_RUN = "runs.id, runs.spec, runs.state, runs.error, runs.created, runs.started, runs.finished"
_LAST = "(SELECT row FROM epochs WHERE epochs.run = runs.id ORDER BY epoch DESC LIMIT 1)"


class StoreError(RuntimeError):
    """History cannot be read or written; the message says what to do."""


@dataclass(frozen=True)
class Run:
    """A run as it stood at one moment.

    Attributes
    ----------
    id : str
        The description's ``RunSpec.id``.
    spec : RunSpec
    state : str
        ``queued``, ``running``, ``done``, ``stopped``, ``failed`` or ``interrupted``.
    error : str
        A sentence for the person, where the run failed.
    rows : tuple of dict
        One an epoch, in order; empty in lists. Shared between readers, so never changed.
    last : dict or None
        The newest row, in lists too.
    created, started, finished : float or None
        Seconds since 1970.
    place : int or None
        0 while it runs, 1 when it is the next, and so on; None when it has ended.
    """

    id: str
    spec: RunSpec
    state: str
    error: str = ""
    rows: tuple[dict[str, Any], ...] = ()
    last: dict[str, Any] | None = None
    created: float = 0.0
    started: float | None = None
    finished: float | None = None
    place: int | None = None

    @property
    def ended(self) -> bool:
        """Whether nothing more will come of it unless it is asked for again."""
        return self.state in ENDED


def data_folder() -> Path:
    """Return where the lab keeps its files: ``L1DEMO_HOME``, or the platform's folder for a user's data."""
    return Path(os.environ.get("L1DEMO_HOME") or platformdirs.user_data_path("l1-speech-lab", appauthor=False))


class Store:
    """The history of runs.

    Parameters
    ----------
    home : Path or None
        The folder; made where it does not exist. None keeps everything in memory until the process ends.

    Attributes
    ----------
    notice : str
        A sentence for the person when a damaged file was moved aside, else empty.

    Raises
    ------
    StoreError
        Here and in every method: folder not writable, disk full, file damaged or newer than the program, lab already running.
    """

    def __init__(self, home: Path | None) -> None:
        self.path = home / FILE if home else Path(":memory:")
        self.notice = ""
        self._held = _hold(home) if home else None
        self._writing, self._reading = threading.RLock(), threading.RLock()
        try:
            self._open()
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Close the file and let another process have the folder."""
        for connection in {id(c): c for c in (getattr(self, "_reader", None), getattr(self, "_writer", None), self._held)}.values():
            if connection:
                connection.close()

    def add(self, spec: RunSpec, session: str) -> Run:
        """Note that a session asked for a run, and queue it unless it is queued, running or done already."""
        now = time.time()
        with self._write() as sql:
            sql.execute(
                "INSERT INTO runs (id, spec, state, created) VALUES (?, ?, ?, ?) ON CONFLICT (id) DO UPDATE SET state ="
                " excluded.state, error = '', created = excluded.created, started = NULL, finished = NULL"
                " WHERE state IN ('stopped', 'failed', 'interrupted')",
                (spec.id, spec.to_json(), QUEUED, now),
            )
            sql.execute("INSERT OR REPLACE INTO asked (run, session, at) VALUES (?, ?, ?)", (spec.id, session, now))
            return self._one(sql, spec.id)

    def begin(self, run: str) -> None:
        """Note that work on a queued run begins."""
        with self._write() as sql:
            sql.execute("UPDATE runs SET state = ?, started = ? WHERE id = ?", (RUNNING, time.time(), run))

    def add_rows(self, rows: Iterable[tuple[str, dict[str, Any]]], afresh: Collection[str] = ()) -> None:
        """Keep epochs' rows, each with its run's id, in one transaction; rows of runs in ``afresh`` replace all older ones."""
        with self._write() as sql:
            for run in afresh:
                sql.execute("DELETE FROM epochs WHERE run = ?", (run,))
                sql.execute("DELETE FROM weights WHERE run = ?", (run,))
            sql.executemany(
                "INSERT OR REPLACE INTO epochs (run, epoch, row) VALUES (?, ?, ?)",
                ((run, row["epoch"], json.dumps(row, separators=(",", ":"))) for run, row in rows),
            )

    def finish(self, run: str, state: str, weights: bytes | None = None, error: str = "") -> None:
        """End a run: its state, its weights and the sentence of a failure, all or nothing."""
        with self._write() as sql:
            if weights is not None:
                sql.execute("INSERT OR REPLACE INTO weights (run, blob) VALUES (?, ?)", (run, weights))
            sql.execute("UPDATE runs SET state = ?, error = ?, finished = ? WHERE id = ?", (state, error, time.time(), run))

    def get(self, run: str) -> Run | None:
        """Return a run with all its rows; None when there is none of that id, or its description is of another version."""
        with self._read() as sql:
            found = sql.execute(f"SELECT {_RUN} FROM runs WHERE id = ?", (run,)).fetchone()
            rows = sql.execute("SELECT row FROM epochs WHERE run = ? ORDER BY epoch", (run,)).fetchall()
        return _run(*found, rows=tuple(json.loads(text) for (text,) in rows)) if found else None

    def history(self, session: str | None = None, limit: int = 100) -> list[Run]:
        """Return the newest runs first, without rows: those a session asked for, or everyone's."""
        with self._read() as sql:
            if session is None:
                found = sql.execute(f"SELECT {_RUN}, {_LAST} FROM runs ORDER BY created DESC LIMIT ?", (limit,)).fetchall()
            else:
                found = sql.execute(
                    f"SELECT {_RUN}, {_LAST} FROM asked JOIN runs ON runs.id = asked.run WHERE session = ?"
                    " ORDER BY at DESC LIMIT ?",
                    (session, limit),
                ).fetchall()
        runs = (_run(*columns, last=json.loads(row) if row else None) for *columns, row in found)
        return [run for run in runs if run]

    def weights(self, run: str) -> bytes | None:
        """Return a run's trained weights as safetensors; None where it has none."""
        with self._read() as sql:
            found = sql.execute("SELECT blob FROM weights WHERE run = ?", (run,)).fetchone()
        return found[0] if found else None

    def _open(self) -> None:
        with _explained(self.path):
            try:
                self._connect()
            except sqlite3.DatabaseError as error:
                if not _damaged(error) or not self._held:
                    raise
                aside = self._move_aside()
                self.notice = _("The history of runs was damaged and is kept as {file}; a new one was begun.").format(file=aside)
                self._connect()

    def _connect(self) -> None:
        self._writer = self._reader = sqlite3.connect(self.path, check_same_thread=False, isolation_level=None, timeout=10)
        sql = self._writer
        version = sql.execute("PRAGMA user_version").fetchone()[0]
        if version > len(_MIGRATIONS):
            raise StoreError(
                _(
                    "The history in {file} was written by a newer lab (format {theirs}, this one knows {ours}); update the lab."
                ).format(file=self.path, theirs=version, ours=len(_MIGRATIONS))
            )
        sql.execute("PRAGMA journal_mode = WAL")
        sql.execute("PRAGMA synchronous = FULL")  # in WAL only FULL keeps the last commit through a power cut
        sql.execute("PRAGMA foreign_keys = ON")
        for number, script in enumerate(_MIGRATIONS[version:], start=version + 1):
            sql.executescript(f"BEGIN IMMEDIATE; {script}; PRAGMA user_version = {number}; COMMIT")
        for table in ("runs", "epochs", "asked"):  # without the weights, which are large and whose loss harms nothing else
            if (verdict := sql.execute(f"PRAGMA quick_check({table})").fetchone()[0]) != "ok":
                raise _malformed(verdict)
        if self._held:
            self._reader = sqlite3.connect(self.path, check_same_thread=False, isolation_level=None, timeout=10)
            self._reader.execute("PRAGMA query_only = ON")
        else:
            self._reading = self._writing
        sql.execute("UPDATE runs SET state = ? WHERE state IN (?, ?)", (INTERRUPTED, QUEUED, RUNNING))

    def _move_aside(self) -> str:
        self._writer.close()
        stamp = time.strftime("%Y%m%d-%H%M%S")
        aside = self.path.with_name(f"{self.path.stem}-damaged-{stamp}{self.path.suffix}")
        for suffix in ("", "-wal", "-shm"):
            file = self.path.with_name(self.path.name + suffix)
            if file.exists():
                file.replace(aside.with_name(aside.name + suffix))
        return aside.name

    @contextlib.contextmanager
    def _write(self) -> Iterator[sqlite3.Connection]:
        with self._writing, _explained(self.path):
            self._writer.execute("BEGIN IMMEDIATE")
            try:
                yield self._writer
                self._writer.execute("COMMIT")
            except BaseException:
                if self._writer.in_transaction:  # a full disk has rolled back by itself
                    self._writer.execute("ROLLBACK")
                raise

    @contextlib.contextmanager
    def _read(self) -> Iterator[sqlite3.Connection]:
        with self._reading, _explained(self.path):
            yield self._reader

    @staticmethod
    def _one(sql: sqlite3.Connection, run: str) -> Run:
        found = _run(*sql.execute(f"SELECT {_RUN} FROM runs WHERE id = ?", (run,)).fetchone())
        assert found is not None  # its description was written a moment ago
        return found


def _run(id: str, spec: str, *columns: Any, **more: Any) -> Run | None:
    try:
        described = RunSpec.from_json(spec)
    except SpecError:
        return None  # of a version with other controls: its numbers cannot be made again, so it is not offered
    state, error, created, started, finished = columns
    rows = more.get("rows") or ()
    last = rows[-1] if rows else more.get("last")
    return Run(id, described, state, error, rows, last, created, started, finished)


def _hold(home: Path) -> sqlite3.Connection:
    # SQLite's own lock works alike on every platform and falls with the process, however it ends
    with _explained(home / LOCK):
        home.mkdir(parents=True, exist_ok=True)
        held = sqlite3.connect(home / LOCK, check_same_thread=False, isolation_level=None, timeout=0)
        try:
            held.execute("BEGIN EXCLUSIVE")
        except sqlite3.OperationalError as error:
            held.close()
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY:
                raise
            raise StoreError(
                _("Another lab is using {folder}; close it, or set L1DEMO_HOME to another folder for this one.").format(folder=home)
            ) from error
        return held


@contextlib.contextmanager
def _explained(path: Path) -> Iterator[None]:
    try:
        yield
    except sqlite3.Error as error:
        raise StoreError(_sentence(path, error)) from error
    except OSError as error:
        raise StoreError(
            _("The history cannot be kept in {folder}: {reason}; set L1DEMO_HOME to a folder that can be written.").format(
                folder=path.parent, reason=error.strerror
            )
        ) from error


def _sentence(path: Path, error: sqlite3.Error) -> str:
    kind = _code(error)
    if kind == sqlite3.SQLITE_FULL:
        return _("The disk that holds {folder} is full; free some space, then run this again.").format(folder=path.parent)
    if kind in (sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM):
        return _("The history in {file} cannot be written; allow it, or set L1DEMO_HOME to another folder.").format(file=path)
    if _damaged(error):
        return _("The history in {file} is damaged; restart the lab, which keeps the file and begins a new one.").format(file=path)
    return _("The history in {file} cannot be used ({reason}); restart the lab.").format(file=path, reason=error)


def _code(error: sqlite3.Error) -> int:
    return getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF  # the low byte is the kind, the rest its detail


def _damaged(error: sqlite3.Error) -> bool:
    return _code(error) in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)


def _malformed(verdict: str) -> sqlite3.DatabaseError:
    error = sqlite3.DatabaseError(verdict)
    error.sqlite_errorcode = sqlite3.SQLITE_CORRUPT
    return error
