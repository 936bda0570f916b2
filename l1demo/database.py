"""One SQLite file that one process holds: opened safely, led to its newest format, and with its errors told as sentences.

What a transaction commits survives a power cut. The tables and what they mean are the store's.
"""

import contextlib
import sqlite3
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from l1demo.text import _

LOCK = "in-use.sqlite"


class StoreError(RuntimeError):
    """History cannot be read or written; the message says what to do."""


class Database:
    """A file with a connection for writing and one for reading.

    Parameters
    ----------
    home : Path or None
        The folder; made where it does not exist. None keeps everything in memory until the process ends.
    name : str
        The file's name.
    migrations : sequence of str
        SQL; number i leads from ``user_version`` i to i + 1.
    checked : sequence of str
        Tables without which the file counts as damaged.

    Attributes
    ----------
    path : Path
    notice : str
        A sentence for the person when a damaged file was moved aside, else empty.
    writer : sqlite3.Connection

    Raises
    ------
    StoreError
        Here and in every method: folder not writable, disk full, file damaged or newer than the program, lab already running.
    """

    def __init__(self, home: Path | None, name: str, migrations: Sequence[str], checked: Sequence[str]) -> None:
        self.path = home / name if home else Path(":memory:")
        self.notice = ""
        self._migrations, self._checked = migrations, checked
        self._held = _hold(home) if home else None
        self._writing, self._reading = threading.RLock(), threading.RLock()
        try:
            self._open()
        except BaseException:
            self.close()
            raise

    @property
    def held(self) -> bool:
        """Whether the folder is this process's alone; False where everything is kept in memory."""
        return self._held is not None

    def close(self) -> None:
        """Close the file and let another process have the folder."""
        for connection in {id(c): c for c in (getattr(self, "_reader", None), getattr(self, "writer", None), self._held)}.values():
            if connection:
                connection.close()

    @contextlib.contextmanager
    def write(self) -> Iterator[sqlite3.Connection]:
        """A transaction: all that is done in it is committed, or nothing."""
        with self._writing, _explained(self.path):
            self.writer.execute("BEGIN IMMEDIATE")
            try:
                yield self.writer
                self.writer.execute("COMMIT")
            except BaseException:
                if self.writer.in_transaction:  # a full disk has rolled back by itself
                    self.writer.execute("ROLLBACK")
                raise

    @contextlib.contextmanager
    def erase(self) -> Iterator[sqlite3.Connection]:
        """A transaction whose deletions leave nothing behind in the file or its log."""
        with self._writing, _explained(self.path):
            self.writer.execute("PRAGMA secure_delete = ON")  # else the bytes stay until something is written over them
            try:
                with self.write() as sql:
                    yield sql
            finally:
                self.writer.execute("PRAGMA secure_delete = OFF")
            self.writer.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    @contextlib.contextmanager
    def read(self) -> Iterator[sqlite3.Connection]:
        """A connection to read from, for one thread at a time."""
        with self._reading, _explained(self.path):
            yield self._reader

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
        self.writer = self._reader = sqlite3.connect(self.path, check_same_thread=False, isolation_level=None, timeout=10)
        sql = self.writer
        version = sql.execute("PRAGMA user_version").fetchone()[0]
        if version > len(self._migrations):
            raise StoreError(
                _(
                    "The history in {file} was written by a newer lab (format {theirs}, this one knows {ours}); update the lab."
                ).format(file=self.path, theirs=version, ours=len(self._migrations))
            )
        sql.execute("PRAGMA journal_mode = WAL")
        sql.execute("PRAGMA synchronous = FULL")  # in WAL only FULL keeps the last commit through a power cut
        sql.execute("PRAGMA foreign_keys = ON")
        for number, script in enumerate(self._migrations[version:], start=version + 1):
            sql.executescript(f"BEGIN IMMEDIATE; {script}; PRAGMA user_version = {number}; COMMIT")
        for table in self._checked:
            if (verdict := sql.execute(f"PRAGMA quick_check({table})").fetchone()[0]) != "ok":
                raise _malformed(verdict)
        if self._held:
            self._reader = sqlite3.connect(self.path, check_same_thread=False, isolation_level=None, timeout=10)
            self._reader.execute("PRAGMA query_only = ON")
        else:
            self._reading = self._writing

    def _move_aside(self) -> str:
        self.writer.close()
        stamp = time.strftime("%Y%m%d-%H%M%S")
        aside = self.path.with_name(f"{self.path.stem}-damaged-{stamp}{self.path.suffix}")
        for suffix in ("", "-wal", "-shm"):
            file = self.path.with_name(self.path.name + suffix)
            if file.exists():
                file.replace(aside.with_name(aside.name + suffix))
        return aside.name


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
