import contextlib
import json
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from l1demo import store
from l1demo.spec import RunSpec
from l1demo.store import DONE, FAILED, INTERRUPTED, PAUSED, QUEUED, RUNNING, STOPPED, Left, Store, StoreError

SPEC = RunSpec()


def rows(*epochs: int) -> list[dict]:
    return [{"epoch": epoch, "train_loss": 1 / epoch, "histogram": [1, 2, 3]} for epoch in epochs]


def of(run: str, many: list[dict]) -> list[tuple[str, dict]]:
    return [(run, row) for row in many]


def test_a_run_is_whole_after_the_process_ends(tmp_path: Path) -> None:
    first = Store(tmp_path)
    assert first.add(SPEC, "ann").state == QUEUED
    first.begin(SPEC.id)
    first.add_rows(of(SPEC.id, rows(1, 2)))
    first.add_rows(of(SPEC.id, rows(2, 3)))
    first.finish(SPEC.id, DONE, Left(b"weights"))
    first.close()
    second = Store(tmp_path)
    run = second.get(SPEC.id)
    assert run is not None
    assert (run.state, run.spec, run.error) == (DONE, SPEC, "")
    assert list(run.rows) == rows(1, 2, 3)
    assert run.created <= run.started <= run.finished
    assert second.weights(SPEC.id) == b"weights"
    second.close()


@pytest.mark.parametrize("begun", [False, True])
def test_what_had_not_ended_is_interrupted_at_the_next_start(tmp_path: Path, begun: bool) -> None:
    first = Store(tmp_path)
    first.add(SPEC, "ann")
    if begun:
        first.begin(SPEC.id)
        first.add_rows(of(SPEC.id, rows(1)))
    first.close()
    second = Store(tmp_path)
    run = second.get(SPEC.id)
    assert run is not None
    assert run.state == INTERRUPTED
    assert len(run.rows) == begun
    second.close()


def test_only_what_did_not_come_to_its_end_is_queued_again() -> None:
    kept = Store(None)
    for state in (PAUSED, STOPPED, FAILED, INTERRUPTED):
        kept.add(SPEC, "ann")
        kept.finish(SPEC.id, state, error="why")
        again = kept.add(SPEC, "ann")
        assert (again.state, again.error, again.finished) == (QUEUED, "", None)
    kept.begin(SPEC.id)
    assert kept.add(SPEC, "bob").state == RUNNING
    kept.finish(SPEC.id, DONE)
    assert kept.add(SPEC, "eve").state == DONE


def test_rows_begun_afresh_replace_all_older_ones() -> None:
    kept = Store(None)
    kept.add(SPEC, "ann")
    kept.add_rows(of(SPEC.id, rows(1, 2, 3)))
    kept.finish(SPEC.id, STOPPED, Left(b"old"))
    kept.add_rows(of(SPEC.id, rows(1)), afresh={SPEC.id})
    run = kept.get(SPEC.id)
    assert run is not None
    assert list(run.rows) == rows(1)
    assert kept.weights(SPEC.id) is None


def test_a_run_belongs_to_those_who_asked_for_it() -> None:
    kept = Store(None)
    other = SPEC.with_values(lam=0.0)
    kept.add(SPEC, "ann")
    kept.add(other, "bob")
    kept.add(SPEC, "bob")
    kept.add_rows(of(SPEC.id, rows(1, 2)))
    assert [run.id for run in kept.history("ann")] == [SPEC.id]
    assert [run.id for run in kept.history("bob")] == [SPEC.id, other.id]
    assert [run.id for run in kept.history()] == [other.id, SPEC.id]
    assert kept.history("eve") == []
    assert len(kept.history(limit=1)) == 1
    assert (kept.history("ann")[0].rows, kept.history("ann")[0].last) == ((), rows(2)[0])


def test_unknown_runs_are_none() -> None:
    assert Store(None).get("0" * 16) is None
    assert Store(None).weights("0" * 16) is None


def test_a_committed_row_survives_kill_9(tmp_path: Path) -> None:
    program = (
        "import sys, os, signal, pathlib\nfrom l1demo.store import Store\nfrom l1demo.spec import RunSpec\n"
        "kept = Store(pathlib.Path(sys.argv[1])); spec = RunSpec(); kept.add(spec, 'ann'); kept.begin(spec.id)\n"
        "kept.add_rows([(spec.id, {'epoch': 1})])\nos.kill(os.getpid(), getattr(signal, 'SIGKILL', signal.SIGTERM))"
    )
    subprocess.run([sys.executable, "-c", program, str(tmp_path)], cwd=Path(__file__).parents[1], check=False)
    after = Store(tmp_path)  # the lock fell with the process
    run = after.get(SPEC.id)
    assert run is not None
    assert (run.state, run.rows) == (INTERRUPTED, ({"epoch": 1},))
    after.close()


def test_every_commit_is_synced(tmp_path: Path) -> None:
    kept = Store(tmp_path)
    assert kept._database.writer.execute("PRAGMA synchronous").fetchone()[0] == 2  # FULL
    assert kept._database.writer.execute("PRAGMA journal_mode").fetchone()[0] == "wal"
    kept.close()


def test_a_second_lab_on_the_same_folder_is_refused_and_harms_nothing(tmp_path: Path) -> None:
    first = Store(tmp_path)
    first.add(SPEC, "ann")
    first.begin(SPEC.id)
    with pytest.raises(StoreError, match="Another lab is using"):
        Store(tmp_path)
    run = first.get(SPEC.id)
    assert run is not None
    assert run.state == RUNNING
    first.close()
    Store(tmp_path).close()


def test_a_full_disk_has_its_sentence_and_loses_nothing(tmp_path: Path) -> None:
    kept = Store(tmp_path)
    kept.add(SPEC, "ann")
    kept.add_rows(of(SPEC.id, rows(1)))
    pages = kept._database.writer.execute("PRAGMA page_count").fetchone()[0]
    kept._database.writer.execute(f"PRAGMA max_page_count = {pages}")
    with pytest.raises(StoreError, match="is full; free some space"):
        kept.finish(SPEC.id, DONE, Left(bytes(1_000_000)))
    run = kept.get(SPEC.id)
    assert run is not None
    assert (run.state, list(run.rows)) == (QUEUED, rows(1))  # all of it or nothing
    kept._database.writer.execute("PRAGMA max_page_count = 1000000")
    kept.finish(SPEC.id, DONE, Left(bytes(1_000_000)))
    assert len(kept.weights(SPEC.id) or b"") == 1_000_000
    kept.close()


def test_a_home_that_cannot_be_a_folder_has_its_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(StoreError, match="set L1DEMO_HOME to a folder that can be written"):
        Store(tmp_path / "file" / "home")


@pytest.mark.parametrize("where", ["all", "tables"])
def test_a_damaged_file_is_kept_aside_and_a_new_one_begun(tmp_path: Path, where: str) -> None:
    first = Store(tmp_path)
    for seed in range(200):
        first.add(SPEC.with_values(seed=seed), "ann")
    first.close()
    file = tmp_path / store.FILE
    bytes_ = file.read_bytes()
    damaged = b"not a database" * 1000 if where == "all" else bytes_[:4096] + bytes(len(bytes_) - 4096)
    file.write_bytes(damaged)
    second = Store(tmp_path)
    assert second.history() == []
    (aside,) = tmp_path.glob("history-damaged-*.sqlite")
    assert aside.read_bytes() == damaged
    assert aside.name in second.notice
    second.add(SPEC, "ann")
    second.close()


def test_a_newer_format_is_refused_untouched(tmp_path: Path) -> None:
    Store(tmp_path).close()
    with sqlite3.connect(tmp_path / store.FILE) as sql:
        sql.execute("PRAGMA user_version = 99")
    with pytest.raises(StoreError, match=f"newer lab \\(format 99, this one knows {len(store._MIGRATIONS)}\\)"):
        Store(tmp_path)
    with sqlite3.connect(tmp_path / store.FILE) as sql:
        assert sql.execute("PRAGMA user_version").fetchone()[0] == 99


def test_a_migration_leads_from_the_last_format_to_the_next(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = Store(tmp_path)
    first.add(SPEC, "ann")
    first.close()
    monkeypatch.setattr(store, "_MIGRATIONS", (*store._MIGRATIONS, "ALTER TABLE runs ADD COLUMN note TEXT NOT NULL DEFAULT 'x'"))
    second = Store(tmp_path)
    assert second.get(SPEC.id) is not None
    assert second._database.writer.execute("SELECT note FROM runs").fetchone()[0] == "x"
    assert second._database.writer.execute("PRAGMA user_version").fetchone()[0] == len(store._MIGRATIONS)
    second.close()


OLD = """
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
    PRAGMA user_version = 1;
"""  # as the lab wrote it before runs could pause


def test_a_history_of_the_first_format_opens_whole(tmp_path: Path) -> None:
    with contextlib.closing(sqlite3.connect(tmp_path / store.FILE)) as old, old:
        old.executescript(OLD)
        old.execute("INSERT INTO runs (id, spec, state, created) VALUES (?, ?, 'done', 1.0)", (SPEC.id, SPEC.to_json()))
        old.execute("INSERT INTO epochs VALUES (?, 1, ?)", (SPEC.id, json.dumps(rows(1)[0])))
        old.execute("INSERT INTO weights VALUES (?, ?)", (SPEC.id, b"weights"))
        old.execute("INSERT INTO asked VALUES (?, 'ann', 2.0)", (SPEC.id,))
    kept = Store(tmp_path)
    (run,) = kept.history("ann")
    assert (run.id, run.state, run.last, run.name) == (SPEC.id, DONE, rows(1)[0], "")
    assert (kept.weights(SPEC.id), kept.film(SPEC.id), kept.checkpoint(SPEC.id)) == (b"weights", {}, None)
    kept.keep(SPEC.id, Left(film={1: b"frame"}))
    assert kept.rename(SPEC.id, "ann", "first")
    kept.close()
    again = Store(tmp_path)
    assert (again.film(SPEC.id), again.history("ann")[0].name) == ({1: b"frame"}, "first")
    again.close()


def test_a_pause_outlives_the_process_with_all_that_it_needs(tmp_path: Path) -> None:
    first = Store(tmp_path)
    first.add(SPEC, "ann")
    first.begin(SPEC.id)
    first.add_rows(of(SPEC.id, rows(1, 2)))
    first.finish(SPEC.id, PAUSED, Left(b"weights", b"state", 2, {1: b"one", 2: b"two"}))
    first.close()
    second = Store(tmp_path)
    run = second.get(SPEC.id)
    assert run is not None
    assert (run.state, run.ended, list(run.rows)) == (PAUSED, True, rows(1, 2))
    assert (second.checkpoint(SPEC.id), second.film(SPEC.id)) == ((2, b"state"), {1: b"one", 2: b"two"})
    assert second.add(SPEC, "ann").state == QUEUED
    second.close()  # before it went on
    third = Store(tmp_path)
    run = third.get(SPEC.id)
    assert run is not None
    assert (run.state, third.checkpoint(SPEC.id)) == (INTERRUPTED, (2, b"state"))
    third.close()


@pytest.mark.parametrize(("state", "kept_checkpoint"), [(PAUSED, True), (INTERRUPTED, True), (STOPPED, False), (DONE, False)])
def test_only_what_can_go_on_keeps_its_checkpoint(state: str, kept_checkpoint: bool) -> None:
    kept = Store(None)
    kept.add(SPEC, "ann")
    kept.keep(SPEC.id, Left(None, b"state", 2))
    kept.finish(SPEC.id, state)
    assert (kept.checkpoint(SPEC.id) is not None) == kept_checkpoint


def test_a_branch_has_the_rows_it_is_given_and_nothing_of_an_earlier_time() -> None:
    kept = Store(None)
    kept.add(SPEC, "bob")
    kept.add_rows(of(SPEC.id, rows(1, 2, 3)))
    kept.finish(SPEC.id, STOPPED, Left(b"old", None, 0, {3: b"old"}))
    kept.branch(SPEC, "ann", rows(1, 2), Left(None, b"state", 2, {2: b"two"}))
    run = kept.get(SPEC.id)
    assert run is not None
    assert (run.state, list(run.rows)) == (QUEUED, rows(1, 2))
    assert (kept.weights(SPEC.id), kept.film(SPEC.id), kept.checkpoint(SPEC.id)) == (None, {2: b"two"}, (2, b"state"))
    assert len(kept.history("ann")) == len(kept.history("bob")) == 1


def test_a_run_is_deleted_when_nobody_asks_for_it_and_not_before() -> None:
    kept = Store(None)
    kept.add(SPEC, "ann")
    kept.add(SPEC, "bob")
    kept.add_rows(of(SPEC.id, rows(1)))
    kept.finish(SPEC.id, PAUSED, Left(b"weights", b"state", 1, {1: b"one"}))
    assert not kept.forget(SPEC.id, "ann")
    assert not kept.drop(SPEC.id)
    assert kept.history("ann") == []
    assert len(kept.history("bob")) == 1
    assert kept.forget(SPEC.id, "bob")
    assert kept.drop(SPEC.id)
    assert kept.get(SPEC.id) is None
    for table in ("runs", "epochs", "weights", "checkpoints", "frames", "asked"):
        assert kept._database.writer.execute(f"SELECT count(*) FROM {table}").fetchone() == (0,)


def test_a_name_is_of_one_list_and_stays_when_the_run_is_asked_for_again() -> None:
    kept = Store(None)
    kept.add(SPEC, "ann")
    kept.add(SPEC, "bob")
    assert kept.rename(SPEC.id, "ann", "mine")
    assert not kept.rename(SPEC.id, "eve", "hers")
    kept.add(SPEC, "ann")
    assert [kept.history(session)[0].name for session in ("ann", "bob", None)] == ["mine", "", ""]


def test_a_description_of_another_version_is_left_out(tmp_path: Path) -> None:
    kept = Store(tmp_path)
    kept.add(SPEC, "ann")
    kept._database.writer.execute("UPDATE runs SET spec = ?", (json.dumps({"quantum": True}),))
    assert kept.get(SPEC.id) is None
    assert kept.history() == []
    kept.close()


def test_weights_are_of_the_newest_row_or_none(tmp_path: Path) -> None:
    kept = Store(tmp_path)
    kept.add(SPEC, "ann")
    kept.add_rows(of(SPEC.id, rows(1, 2)))
    kept.finish(SPEC.id, PAUSED, Left(b"weights", b"state", 2))
    kept.add(SPEC, "ann")
    kept.add_rows(of(SPEC.id, rows(1, 2)))  # the same again
    assert kept.weights(SPEC.id) == b"weights"
    kept.add_rows(of(SPEC.id, rows(3)))
    kept.close()  # as when the power fails
    again = Store(tmp_path)
    assert (again.weights(SPEC.id), again.checkpoint(SPEC.id)) == (None, (2, b"state"))
    again.close()
