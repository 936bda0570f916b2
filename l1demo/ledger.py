"""What is known of runs: as they stand, for readers, and as they are kept in the history.

A run is shown after what it shows was committed. Where the history cannot take something, it stays in memory and a notice says so.
"""

import logging
import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from l1demo.store import Left, Run, Store, StoreError
from l1demo.text import _

log = logging.getLogger(__name__)

KEPT = 64  # ended runs that stay in memory for pages that poll them


class Ledger:
    """The history and the runs in memory before it. Any thread reads, the desk's alone writes.

    Parameters
    ----------
    home : Path
        The folder of the history; where it cannot be used, ``notices`` says so and history lasts as long as the process.

    Attributes
    ----------
    store : Store
    """

    def __init__(self, home: Path) -> None:
        self.store, self._notice = _open_store(home)
        self._trouble = ""
        self._runs: OrderedDict[str, Run] = OrderedDict()
        self._drops = 0  # runs deleted so far
        self._guard = threading.Lock()  # of _runs and _drops
        self._unsaved: dict[str, Left] = {}  # of ended runs that the history could not take

    def close(self) -> None:
        """Close the history."""
        self.store.close()

    @property
    def notices(self) -> tuple[str, ...]:
        """Sentences about what is wrong with the history."""
        return tuple(sentence for sentence in (self._notice, self._trouble) if sentence)

    def run(self, run_id: str) -> Run | None:
        """Return a run as it stands."""
        found, drops = self._runs.get(run_id), self._drops
        if found is None and (stored := self.store.get(run_id)):
            with self._guard:
                if drops != self._drops and run_id not in self._runs:
                    return stored  # which may have been deleted since it was read, so it is not kept
                found = self._runs.setdefault(run_id, stored)
                self._forget_oldest()
        return found

    def history(self, session: str | None, limit: int) -> list[Run]:
        """Return the newest runs first, without rows."""
        listed = []
        for run in self.store.history(session, limit):
            now = self._runs.get(run.id)
            newer = now and (not now.ended or run.id in self._unsaved)
            listed.append(replace(now, rows=(), name=run.name) if now and newer else run)
        return listed

    def weights(self, run_id: str) -> bytes | None:
        """Return a run's weights after its newest row."""
        held, run = self._unsaved.get(run_id), self._runs.get(run_id)
        if held is None:
            return self.store.weights(run_id)
        newest = run is None or run.ended or (run.last and run.last["epoch"] == held.epoch)
        return held.weights if newest else None

    def film(self, run_id: str) -> dict[int, bytes]:
        """Return the frames of a run's film by their epochs."""
        held = self._unsaved.get(run_id)
        return self.store.film(run_id) | dict(held.film if held else {})

    def checkpoint(self, run_id: str) -> tuple[int, bytes] | None:
        """Return from where a run can go on: the epochs done, and the state after them."""
        held = self._unsaved.get(run_id)
        return (held.epoch, held.checkpoint) if held and held.checkpoint else self.store.checkpoint(run_id)

    def held(self, run_id: str) -> Left | None:
        """Return what an ended run left, where the history could not take it."""
        return self._unsaved.get(run_id)

    def read(self, what: Callable[[str], Any], run_id: str) -> Any:
        """Return what one of the methods above gives, for the desk; None, and a notice, where the history cannot be read."""
        try:
            return what(run_id)
        except StoreError as error:
            self._note(error)
            return None

    def save(self, write: Callable[..., object], *args: Any) -> bool:
        """Write to the history; where it cannot be, the lab goes on from memory, and says so."""
        try:
            write(*args)
        except StoreError as error:
            self._note(error)
            return False
        self._trouble = ""
        return True

    def save_end(self, run: Run, left: Left, whole: str | None, anew: bool) -> None:
        """Keep a run's end; in memory where the history cannot take it.

        Parameters
        ----------
        run : Run
            As it is to be shown.
        left : Left
        whole : str or None
            The session that asked for it, when the history missed something of it before, so that all of it is to be written.
        anew : bool
            Whether it began without a checkpoint, so that the history holds nothing of it that is not here.
        """

        def write_whole(session: str) -> None:
            self.store.add(run.spec, session)
            self.store.add_rows(((run.id, row) for row in run.rows), afresh={run.id} if anew else ())
            self.store.finish(run.id, run.state, left, run.error)

        saved = self.save(self.store.finish, run.id, run.state, left, run.error) if whole is None else self.save(write_whole, whole)
        if saved:
            self._unsaved.pop(run.id, None)
        else:
            self._unsaved[run.id] = left

    def show(self, run: Run) -> None:
        """Let readers see a run as it is now."""
        with self._guard:
            self._runs[run.id] = run
            self._runs.move_to_end(run.id)
            self._forget_oldest()

    def drop(self, run_id: str) -> None:
        """Delete a run that nobody asks for.

        Raises
        ------
        StoreError
            When the history cannot be written; then it stays.
        """
        if self.store.drop(run_id):
            self._unsaved.pop(run_id, None)
            with self._guard:
                self._runs.pop(run_id, None)
                self._drops += 1

    def _forget_oldest(self) -> None:
        ended = [run.id for run in self._runs.values() if run.ended and run.id not in self._unsaved]
        for run_id in ended[: max(0, len(ended) - KEPT)]:
            del self._runs[run_id]

    def _note(self, error: StoreError) -> None:
        log.error("%s", error)
        self._trouble = str(error)


def _open_store(home: Path) -> tuple[Store, str]:
    try:
        store = Store(home)
    except StoreError as error:
        log.error("%s", error)
        return Store(None), _("{reason} Until then the lab forgets its runs when it ends.").format(reason=error)
    return store, store.notice
