"""Run history in one SQLite file of the user's data folder: what was asked, by whom, every epoch, the weights and their film.

One process writes: the server. What is committed survives a power cut. Scheduling and live state are the desk's.
"""

import json
import sqlite3
import time
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from l1demo import class_sets
from l1demo.database import Database
from l1demo.database import StoreError as StoreError
from l1demo.spec import RunSpec, SpecError

QUEUED, RUNNING, PAUSED, DONE = "queued", "running", "paused", "done"
STOPPED, FAILED, INTERRUPTED = "stopped", "failed", "interrupted"
ENDED = frozenset({PAUSED, DONE, STOPPED, FAILED, INTERRUPTED})

FILE = "history.sqlite"

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
    """
    CREATE TABLE checkpoints (run TEXT PRIMARY KEY REFERENCES runs (id), epoch INTEGER NOT NULL, blob BLOB NOT NULL);
    CREATE TABLE frames (
        run TEXT NOT NULL REFERENCES runs (id), epoch INTEGER NOT NULL, blob BLOB NOT NULL, PRIMARY KEY (run, epoch)
    );
    ALTER TABLE asked ADD COLUMN name TEXT NOT NULL DEFAULT '';
    """,
    """
    CREATE TABLE corpora (
        name TEXT NOT NULL, session TEXT NOT NULL, title TEXT NOT NULL, at REAL NOT NULL, PRIMARY KEY (name, session)
    ) WITHOUT ROWID;
    """,
    class_sets.TABLES,
)
_CHECKED = ("runs", "epochs", "asked")  # without the blobs, which are large and whose loss harms nothing else
_RUN = "runs.id, runs.spec, runs.state, runs.error, runs.created, runs.started, runs.finished"
_LAST = "(SELECT row FROM epochs WHERE epochs.run = runs.id ORDER BY epoch DESC LIMIT 1)"


@dataclass(frozen=True)
class Run:
    """A run as it stood at one moment.

    Attributes
    ----------
    id : str
        The description's ``RunSpec.id``.
    spec : RunSpec
    state : str
        ``queued``, ``running``, ``paused``, ``done``, ``stopped``, ``failed`` or ``interrupted``.
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
    name : str
        What a session calls it, in that session's list.
    successor : str
        The id of the run that went on from here with another λ, as long as the lab remembers; else empty.
    wait : float
        Seconds between its epochs, in slow motion.
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
    name: str = ""
    successor: str = ""
    wait: float = 0.0

    @property
    def ended(self) -> bool:
        """Whether nothing more will come of it unless it is asked for again; so a paused one has."""
        return self.state in ENDED


@dataclass(frozen=True)
class Left:
    """What an attempt at a run left behind beside its rows.

    Attributes
    ----------
    weights : bytes or None
        The network as safetensors.
    checkpoint : bytes or None
        ``checkpoint.dump``'s bytes, where the attempt left before the run's end.
    epoch : int
        The epoch after which the checkpoint was taken.
    film : mapping of int to bytes
        ``film.frame`` by epoch.
    """

    weights: bytes | None = None
    checkpoint: bytes | None = None
    epoch: int = 0
    film: Mapping[int, bytes] = field(default_factory=dict)


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
    classes : ClassSets
        What classes have recorded.

    Raises
    ------
    StoreError
        Here and in every method: folder not writable, disk full, file damaged or newer than the program, lab already running.
    """

    def __init__(self, home: Path | None) -> None:
        self._database = Database(home, FILE, _MIGRATIONS, _CHECKED)
        self.notice = self._database.notice
        self.classes = class_sets.ClassSets(self._database)
        try:
            with self._database.write() as sql:
                sql.execute("UPDATE runs SET state = ? WHERE state IN (?, ?)", (INTERRUPTED, QUEUED, RUNNING))
        except BaseException:
            self.close()
            raise

    @property
    def alone(self) -> bool:
        """Whether this process holds the folder, and no other lab is in it."""
        return self._database.held

    def close(self) -> None:
        """Close the file and let another process have the folder."""
        self._database.close()

    def add(self, spec: RunSpec, session: str) -> Run:
        """Note that a session asked for a run, and queue it unless it is queued, running or done already."""
        with self._database.write() as sql:
            _add(sql, spec, session)
            found = _run(*sql.execute(f"SELECT {_RUN} FROM runs WHERE id = ?", (spec.id,)).fetchone())
        assert found is not None  # its description was written a moment ago
        return found

    def begin(self, run: str) -> None:
        """Note that work on a queued run begins."""
        with self._database.write() as sql:
            sql.execute("UPDATE runs SET state = ?, started = ? WHERE id = ?", (RUNNING, time.time(), run))

    def add_rows(self, rows: Iterable[tuple[str, dict[str, Any]]], afresh: Collection[str] = ()) -> None:
        """Keep epochs' rows, each with its run's id, in one transaction; what runs in ``afresh`` had before goes.

        So do the weights of an epoch before: those that are kept are always of the newest row.
        """
        rows = list(rows)
        with self._database.write() as sql:
            for run in afresh:
                _clear(sql, run)
            sql.executemany(
                "DELETE FROM weights WHERE run = ?1 AND NOT EXISTS (SELECT 1 FROM epochs WHERE run = ?1 AND epoch >= ?2)",
                ((run, row["epoch"]) for run, row in rows),
            )
            sql.executemany(
                "INSERT OR REPLACE INTO epochs (run, epoch, row) VALUES (?, ?, ?)",
                ((run, row["epoch"], json.dumps(row, separators=(",", ":"))) for run, row in rows),
            )

    def keep(self, run: str, left: Left) -> None:
        """Keep what an attempt left while the run goes on."""
        with self._database.write() as sql:
            _keep(sql, run, left)

    def finish(self, run: str, state: str, left: Left | None = None, error: str = "") -> None:
        """End a run: its state, what was left of it and the sentence of a failure, all or nothing.

        Only a run that is paused or interrupted keeps its checkpoint, because only these go on from one.
        """
        with self._database.write() as sql:
            _keep(sql, run, left or Left())
            if state not in (PAUSED, INTERRUPTED):
                sql.execute("DELETE FROM checkpoints WHERE run = ?", (run,))
            sql.execute("UPDATE runs SET state = ?, error = ?, finished = ? WHERE id = ?", (state, error, time.time(), run))

    def branch(self, spec: RunSpec, session: str, rows: Iterable[dict[str, Any]], left: Left) -> None:
        """Queue a run that goes on from another's rows, film and checkpoint; what it had of an earlier time goes."""
        with self._database.write() as sql:
            _add(sql, spec, session)
            _clear(sql, spec.id)
            sql.executemany(
                "INSERT INTO epochs (run, epoch, row) VALUES (?, ?, ?)",
                ((spec.id, row["epoch"], json.dumps(row, separators=(",", ":"))) for row in rows),
            )
            _keep(sql, spec.id, left)

    def keep_corpus(self, name: str, session: str, title: str) -> None:
        """Put a corpus onto a session's list, or call it something else there."""
        with self._database.write() as sql:
            sql.execute(
                "INSERT INTO corpora (name, session, title, at) VALUES (?, ?, ?, ?)"
                " ON CONFLICT (name, session) DO UPDATE SET title = excluded.title",
                (name, session, title, time.time()),
            )

    def drop_corpus(self, name: str, session: str) -> bool:
        """Take a corpus off a session's list; returns whether it is on nobody's."""
        with self._database.write() as sql:
            sql.execute("DELETE FROM corpora WHERE name = ? AND session = ?", (name, session))
            return sql.execute("SELECT EXISTS (SELECT 1 FROM corpora WHERE name = ?)", (name,)).fetchone()[0] == 0

    def corpora(self, session: str) -> dict[str, str]:
        """Return the names of the corpora on a session's list with their titles, the newest first."""
        with self._database.read() as sql:
            return dict(
                sql.execute("SELECT name, title FROM corpora WHERE session = ? ORDER BY at DESC, name", (session,)).fetchall()
            )

    def rename(self, run: str, session: str, name: str) -> bool:
        """Call a run something in a session's list; returns whether it is there."""
        with self._database.write() as sql:
            return sql.execute("UPDATE asked SET name = ? WHERE run = ? AND session = ?", (name, run, session)).rowcount > 0

    def forget(self, run: str, session: str) -> bool:
        """Take a run off a session's list; returns whether it is on nobody's."""
        with self._database.write() as sql:
            sql.execute("DELETE FROM asked WHERE run = ? AND session = ?", (run, session))
            return not _asked(sql, run)

    def drop(self, run: str) -> bool:
        """Delete a run with all there is of it, unless somebody asks for it; returns whether it is gone."""
        with self._database.write() as sql:
            if _asked(sql, run):
                return False
            _clear(sql, run)
            sql.execute("DELETE FROM runs WHERE id = ?", (run,))
            return True

    def get(self, run: str) -> Run | None:
        """Return a run with all its rows; None when there is none of that id, or its description is of another version."""
        with self._database.read() as sql:
            found = sql.execute(f"SELECT {_RUN} FROM runs WHERE id = ?", (run,)).fetchone()
            rows = sql.execute("SELECT row FROM epochs WHERE run = ? ORDER BY epoch", (run,)).fetchall()
        return _run(*found, rows=tuple(json.loads(text) for (text,) in rows)) if found else None

    def history(self, session: str | None = None, limit: int = 100) -> list[Run]:
        """Return the newest runs first, without rows: those a session asked for, by their names, or everyone's."""
        with self._database.read() as sql:
            if session is None:
                found = sql.execute(f"SELECT {_RUN}, {_LAST}, '' FROM runs ORDER BY created DESC LIMIT ?", (limit,)).fetchall()
            else:
                found = sql.execute(
                    f"SELECT {_RUN}, {_LAST}, asked.name FROM asked JOIN runs ON runs.id = asked.run WHERE session = ?"
                    " ORDER BY at DESC LIMIT ?",
                    (session, limit),
                ).fetchall()
        runs = (_run(*columns, last=json.loads(row) if row else None, name=name) for *columns, row, name in found)
        return [run for run in runs if run]

    def weights(self, run: str) -> bytes | None:
        """Return a run's weights after its newest row as safetensors; None where they are not known."""
        with self._database.read() as sql:
            found = sql.execute("SELECT blob FROM weights WHERE run = ?", (run,)).fetchone()
        return found[0] if found else None

    def film(self, run: str) -> dict[int, bytes]:
        """Return the frames of a run's film by their epochs."""
        with self._database.read() as sql:
            return dict(sql.execute("SELECT epoch, blob FROM frames WHERE run = ? ORDER BY epoch", (run,)).fetchall())

    def checkpoint(self, run: str) -> tuple[int, bytes] | None:
        """Return from where a run can go on: the epochs done, and the state after them."""
        with self._database.read() as sql:
            return sql.execute("SELECT epoch, blob FROM checkpoints WHERE run = ?", (run,)).fetchone()


def _add(sql: sqlite3.Connection, spec: RunSpec, session: str) -> None:
    now = time.time()
    sql.execute(
        "INSERT INTO runs (id, spec, state, created) VALUES (?, ?, ?, ?) ON CONFLICT (id) DO UPDATE SET state ="
        " excluded.state, error = '', created = excluded.created, started = NULL, finished = NULL"
        " WHERE state IN ('paused', 'stopped', 'failed', 'interrupted')",
        (spec.id, spec.to_json(), QUEUED, now),
    )
    sql.execute(
        "INSERT INTO asked (run, session, at) VALUES (?, ?, ?) ON CONFLICT (run, session) DO UPDATE SET at = excluded.at",
        (spec.id, session, now),
    )


def _keep(sql: sqlite3.Connection, run: str, left: Left) -> None:
    if left.weights is not None:
        sql.execute("INSERT OR REPLACE INTO weights (run, blob) VALUES (?, ?)", (run, left.weights))
    if left.checkpoint is not None:
        sql.execute("INSERT OR REPLACE INTO checkpoints (run, epoch, blob) VALUES (?, ?, ?)", (run, left.epoch, left.checkpoint))
    frames = ((run, epoch, frame) for epoch, frame in left.film.items())
    sql.executemany("INSERT OR REPLACE INTO frames (run, epoch, blob) VALUES (?, ?, ?)", frames)


def _clear(sql: sqlite3.Connection, run: str) -> None:
    for table in ("epochs", "weights", "checkpoints", "frames"):
        sql.execute(f"DELETE FROM {table} WHERE run = ?", (run,))


def _asked(sql: sqlite3.Connection, run: str) -> bool:
    return sql.execute("SELECT EXISTS (SELECT 1 FROM asked WHERE run = ?)", (run,)).fetchone()[0] == 1


def _run(id: str, spec: str, *columns: Any, **more: Any) -> Run | None:
    try:
        described = RunSpec.from_json(spec)
    except SpecError:
        return None  # of a version with other controls: its numbers cannot be made again, so it is not offered
    state, error, created, started, finished = columns
    rows = more.get("rows") or ()
    last = rows[-1] if rows else more.get("last")
    return Run(id, described, state, error, rows, last, created, started, finished, name=more.get("name", ""))
