"""The desk: takes what is asked of runs and decides what becomes of them: queued, joined, paused, gone on with, stopped, deleted.

How runs get to workers and back is in ``attempts``, what readers see is the ledger's.
"""

import time
from collections import defaultdict
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from l1demo.attempts import Attempts, EngineError, Live, Pace
from l1demo.spec import RunSpec
from l1demo.store import DONE, INTERRUPTED, PAUSED, QUEUED, STOPPED, Left, Run
from l1demo.text import _


class Desk(Attempts):
    """Requests about runs; each returns when what it did at once is committed. Parameters as for ``Attempts``."""

    def __init__(self, home: Path, train: Callable[..., dict[str, Any]], look_again: Callable[[], None]) -> None:
        super().__init__(home, train, look_again)
        self._joined: defaultdict[str, set[str]] = defaultdict(set)  # who asked for a run since it began, over its pauses

    def submit(self, spec: RunSpec, session: str, pace: Pace) -> None:
        """Queue, go on with, join or merely note a run that a session asks for."""
        self._do(self._submit, spec, session, pace)

    def resume(self, run_id: str, session: str, pace: Pace) -> None:
        """Go on with a run that is paused, was interrupted after a pause, or is under way."""
        self._do(self._resume, run_id, session, pace)

    def pause(self, run_id: str, session: str | None = None) -> bool:
        """Pause a run: at once where it is queued, after its epoch where it is running; False where it goes on for others."""
        return self._do(self._pause, run_id, session)

    def set_pace(self, run_id: str, until: int | None = None, wait: float | None = None, session: str | None = None) -> bool:
        """Change the pace of a run that is under way; False where it goes on for others as it does."""
        return self._do(self._set_pace, run_id, until, wait, session)

    def stop(self, run_id: str, session: str | None) -> bool:
        """Stop a run, or take only this session from it where others have joined, for whom it goes on: False."""
        return self._do(self._stop, run_id, session)

    def change(self, run_id: str, lam: float, session: str, pace: Pace) -> None:
        """Go on with another λ from where a run is, as a run of its own; ``pace`` is for one that is not under way."""
        self._do(self._change, run_id, lam, session, pace)

    def rename(self, run_id: str, session: str, name: str) -> bool:
        """Call a run something in a session's list; returns whether it is there."""
        return self._do(self._store.rename, run_id, session, name)

    def delete(self, run_id: str, session: str) -> None:
        """Take a run off a session's list, and delete it where it is on nobody's."""
        self._do(self._delete, run_id, session)

    def _submit(self, spec: RunSpec, session: str, pace: Pace, place: int | None = None) -> None:
        live = self._live.get(spec.id)
        if live and live.stopping:
            live.again[session] = pace
            return
        before = self.ledger.read(self.ledger.run, spec.id)
        saved = self.ledger.save(self._store.add, spec, session)
        if live:
            self._joined[spec.id].add(session)
            pace = live.meant(pace)
            live.pausing, together = False, pace if live.pausing else live.pace.joined(pace)  # it is to go on, after all
            self._go_at(live, together)
        elif not before or before.state != DONE:
            run = Run(spec.id, spec, QUEUED, created=time.time())
            if before:  # what it showed stays until there is something newer
                run = replace(run, rows=before.rows, last=before.last)
            held = self.ledger.held(spec.id)
            new = Live(run, session, pace, unsaved=held is not None or not saved)
            if point := self._point(before):
                new.epoch, new.checkpoint = point
                new.anew = new.afresh = False
                new.film = dict(held.film) if held else {}
            self._enter(new, len(self._queue) if place is None else place)

    def _point(self, run: Run | None) -> tuple[int, bytes] | None:
        return self.ledger.read(self.ledger.checkpoint, run.id) if run and run.state in (PAUSED, INTERRUPTED) else None

    def _resting(self, run_id: str) -> Run | None:
        run = self.ledger.read(self.ledger.run, run_id)
        return run if run and (run.state == PAUSED or self._point(run)) else None

    def _resume(self, run_id: str, session: str, pace: Pace) -> None:
        live = self._live.get(run_id)
        if live and not live.stopping:
            self._submit(live.run.spec, session, pace)
        elif not live and (run := self._resting(run_id)):
            self._submit(run.spec, session, pace)

    def _pause(self, run_id: str, session: str | None) -> bool:
        live = self._live.get(run_id)
        if live and not live.stopping:
            if self._is_of_others(run_id, session):
                return False
            live.pausing = True
            self._leave(live, PAUSED)
        return True

    def _set_pace(self, run_id: str, until: int | None, wait: float | None, session: str | None) -> bool:
        if live := self._live.get(run_id):
            if self._is_of_others(run_id, session):
                return False
            asked = Pace(live.pace.until if until is None else until, live.pace.wait if wait is None else wait)
            self._go_at(live, live.meant(asked))
        return True

    def _go_at(self, live: Live, pace: Pace) -> None:
        if pace != live.pace:
            live.pace = pace
            if live.attempt:
                self._ask_to_leave(live)  # and it goes on from there

    def _is_of_others(self, run_id: str, session: str | None) -> bool:
        """Return whether others than a session have asked for a run since it began; no session may do everything."""
        return session is not None and bool(self._joined.get(run_id, set()) - {session})

    def _stop(self, run_id: str, session: str | None) -> bool:
        if session is not None and self._is_of_others(run_id, session):
            self._joined[run_id].discard(session)
            return False
        live = self._live.get(run_id)
        if live:
            live.stopping = True
            live.again = {other: pace for other, pace in live.again.items() if session not in (None, other)}
            self._leave(live, STOPPED)
        elif (run := self.ledger.read(self.ledger.run, run_id)) and run.state == PAUSED:
            held = self.ledger.held(run_id)
            paused = self._live[run_id] = Live(run, session or "", anew=False, unsaved=held is not None)
            self._end(paused, STOPPED, held or Left())
        return True

    def _leave(self, live: Live, state: str) -> None:
        if live.attempt:
            self._ask_to_leave(live)
        else:
            self._queue.remove(live)
            if state == PAUSED and live.checkpoint is None and live.run.rows:  # it will go on from nothing
                live.run = replace(live.run, rows=(), last=None)
                live.unsaved |= not self.ledger.save(self._store.add_rows, (), {live.run.id})
            self._end(live, state)
            self._number()

    def _change(self, run_id: str, lam: float, session: str, pace: Pace) -> None:
        live = self._live.get(run_id)
        if live and live.stopping:
            return
        if live and live.change and live.change[1] != session:
            raise EngineError(_("Another visitor has changed λ in this epoch of the run; try again after it."))
        if live and live.attempt:
            live.change = lam, session
            self._show(replace(live.run, successor=""))  # that of an earlier change is not the one to come
            self._ask_to_leave(live)
        elif live:
            left = Left(None, live.checkpoint, live.epoch, live.film)
            live.change = None
            successor = self._branch(live.run, lam, session, left, live.pace, self._queue.index(live))
            self._show(replace(live.run, successor=successor))
            if successor and not self._joined[run_id] - {session}:
                self._leave(live, PAUSED)
        elif run := self._resting(run_id):
            epoch, checkpoint = self._point(run) or (0, None)
            successor = self._branch(run, lam, session, Left(None, checkpoint, epoch), pace)
            self._show(replace(run, successor=successor))

    def _left(self, live: Live, left: Left) -> None:
        if live.stopping:
            self._end(live, STOPPED, left)
            return
        reached = live.pausing or 0 < live.pace.until <= live.epoch
        successor, session = "", ""
        if live.change:
            (lam, session), live.change = live.change, None
            pace = Pace(live.epoch, live.pace.wait) if reached else live.pace
            successor = self._branch(live.run, lam, session, left, pace)
            live.run = replace(live.run, successor=successor)
        if reached or (successor and not self._joined[live.run.id] - {session}):
            self._end(live, PAUSED, left)
            return
        live.unsaved = live.unsaved or not self.ledger.save(self._store.keep, live.run.id, left)
        self._queue.insert(1 if successor else 0, live)

    def _branch(self, run: Run, lam: float, session: str, left: Left, pace: Pace, place: int = 0) -> str:
        """Let a run with another λ go on from where one is, and return its id; empty where it would be the same run."""
        if run.spec.penalty.kind == "none" or lam == run.spec.lam_at(left.epoch + 1):
            return ""
        spec = run.spec.with_change(left.epoch + 1, lam)
        known = self.ledger.read(self.ledger.run, spec.id)
        farther = spec.id in self._live or (known and known.state == DONE) or (self._point(known) or (-1,))[0] >= left.epoch
        if farther or left.checkpoint is None or spec.training.fall == "each":  # where the epochs before depend on what follows
            self._submit(spec, session, pace, place)
            return spec.id
        rows = tuple(row for row in run.rows if row["epoch"] <= left.epoch)
        film = {**(self.ledger.read(self.ledger.film, run.id) or {}), **left.film}
        start = replace(left, weights=None, film=film)  # the weights say whose they are
        saved = self.ledger.save(self._store.branch, spec, session, rows, start)
        branched = Run(spec.id, spec, QUEUED, rows=rows, last=rows[-1], created=time.time())
        new = Live(branched, session, pace, left.epoch, left.checkpoint, film, afresh=False, unsaved=not saved)
        if 0 < pace.until <= left.epoch:
            self._live[spec.id] = new
            self._joined[spec.id].add(session)
            self._end(new, PAUSED, start)
        else:
            self._enter(new, place)
        return spec.id

    def _enter(self, live: Live, place: int) -> None:
        self._joined[live.run.id].add(live.session)
        live.pace = live.meant(live.pace)
        super()._enter(live, place)

    def _after(self, live: Live) -> None:
        if live.run.state != PAUSED:
            self._joined.pop(live.run.id, None)
        if live.unwanted:
            self.ledger.save(self.ledger.drop, live.run.id)
        for session, pace in live.again.items():
            self._submit(live.run.spec, session, pace)

    def _delete(self, run_id: str, session: str) -> None:
        on_nobodys_list = self._store.forget(run_id, session)
        self._joined[run_id].discard(session)
        live = self._live.get(run_id)
        if live:
            live.again.pop(session, None)
        if not on_nobodys_list or self._joined[run_id]:
            return
        if live:
            live.stopping = live.unwanted = True
            self._leave(live, STOPPED)
        else:
            del self._joined[run_id]
            self.ledger.drop(run_id)
