"""What becomes of a run at each request, in each of its states: on workers that do an epoch when the test says so."""

import json
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from l1demo import attempts
from l1demo.attempts import ONE_MORE, EngineError, Pace
from l1demo.desk import Desk
from l1demo.link import LOST
from l1demo.spec import RunSpec
from l1demo.store import DONE, FAILED, INTERRUPTED, PAUSED, QUEUED, RUNNING, STOPPED, Run, StoreError

EPOCHS = 9
SPEC = RunSpec().with_values(epochs=EPOCHS)
OTHER = SPEC.with_values(seed=1)
FAST = Pace()


class Workers:
    """Stands for a ``link.Connection`` with a place for one run; a checkpoint is the epoch's number as text."""

    def __init__(self, desk: Desk) -> None:
        self.train_resources = None
        self.trainers, self.begun, self.asked, self._attempt, self._desk = 1, [], set(), "", desk

    def listen(self, topic: str, on_message: Callable[[dict[str, str]], None]) -> None:
        self._say = on_message

    def begin(self, attempt: str, train: object, args: tuple[Any, ...], on_end: Callable[..., None], _resources: object) -> None:
        spec, name, _topic, checkpoint, until, wait = args
        assert name == attempt
        self._attempt, self._on_end, self._rows = attempt, on_end, []
        self.spec, self.checkpoint, self.until, self.wait = RunSpec.from_dict(spec), checkpoint, until, wait
        self.begun.append(self.spec.id)
        self._epoch = int(checkpoint or 0)

    def ask_to_leave(self, attempt: str) -> None:
        self.asked.add(attempt)

    @property
    def is_asked(self) -> bool:
        return self._attempt in self.asked

    def epoch(self) -> None:
        """Do an epoch and send its row."""
        self._epoch += 1
        self._rows.append({"epoch": self._epoch, "lam": self.spec.lam_at(self._epoch), "nested": [1, [2]]})
        self._say({"attempt": self._attempt, "row": json.dumps(self._rows[-1])})
        self._desk._do(lambda: None)

    def leave(self, kind: str = "value", value: Any = None) -> None:
        """Come back: with what was done, or as said."""
        stopped = self._epoch < EPOCHS
        whole = {
            "rows": self._rows,
            "stopped": stopped,
            "weights": b"weights %d" % self._epoch,
            "state": b"%d" % self._epoch if stopped else None,
            "film": {row["epoch"]: b"frame %d" % row["epoch"] for row in self._rows},
        }
        self._on_end(self._attempt, kind, value or whole)
        self._desk._do(lambda: None)

    def obey(self) -> None:
        """Leave after an epoch, if asked to."""
        if self.is_asked:
            self.epoch()
            self.leave()


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    desk = Desk(tmp_path, print, lambda: None)
    desk.start()
    yield desk
    desk.close()


@pytest.fixture
def workers(desk: Desk) -> Workers:
    workers = Workers(desk)
    desk.on_connection(workers, True)  # type: ignore[arg-type]
    return workers


def run(desk: Desk, spec: RunSpec = SPEC) -> Run:
    found = desk.ledger.run(spec.id)
    assert found is not None
    stored = desk._store.get(spec.id)
    assert stored is not None
    assert (stored.state, stored.ended) == (found.state, True) or not (stored.ended or found.ended)
    assert stored.rows == found.rows  # what is shown is durable
    return found


def bring(desk: Desk, workers: Workers, state: str) -> None:
    """Bring Ann's run into a state, with two epochs done where it has begun."""
    if state == QUEUED:
        desk.submit(OTHER, "bob", FAST)
    desk.submit(SPEC, "ann", FAST)
    if state == QUEUED:
        return
    workers.epoch()
    workers.epoch()
    if state == PAUSED or state == "interrupted after a pause":
        desk.pause(SPEC.id)
        workers.leave()
    if state == DONE:
        for _epoch in range(EPOCHS - 2):
            workers.epoch()
        workers.leave()
    if state == STOPPED:
        desk.stop(SPEC.id, "ann")
        workers.leave()
    if state == FAILED:
        workers.leave("refused", "It cannot be.")
    if state == INTERRUPTED:
        workers.leave(LOST)
        workers.begun.clear()
        desk.on_connection(None, False)
        desk._do(lambda: desk._end(desk._live[SPEC.id], INTERRUPTED) or desk._queue.clear())
        desk.on_connection(workers, False)  # type: ignore[arg-type]
    if state == "interrupted after a pause":
        desk.submit(SPEC, "ann", FAST)
        workers.epoch()
        workers.leave(LOST)
        desk._do(lambda: desk._end(desk._live[SPEC.id], INTERRUPTED) or desk._queue.clear())
        desk.on_connection(workers, False)  # type: ignore[arg-type]
    workers.begun.clear()


ASKS: dict[str, Callable[[Desk], object]] = {
    "submit": lambda desk: desk.submit(SPEC, "ann", FAST),
    "resume": lambda desk: desk.resume(SPEC.id, "ann", FAST),
    "pause": lambda desk: desk.pause(SPEC.id),
    "pace": lambda desk: desk.set_pace(SPEC.id, 5, 0.5),
    "stop": lambda desk: desk.stop(SPEC.id, "ann"),
    "change": lambda desk: desk.change(SPEC.id, 0.01, "ann", FAST),
    "delete": lambda desk: desk.delete(SPEC.id, "ann"),
}
GONE = "gone"
AFTER_PAUSE = "interrupted after a pause"
OUTCOMES = {  # state before: what each request of ASKS, in this order, leads to
    QUEUED: (QUEUED, QUEUED, PAUSED, QUEUED, STOPPED, PAUSED, GONE),
    RUNNING: (RUNNING, RUNNING, PAUSED, RUNNING, STOPPED, PAUSED, GONE),
    PAUSED: (RUNNING, RUNNING, PAUSED, PAUSED, STOPPED, PAUSED, GONE),
    DONE: (DONE, DONE, DONE, DONE, DONE, DONE, GONE),
    STOPPED: (RUNNING, STOPPED, STOPPED, STOPPED, STOPPED, STOPPED, GONE),
    FAILED: (RUNNING, FAILED, FAILED, FAILED, FAILED, FAILED, GONE),
    INTERRUPTED: (RUNNING, INTERRUPTED, INTERRUPTED, INTERRUPTED, INTERRUPTED, INTERRUPTED, GONE),
    AFTER_PAUSE: (RUNNING, RUNNING, INTERRUPTED, INTERRUPTED, INTERRUPTED, INTERRUPTED, GONE),
}
SUCCESSORS = {QUEUED: QUEUED, RUNNING: RUNNING, PAUSED: RUNNING, AFTER_PAUSE: RUNNING}  # of a change, where there is one


@pytest.mark.parametrize(
    ("state", "ask", "outcome"),
    [(state, ask, outcome) for state, row in OUTCOMES.items() for ask, outcome in zip(ASKS, row, strict=True)],
)
def test_every_request_in_every_state(desk, workers, state, ask, outcome) -> None:
    bring(desk, workers, state)
    before = run(desk)
    assert before.state == (INTERRUPTED if state == AFTER_PAUSE else state)
    ASKS[ask](desk)
    workers.obey()
    if outcome == GONE:
        assert desk.ledger.run(SPEC.id) is None
        assert desk._store.get(SPEC.id) is None
        assert (desk.ledger.weights(SPEC.id), desk.ledger.film(SPEC.id), desk.ledger.checkpoint(SPEC.id)) == (None, {}, None)
        return
    after = run(desk)
    assert after.state == outcome
    assert bool(after.successor) == (ask == "change" and state in SUCCESSORS)
    if after.successor:
        successor = desk.ledger.run(after.successor)
        assert successor is not None
        assert successor.state == SUCCESSORS[state]
    if outcome == RUNNING and state != RUNNING:  # from where it goes on
        goes_on = state in (PAUSED, AFTER_PAUSE)
        assert workers.begun == [SPEC.id]
        assert workers.checkpoint == (b"2" if goes_on else None)
        assert after.rows == before.rows  # until there is something newer
        workers.epoch()
        assert len(run(desk).rows) == (max(3, len(before.rows)) if goes_on else 1)
    if state == outcome and state not in (QUEUED, RUNNING) and ask != "submit":
        assert not workers.begun or after.successor


def test_a_run_that_pauses_leaves_its_worker_to_the_next_and_goes_on_where_it_was(desk, workers) -> None:
    desk.submit(SPEC, "ann", FAST)
    desk.submit(OTHER, "bob", FAST)
    workers.epoch()
    desk.pause(SPEC.id)
    assert workers.is_asked
    assert run(desk).state == RUNNING  # until its epoch is done
    workers.epoch()
    workers.leave()
    assert (run(desk).state, run(desk, OTHER).state) == (PAUSED, RUNNING)
    assert run(desk).ended
    assert desk.ledger.weights(SPEC.id) == b"weights 2"
    desk.resume(SPEC.id, "ann", FAST)
    assert (run(desk).state, run(desk).place) == (QUEUED, 1)
    workers.leave("refused", "It cannot be.")
    assert workers.checkpoint == b"2"
    while len(run(desk).rows) < EPOCHS:
        workers.epoch()
    workers.leave()
    assert run(desk).state == DONE
    assert [row["epoch"] for row in run(desk).rows] == list(range(1, EPOCHS + 1))
    assert desk.ledger.film(SPEC.id) == {epoch: b"frame %d" % epoch for epoch in range(1, EPOCHS + 1)}
    assert desk.ledger.checkpoint(SPEC.id) is None  # needed no more


def test_one_epoch_at_a_time(desk, workers) -> None:
    for until in (1, 2, 3):
        desk.submit(SPEC, "ann", Pace(until))
        assert workers.until == until
        workers.epoch()
        workers.leave()
        assert (run(desk).state, len(run(desk).rows)) == (PAUSED, until)


def test_another_pace_loses_nothing_and_the_view_does_not_flicker(desk, workers) -> None:
    desk.submit(SPEC, "ann", FAST)
    desk.submit(OTHER, "bob", FAST)
    workers.epoch()
    shown = []
    show, desk.ledger.show = desk.ledger.show, lambda run: (shown.append((run.id, run.state)), show(run))
    desk.set_pace(SPEC.id, 5, 1.5)
    workers.epoch()
    workers.leave()
    assert (workers.spec.id, workers.checkpoint, workers.until, workers.wait) == (SPEC.id, b"2", 5, 1.5)
    assert {state for run_id, state in shown if run_id == SPEC.id} == {RUNNING}
    desk.set_pace(SPEC.id, 5, 1.5)
    assert not workers.is_asked
    workers.epoch()
    desk.set_pace(SPEC.id, 2)  # which it is beyond already
    workers.epoch()
    workers.leave()
    assert (run(desk).state, len(run(desk).rows)) == (PAUSED, 4)


def test_a_queued_run_takes_another_pace_at_once(desk, workers) -> None:
    bring(desk, workers, QUEUED)
    desk.set_pace(SPEC.id, 3, 0.5)
    workers.leave("refused", "It cannot be.")
    assert (workers.spec.id, workers.until, workers.wait) == (SPEC.id, 3, 0.5)


def test_who_joins_takes_a_run_as_far_and_as_fast_as_both_want(desk, workers) -> None:
    desk.submit(SPEC, "ann", Pace(4, 1.0))
    desk.submit(SPEC, "bob", Pace(2, 2.0))
    assert not workers.is_asked
    desk.submit(SPEC, "eve", FAST)
    workers.obey()
    assert (workers.until, workers.wait) == (0, 0.0)


def test_a_pause_is_taken_back_by_asking_for_the_run(desk, workers) -> None:
    desk.submit(SPEC, "ann", FAST)
    desk.pause(SPEC.id)
    desk.resume(SPEC.id, "ann", Pace(4))
    workers.obey()
    assert (run(desk).state, workers.checkpoint, workers.until) == (RUNNING, b"1", 4)


def test_the_last_epoch_ends_a_run_whatever_is_asked(desk, workers) -> None:
    for ask in (ASKS["pause"], ASKS["pace"], ASKS["stop"], ASKS["change"]):
        desk.submit(SPEC, "ann", FAST)
        for _epoch in range(EPOCHS):
            workers.epoch()
        ask(desk)
        workers.leave()
        assert (run(desk).state, run(desk).successor) == (DONE, "")
        desk.delete(SPEC.id, "ann")


@pytest.mark.parametrize("before", [PAUSED, RUNNING])
def test_a_worker_that_dies_in_a_resumed_run_takes_it_back_to_its_pause(desk, workers, before) -> None:
    bring(desk, workers, PAUSED)
    desk.resume(SPEC.id, "ann", FAST)
    workers.epoch()
    workers.epoch()
    if before == PAUSED:
        desk.pause(SPEC.id)
    workers.leave(LOST)
    desk.on_connection(workers, False)
    desk._do(lambda: None)
    assert (workers.checkpoint, run(desk).state, len(run(desk).rows)) == (b"2", RUNNING, 4)
    assert workers.until == (4 if before == PAUSED else 0)  # it pauses where it would have
    workers.epoch()
    workers.epoch()
    assert len(run(desk).rows) == 4
    workers.leave()
    assert (run(desk).state, desk.ledger.checkpoint(SPEC.id)) == (before, (4, b"4"))
    assert workers.begun == [SPEC.id] * (2 if before == PAUSED else 3)


def test_another_lam_goes_on_from_the_epoch_at_the_same_pace_and_before_others(desk, workers) -> None:
    desk.submit(SPEC, "ann", Pace(6, 0.5))
    desk.submit(OTHER, "bob", FAST)
    workers.epoch()
    desk.change(SPEC.id, 0.01, "ann", FAST)
    workers.epoch()
    workers.leave()
    changed = SPEC.with_change(3, 0.01)
    assert (run(desk).state, run(desk).successor) == (PAUSED, changed.id)
    assert (workers.spec, workers.checkpoint, workers.until, workers.wait) == (changed, b"2", 6, 0.5)
    assert run(desk, changed).rows == run(desk).rows
    assert desk.ledger.film(changed.id) == {1: b"frame 1", 2: b"frame 2"}
    assert desk.ledger.weights(changed.id) is None  # those of the first say in themselves that they are its own
    workers.epoch()
    assert [row["lam"] for row in run(desk, changed).rows] == [SPEC.lam, SPEC.lam, 0.01]
    assert run(desk, OTHER).place == 1
    assert {changed.id, SPEC.id} == {listed.id for listed in desk.ledger.history("ann", 9)}
    for _epoch in range(3):
        workers.epoch()
    workers.leave()  # the pace was to pause after 6
    assert run(desk, changed).state == PAUSED
    desk.resume(SPEC.id, "ann", FAST)  # the first can still go on by itself
    workers.leave("refused", "It cannot be.")
    assert (workers.spec, workers.checkpoint) == (SPEC, b"2")


def test_the_same_lam_is_no_change(desk, workers) -> None:
    desk.submit(SPEC, "ann", FAST)
    desk.change(SPEC.id, SPEC.lam, "ann", FAST)
    workers.obey()
    assert (run(desk).state, run(desk).successor, workers.checkpoint) == (RUNNING, "", b"1")


def test_a_changed_run_that_is_done_already_is_simply_the_successor(desk, workers) -> None:
    changed = SPEC.with_change(3, 0.01)
    desk.submit(changed, "bob", FAST)
    for _epoch in range(EPOCHS):
        workers.epoch()
    workers.leave()
    bring(desk, workers, PAUSED)
    desk.change(SPEC.id, 0.01, "ann", FAST)
    assert (run(desk).successor, workers.begun) == (changed.id, [])
    assert len(run(desk, changed).rows) == EPOCHS
    assert changed.id in {listed.id for listed in desk.ledger.history("ann", 9)}


def test_a_changed_run_that_has_come_farther_goes_on_from_there(desk, workers) -> None:
    changed = SPEC.with_change(3, 0.01)
    desk.submit(changed, "bob", Pace(5))
    for _epoch in range(5):
        workers.epoch()
    workers.leave()
    bring(desk, workers, PAUSED)
    desk.change(SPEC.id, 0.01, "ann", FAST)
    assert (workers.spec, workers.checkpoint, len(run(desk, changed).rows)) == (changed, b"5", 5)


def test_a_changed_run_that_was_stopped_begins_with_the_first_ones_epochs(desk, workers) -> None:
    changed = SPEC.with_change(3, 0.01)
    desk.submit(changed, "bob", FAST)
    for _epoch in range(5):
        workers.epoch()
    desk.stop(changed.id, "bob")
    workers.leave()
    bring(desk, workers, PAUSED)
    desk.change(SPEC.id, 0.01, "ann", FAST)
    assert (workers.spec, workers.checkpoint) == (changed, b"2")
    assert run(desk, changed).rows == run(desk).rows
    assert sorted(desk.ledger.film(changed.id)) == [1, 2]
    assert desk.ledger.weights(changed.id) is None


def test_a_run_that_has_not_begun_gives_way_to_one_with_that_lam_from_the_start(desk, workers) -> None:
    bring(desk, workers, QUEUED)
    last = SPEC.with_values(seed=2)
    desk.submit(last, "eve", FAST)
    desk.change(SPEC.id, 0.01, "ann", FAST)
    other = SPEC.with_values(lam=0.01)
    assert (run(desk).state, run(desk).successor) == (PAUSED, other.id)
    assert [run(desk, spec).place for spec in (other, last)] == [1, 2]  # in its place


def test_where_the_rate_falls_with_each_lam_a_change_begins_from_nothing(desk, workers) -> None:
    path = SPEC.with_values(lr_falls="each")
    desk.submit(path, "ann", FAST)
    desk.change(path.id, 0.01, "ann", FAST)
    workers.obey()
    assert (workers.spec, workers.checkpoint) == (path.with_change(2, 0.01), None)


def test_pausing_a_run_whose_lam_is_being_changed_pauses_its_successor(desk, workers) -> None:
    desk.submit(SPEC, "ann", FAST)
    desk.change(SPEC.id, 0.01, "ann", FAST)
    desk.pause(SPEC.id)
    workers.obey()
    successor = run(desk, SPEC.with_change(2, 0.01))
    assert (run(desk).state, run(desk).successor, successor.state) == (PAUSED, successor.id, PAUSED)
    desk.resume(successor.id, "ann", FAST)
    assert (workers.spec, workers.checkpoint) == (successor.spec, b"1")


def test_a_run_that_others_joined_goes_on_for_them(desk, workers) -> None:
    desk.submit(SPEC, "ann", FAST)
    desk.submit(SPEC, "bob", FAST)
    assert desk.stop(SPEC.id, "ann") is False
    assert desk.stop(SPEC.id, "a passer-by") is False
    assert not workers.is_asked
    assert desk.stop(SPEC.id, "bob") is True
    workers.obey()
    assert run(desk).state == STOPPED


def test_a_stop_of_nobody_in_particular_stops_always(desk, workers) -> None:
    desk.submit(SPEC, "ann", FAST)
    desk.submit(SPEC, "bob", FAST)
    assert desk.stop(SPEC.id, None) is True
    workers.obey()
    assert run(desk).state == STOPPED


def test_another_lam_for_one_leaves_the_run_to_the_others(desk, workers) -> None:
    desk.submit(SPEC, "ann", FAST)
    desk.submit(SPEC, "bob", FAST)
    desk.change(SPEC.id, 0.01, "ann", FAST)
    workers.obey()
    changed = SPEC.with_change(2, 0.01)
    assert (run(desk, changed).state, run(desk).state, run(desk).successor) == (RUNNING, QUEUED, changed.id)
    workers.leave("refused", "It cannot be.")
    assert (workers.spec, workers.checkpoint) == (SPEC, b"1")


def test_what_others_asked_for_is_never_lost(desk, workers) -> None:
    bring(desk, workers, PAUSED)
    desk.submit(SPEC, "bob", FAST)
    desk.delete(SPEC.id, "ann")
    assert desk.ledger.history("ann", 9) == []
    assert run(desk).state == RUNNING
    assert not workers.is_asked
    desk.delete(SPEC.id, "bob")
    workers.obey()
    assert desk.ledger.run(SPEC.id) is None
    desk.delete(SPEC.id, "ann")  # there is nothing any more


def test_asking_for_a_run_that_is_being_deleted_begins_it_anew(desk, workers) -> None:
    bring(desk, workers, RUNNING)
    desk.delete(SPEC.id, "ann")
    desk.submit(SPEC, "bob", Pace(4))
    workers.obey()
    assert (run(desk).state, run(desk).rows, workers.checkpoint, workers.until) == (RUNNING, (), None, 4)
    assert [listed.id for listed in desk.ledger.history("bob", 9)] == [SPEC.id]


def test_a_full_disk_at_a_pause_is_told_and_the_run_goes_on_from_memory(desk, workers) -> None:
    desk.submit(SPEC, "ann", FAST)
    workers.epoch()
    workers.epoch()
    writer = desk._store._database.writer
    writer.execute(f"PRAGMA max_page_count = {writer.execute('PRAGMA page_count').fetchone()[0]}")
    full = {"weights": bytes(100_000), "state": b"2" + b" " * 100_000, "film": {1: b"frame 1", 2: b"frame 2"}}
    desk.pause(SPEC.id)
    workers.leave(value={"rows": [], "stopped": True, **full} | {"rows": [{"epoch": 2}]})
    paused = desk.ledger.run(SPEC.id)
    assert (paused.state, len(paused.rows)) == (PAUSED, 2)
    assert "is full; free some space" in desk.ledger.notices[0]
    assert [listed.state for listed in desk.ledger.history("ann", 9)] == [PAUSED]
    assert desk.ledger.film(SPEC.id) == full["film"]
    desk.resume(SPEC.id, "ann", FAST)
    assert int(workers.checkpoint) == 2
    writer.execute("PRAGMA max_page_count = 1000000")
    workers.epoch()
    desk.pause(SPEC.id)
    workers.leave()
    assert (run(desk).state, len(run(desk).rows)) == (PAUSED, 3)  # run looks into the history too
    assert desk._store.checkpoint(SPEC.id) == (3, b"3")
    assert sorted(desk._store.film(SPEC.id)) == [1, 2, 3]
    assert desk.ledger.notices == ()


def test_a_delete_that_the_history_cannot_take_is_told_and_deletes_nothing(desk, workers, monkeypatch) -> None:
    bring(desk, workers, PAUSED)

    def fail(*_args: object) -> None:
        raise StoreError("The disk is full.")

    monkeypatch.setattr(desk._store, "forget", fail)
    with pytest.raises(StoreError, match="disk is full"):
        desk.delete(SPEC.id, "ann")
    assert run(desk).state == PAUSED


def test_a_paused_run_is_still_paused_when_the_lab_is_there_again(tmp_path) -> None:
    for attempt in range(2):
        desk = Desk(tmp_path, print, lambda: None)
        desk.start()
        workers = Workers(desk)
        desk.on_connection(workers, True)  # type: ignore[arg-type]
        if attempt == 0:
            bring(desk, workers, PAUSED)
        else:
            assert run(desk).state == PAUSED
            desk.resume(SPEC.id, "ann", FAST)
            assert (workers.checkpoint, len(run(desk).rows)) == (b"2", 2)
        desk.close()


def test_a_run_deleted_while_it_is_read_does_not_come_back(desk, workers, monkeypatch) -> None:
    bring(desk, workers, DONE)
    desk.ledger._runs.clear()  # as when many others were shown since
    get = desk._store.get

    def get_slowly(run_id: str) -> Run | None:
        found = get(run_id)
        desk.delete(SPEC.id, "ann")
        return found

    with monkeypatch.context() as slow:
        slow.setattr(desk._store, "get", get_slowly)
        desk.ledger.run(SPEC.id)
    assert desk.ledger.run(SPEC.id) is None


@pytest.mark.parametrize("end", [INTERRUPTED, FAILED, STOPPED])
def test_weights_of_a_pause_are_not_taken_for_those_of_a_later_epoch(desk, workers, end) -> None:
    bring(desk, workers, PAUSED)
    assert desk.ledger.weights(SPEC.id) == b"weights 2"
    desk.resume(SPEC.id, "ann", FAST)
    assert desk.ledger.weights(SPEC.id) == b"weights 2"
    workers.epoch()
    assert desk.ledger.weights(SPEC.id) is None
    if end == STOPPED:
        desk.stop(SPEC.id, "ann")
    if end == INTERRUPTED:
        desk._do(desk._interrupt_all)
    else:
        workers.leave(LOST if end == STOPPED else "refused", "It cannot be.")
    assert (desk._store.get(SPEC.id).state, len(desk._store.get(SPEC.id).rows)) == (end, 3)
    assert desk.ledger.weights(SPEC.id) is None


def test_nothing_is_asked_behind_the_end(desk, workers, wait_for) -> None:
    bring(desk, workers, RUNNING)
    busy = threading.Event()
    desk._inbox.put(busy.wait)
    closer = threading.Thread(target=desk.close)
    closer.start()
    wait_for(lambda: desk._closing)
    with pytest.raises(EngineError, match="closing"):
        desk.pause(SPEC.id)
    busy.set()
    closer.join()
    assert desk.ledger._runs[SPEC.id].state == INTERRUPTED


def test_a_desk_that_does_not_answer_is_told(desk, monkeypatch) -> None:
    busy = threading.Event()
    desk._inbox.put(busy.wait)
    with monkeypatch.context() as hasty:
        hasty.setattr(attempts, "PATIENCE", 0.01)
        with pytest.raises(EngineError, match="did not answer"):
            desk.pause(SPEC.id)
    busy.set()


def test_a_run_is_held_and_slowed_only_where_nobody_else_has_asked_for_it(desk, workers) -> None:
    desk.submit(SPEC, "ann", FAST)
    assert desk.set_pace(SPEC.id, wait=0.5, session="a passer-by") is False
    assert desk.pause(SPEC.id, "a passer-by") is False
    desk.submit(SPEC, "bob", FAST)
    assert desk.set_pace(SPEC.id, ONE_MORE, session="ann") is False
    assert desk.pause(SPEC.id, "ann") is False
    assert not workers.is_asked
    desk.stop(SPEC.id, "ann")
    assert desk.set_pace(SPEC.id, wait=0.5, session="bob") is True
    workers.obey()
    assert (run(desk).state, workers.until, workers.wait) == (RUNNING, 0, 0.5)
    assert desk.pause(SPEC.id, "bob") is True
    workers.obey()
    assert run(desk).state == PAUSED
    assert desk.pause(OTHER.id, "bob") is True  # there is nothing that goes on for others


def test_another_wait_leaves_the_epoch_of_the_pause_and_the_other_way_round(desk, workers) -> None:
    desk.submit(SPEC, "ann", FAST)
    workers.epoch()
    desk.set_pace(SPEC.id, ONE_MORE)
    desk.set_pace(SPEC.id, wait=1.5)
    workers.obey()
    assert (run(desk).state, len(run(desk).rows)) == (PAUSED, 2)
    desk.resume(SPEC.id, "ann", Pace(5, 1.5))
    desk.set_pace(SPEC.id, wait=0.5)
    workers.obey()
    assert (workers.until, workers.wait) == (5, 0.5)
    desk.set_pace(SPEC.id, until=6)
    workers.obey()
    assert (workers.until, workers.wait) == (6, 0.5)


@pytest.mark.parametrize(
    ("state", "shown"), [(QUEUED, 1), (PAUSED, 3), (STOPPED, 1), (FAILED, 1), (INTERRUPTED, 1), (AFTER_PAUSE, 4)]
)
def test_one_more_epoch_is_the_one_after_those_that_count(desk, workers, state, shown) -> None:
    bring(desk, workers, state)
    if state == QUEUED:
        desk.set_pace(SPEC.id, ONE_MORE)
        workers.leave("refused", "It cannot be.")
    else:
        desk.submit(SPEC, "ann", Pace(ONE_MORE))
    assert workers.until == shown
    for _epoch in range(shown - int(workers.checkpoint or 0)):
        workers.epoch()
    workers.leave()
    assert (run(desk).state, len(run(desk).rows)) == (PAUSED, shown)


@pytest.mark.parametrize("ask", ["pause", "change"])
def test_a_queued_run_that_will_begin_from_nothing_is_not_paused_after_epochs_of_an_earlier_time(desk, workers, ask) -> None:
    bring(desk, workers, STOPPED)
    desk.submit(OTHER, "bob", FAST)
    desk.submit(SPEC, "ann", FAST)
    assert (run(desk).state, len(run(desk).rows)) == (QUEUED, 2)
    ASKS[ask](desk)
    assert (run(desk).state, run(desk).rows, run(desk).last) == (PAUSED, (), None)
    assert desk.ledger.weights(SPEC.id) is None
    assert desk.ledger.film(SPEC.id) == {}


@pytest.mark.parametrize("state", [QUEUED, RUNNING, PAUSED])
@pytest.mark.parametrize("penalty", ["l1", "none"])
def test_what_changes_nothing_is_no_change(desk, workers, state, penalty) -> None:
    spec = SPEC.with_values(penalty=penalty)
    if state == QUEUED:
        desk.submit(OTHER, "bob", FAST)
    desk.submit(spec, "ann", FAST)
    if state == PAUSED:
        desk.pause(spec.id)
        workers.obey()
    desk.change(spec.id, spec.lam if penalty == "l1" else 0.5, "ann", FAST)
    workers.obey()
    assert (run(desk, spec).state, run(desk, spec).successor) == (state, "")
    assert len(desk.ledger.history("ann", 9)) == 1


def test_a_successor_that_is_paused_at_once_is_its_askers(desk, workers) -> None:
    desk.submit(SPEC, "ann", FAST)
    desk.change(SPEC.id, 0.01, "ann", FAST)
    desk.pause(SPEC.id)
    workers.obey()
    successor = run(desk).successor
    assert desk.stop(successor, "a passer-by") is False
    assert desk.ledger.run(successor).state == PAUSED
    assert desk.stop(successor, "ann") is True
    assert desk.ledger.run(successor).state == STOPPED


def test_of_two_who_change_lam_in_one_epoch_the_second_is_told(desk, workers) -> None:
    desk.submit(SPEC, "ann", FAST)
    desk.submit(SPEC, "bob", FAST)
    desk.change(SPEC.id, 0.01, "ann", FAST)
    with pytest.raises(EngineError, match="changed λ in this epoch"):
        desk.change(SPEC.id, 0.02, "bob", FAST)
    desk.change(SPEC.id, 0.03, "ann", FAST)  # who thinks better of it
    workers.obey()
    assert run(desk).successor == SPEC.with_change(2, 0.03).id


def test_while_a_second_change_is_to_come_the_first_ones_successor_is_not_named(desk, workers) -> None:
    desk.submit(SPEC, "ann", FAST)
    desk.submit(SPEC, "bob", FAST)
    desk.change(SPEC.id, 0.01, "ann", FAST)
    workers.obey()
    assert run(desk).successor
    workers.leave("refused", "It cannot be.")  # the successor; the run goes on for Bob
    desk.change(SPEC.id, 0.02, "bob", FAST)
    assert (run(desk).state, run(desk).successor) == (RUNNING, "")
    workers.obey()
    assert run(desk).successor == SPEC.with_change(3, 0.02).id
