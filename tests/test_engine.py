import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import fakes
import psutil
import pytest
from distributed import Client, Event, LocalCluster, Queue

from l1demo import engine as engines
from l1demo import film, link
from l1demo.engine import Engine, EngineError
from l1demo.spec import RunSpec, SpecError
from l1demo.store import DONE, FAILED, INTERRUPTED, PAUSED, QUEUED, RUNNING, STOPPED, Run

ROOT = Path(__file__).parents[1]


def spec(seed: int, **values: Any) -> RunSpec:
    return RunSpec().with_values(seed=seed, **values)


def client(engine: Engine) -> Client:
    assert engine._connection
    return engine._connection.client


def let(engine: Engine, wanted: RunSpec, epochs: int) -> None:
    """Let a paced run do so many more epochs."""
    for _epoch in range(epochs):
        Queue(f"pace-{wanted.seed}", client=client(engine)).put(1)


def kill_worker_of(engine: Engine, run_id: str) -> None:
    (address,) = (worker for worker, keys in client(engine).processing().items() if engine._desk._live[run_id].attempt in keys)
    pid = client(engine).run(os.getpid, workers=[address])[address]
    psutil.Process(pid).kill()


def bare(run: Run) -> list[dict]:
    return [{name: value for name, value in row.items() if name != "seconds"} for row in run.rows]


def result(engine: Engine, run_id: str) -> tuple[list[dict], dict[str, bytes], dict[int, bytes]]:
    """What came of a run, bit for bit: rows, weights by name, film."""
    import safetensors.numpy

    weights = safetensors.numpy.load(engine.weights(run_id))  # not as one file, whose header is written in any order
    return bare(engine.run(run_id)), {name: w.tobytes() for name, w in weights.items()}, engine.film(run_id)


def undisturbed(engine: Engine, home: Path, wanted: RunSpec, wait_for) -> tuple[list[dict], dict[str, bytes], dict[int, bytes]]:
    """The result of a run that nobody touches."""
    with Engine(home, scheduler=client(engine).scheduler.address, train=fakes.mixed_run) as other:
        other.submit(wanted, "ann")
        run = wait_for(lambda: (r := other.run(wanted.id)).ended and r)
        assert run.state == DONE
        return result(other, wanted.id)


def test_rows_arrive_in_order_and_are_kept(engine, wait_for) -> None:
    wanted = spec(fakes.PACED, epochs=3)
    run_id = engine.submit(wanted, "ann")
    assert run_id == wanted.id
    for epoch in (1, 2, 3):
        let(engine, wanted, 1)
        run = wait_for(lambda epoch=epoch: (r := engine.run(run_id)) and len(r.rows) >= epoch and r)
        assert [row["epoch"] for row in run.rows] == list(range(1, epoch + 1))
        assert run.last == run.rows[-1] == {"epoch": epoch, "nested": [1, [2, 3]]}
        stored = engine._desk._store.get(run_id)  # what is shown is durable
        assert stored.rows[: len(run.rows)] == run.rows
    run = wait_for(lambda: (r := engine.run(run_id)).ended and r)
    assert (run.state, run.error, run.place) == (DONE, "", None)
    assert engine.weights(run_id) == b"paced"
    assert engine._desk._store.get(run_id).rows == run.rows
    assert [r.id for r in engine.history("ann")] == [run_id]


def test_a_real_training_comes_back_whole(engine, wait_for) -> None:
    import safetensors.numpy

    run_id = engine.submit(spec(fakes.NOISE, epochs=4), "ann")
    run = wait_for(lambda: (r := engine.run(run_id)).ended and r)
    assert (run.state, len(run.rows)) == (DONE, 4)
    assert json.loads(json.dumps(run.rows[-1])) == run.rows[-1]
    assert safetensors.numpy.load(engine.weights(run_id))["out.weight"].shape == (2, 64)


def test_the_built_in_corpus_is_trained_on(engine, tmp_path, wait_for) -> None:
    from safetensors import safe_open

    wanted = spec(0, epochs=2, train_clips=150, hidden=16)
    with Engine(tmp_path, scheduler=client(engine).scheduler.address) as real:
        run_id = real.submit(wanted, "ann")
        run = wait_for(lambda: (r := real.run(run_id)).ended and r)
        assert (run.state, run.error, len(run.rows)) == (DONE, "", 2)
        assert run.last["objective"] == pytest.approx(run.last["train_loss"] + run.last["penalty"])
        file = tmp_path / "model.safetensors"
        file.write_bytes(real.weights(run_id))
        with safe_open(file, "numpy") as weights:
            assert RunSpec.from_json(weights.metadata()["spec"]) == wanted
            assert len(json.loads(weights.metadata()["words"])) == weights.get_tensor("out.bias").size == 10

        typo = real.submit(spec(0, hold_out="nobody"), "ann")
        run = wait_for(lambda: (r := real.run(typo)).ended and r)
        assert run.state == FAILED
        assert "“nobody”" in run.error


def test_the_same_description_is_not_worked_on_twice(engine, wait_for) -> None:
    wanted = spec(fakes.PLAIN)
    run_id = engine.submit(wanted, "ann")
    first = wait_for(lambda: (r := engine.run(run_id)).ended and r)
    engine.submit(wanted, "bob")
    assert engine.run(run_id) == first

    def attempts(dask_scheduler) -> set[str]:
        return {entry[0] for entry in dask_scheduler.transition_log if entry[0].startswith(run_id)}

    assert len(client(engine).run_on_scheduler(attempts)) == 1
    assert run_id in {run.id for run in engine.history("bob")}


def test_asking_for_a_running_run_joins_it(engine, wait_for) -> None:
    wanted = spec(fakes.PACED + 1, epochs=2)
    run_id = engine.submit(wanted, "ann")
    wait_for(lambda: engine.run(run_id).state == RUNNING)
    attempt = engine._desk._live[run_id].attempt
    engine.submit(wanted, "bob")
    let(engine, wanted, 2)
    run = wait_for(lambda: (r := engine.run(run_id)).ended and r)
    assert (run.state, len(run.rows)) == (DONE, 2)
    assert attempt.startswith(run_id)
    assert {run_id} <= {run.id for run in engine.history("bob")}


def test_a_run_stops_after_the_epoch_it_is_in_and_begins_anew_when_asked_again(engine, wait_for) -> None:
    wanted = spec(fakes.PACED + 2, epochs=300)
    run_id = engine.submit(wanted, "ann")
    let(engine, wanted, 1)
    wait_for(lambda: len(engine.run(run_id).rows) == 1)
    attempt = engine._desk._live[run_id].attempt
    engine.stop(run_id)
    wait_for(lambda: Event(attempt, client=client(engine)).is_set())
    let(engine, wanted, 1)
    run = wait_for(lambda: (r := engine.run(run_id)).ended and r)
    assert (run.state, len(run.rows)) == (STOPPED, 2)
    assert engine.weights(run_id) == b"paced"
    engine.stop(run_id)
    assert engine.run(run_id) == run

    engine.submit(wanted, "ann")
    wait_for(lambda: engine.run(run_id).state == RUNNING)
    assert engine.run(run_id).rows == run.rows  # until there is something newer
    let(engine, wanted, 1)
    wait_for(lambda: len(engine.run(run_id).rows) == 1)
    engine.stop(run_id)
    engine.submit(wanted, "ann")  # before it has stopped: it is to run again, after all
    let(engine, wanted, 2)
    wait_for(lambda: (live := engine._desk._live.get(run_id)) and live.attempt and not live.stopping)
    engine.stop(run_id)
    let(engine, wanted, 2)
    wait_for(lambda: engine.run(run_id).ended)


def test_runs_wait_in_the_order_they_were_asked_for(engine, wait_for) -> None:
    places = engine._connection.trainers
    many = [spec(fakes.PACED + 10 + i, epochs=1) for i in range(places + 3)]
    ids = [engine.submit(each, "ann") for each in many]
    assert [engine.run(i).place for i in ids] == [0] * places + [1, 2, 3]
    assert [engine.run(i).state for i in ids] == [RUNNING] * places + [QUEUED] * 3
    engine.stop(ids[places])
    assert engine.run(ids[places]).state == STOPPED
    assert [engine.run(i).place for i in ids[places + 1 :]] == [1, 2]
    assert engine.call(fakes.plain_value, 3) == 3  # short work does not wait behind them
    for each in many:
        let(engine, each, 1)
    wait_for(lambda: all(engine.run(i).ended for i in ids))
    done = [engine.run(i) for i in ids if engine.run(i).state == DONE]
    assert len(done) == places + 2
    assert done[-1].started >= done[-2].started


def test_rows_whose_events_were_lost_come_with_the_result(engine, wait_for) -> None:
    run_id = engine.submit(spec(fakes.SILENT), "ann")
    run = wait_for(lambda: (r := engine.run(run_id)).ended and r)
    assert (run.state, run.rows) == (DONE, ({"epoch": 1}, {"epoch": 2}))
    assert engine._desk._store.get(run_id).rows == run.rows


@pytest.mark.parametrize(
    ("seed", "sentence"), [(fakes.REFUSING, "There is no such corpus."), (fakes.BROKEN, "The run ended by an error in the program")]
)
def test_a_failed_run_says_why(engine, wait_for, seed, sentence) -> None:
    run_id = engine.submit(spec(seed), "ann")
    run = wait_for(lambda: (r := engine.run(run_id)).ended and r)
    assert run.state == FAILED
    assert run.error.startswith(sentence)
    assert "KeyError" not in run.error


def test_short_calls_answer_or_say_why_not(engine) -> None:
    assert engine.call(fakes.plain_value, b"x") == b"x"
    with pytest.raises(EngineError, match="There is no such clip"):
        engine.call(fakes.refuse)
    with pytest.raises(EngineError, match="error in the program"):
        engine.call(fakes.plain_value)


@pytest.mark.parametrize(
    ("function", "sentence"), [(fakes.segfault, "crashed the process"), (fakes.loop_forever, "longer than 1 s")]
)
def test_a_call_that_takes_its_worker_with_it_is_told_and_the_next_one_works(engine, wait_for, function, sentence) -> None:
    with pytest.raises(EngineError, match=sentence):
        engine.call(function, timeout=1)
    assert engine.call(fakes.plain_value, 1) == 1
    wait_for(lambda: engine.ready)


def test_a_run_whose_worker_is_killed_ends_with_the_same_rows(engine, wait_for, tmp_path) -> None:
    wanted = spec(fakes.NOISE + 1, epochs=200, lam=1e-3)
    run_id = engine.submit(wanted, "ann")
    wait_for(lambda: len(engine.run(run_id).rows) > 3)
    kill_worker_of(engine, run_id)
    shown = len(engine.run(run_id).rows)
    assert shown < 200
    run = wait_for(lambda: (r := engine.run(run_id)).ended and r)
    assert (run.state, len(run.rows)) == (DONE, 200)

    assert result(engine, run_id) == undisturbed(engine, tmp_path, wanted, wait_for)
    wait_for(lambda: engine.ready)


def test_a_run_that_kills_every_worker_is_given_up(engine, wait_for) -> None:
    run_id = engine.submit(spec(fakes.DEADLY), "ann")
    run = wait_for(lambda: (r := engine.run(run_id)).ended and r)
    assert run.state == FAILED
    assert "ended 3 times" in run.error
    wait_for(lambda: engine.ready)


def test_a_run_that_pauses_changes_pace_and_outlives_its_lab_is_bit_for_bit_an_undisturbed_one(engine, wait_for, tmp_path) -> None:
    wanted = spec(fakes.NOISE + 2, epochs=60)
    address = client(engine).scheduler.address
    with Engine(tmp_path / "a", scheduler=address, train=fakes.mixed_run) as lab:
        run_id = lab.submit(wanted, "ann", until=1, wait=0.01)
        run = wait_for(lambda: (r := lab.run(run_id)).ended and r)
        assert (run.state, len(run.rows)) == (PAUSED, 1)
        assert lab.weights(run_id)
        lab.resume(run_id, "ann", wait=60)
        wait_for(lambda: len(lab.run(run_id).rows) == 2)
        lab.pace(run_id, until=20, wait=0)  # which ends the waiting
        wait_for(lambda: lab.run(run_id).state == PAUSED)
        assert len(lab.run(run_id).rows) == 20
    with Engine(tmp_path / "a", scheduler=address, train=fakes.mixed_run) as lab:
        run = lab.run(run_id)
        assert (run.state, len(run.rows)) == (PAUSED, 20)
        lab.submit(wanted, "ann")
        wait_for(lambda: len(lab.run(run_id).rows) > 21)
        lab.pause(run_id)
        wait_for(lambda: lab.run(run_id).state == PAUSED)
        lab.resume(run_id, "ann")
        run = wait_for(lambda: (r := lab.run(run_id)).ended and r)
        assert run.state == DONE
        assert result(lab, run_id) == undisturbed(engine, tmp_path / "b", wanted, wait_for)
        assert len(lab.film(run_id)) == film.FRAMES


def test_a_resumed_run_whose_worker_is_killed_ends_with_the_same_rows(engine, wait_for, tmp_path) -> None:
    wanted = spec(fakes.NOISE + 3, epochs=12)
    run_id = engine.submit(wanted, "ann", until=3)
    wait_for(lambda: engine.run(run_id).state == PAUSED)
    engine.resume(run_id, "ann", wait=600)
    wait_for(lambda: len(engine.run(run_id).rows) == 4)
    kill_worker_of(engine, run_id)
    live = engine._desk._live[run_id]
    wait_for(lambda: live.losses == 1)
    assert live.epoch == 3  # from where it begins again
    engine.pace(run_id, wait=0)
    run = wait_for(lambda: (r := engine.run(run_id)).ended and r)
    assert run.state == DONE
    assert result(engine, run_id) == undisturbed(engine, tmp_path, wanted, wait_for)
    wait_for(lambda: engine.ready)


def test_lam_changed_in_mid_run_gives_what_its_description_gives_from_nothing(engine, wait_for, tmp_path) -> None:
    wanted = spec(fakes.NOISE + 4, epochs=12)
    run_id = engine.submit(wanted, "ann", until=4)
    wait_for(lambda: engine.run(run_id).state == PAUSED)
    engine.resume(run_id, "ann", wait=600)
    wait_for(lambda: len(engine.run(run_id).rows) == 5)
    engine.change(run_id, 0.02, "ann")
    first = wait_for(lambda: (r := engine.run(run_id)).successor and r)
    since = len(first.rows) + 1
    assert (first.state, since) == (PAUSED, 6)
    assert first.successor == wanted.with_change(since, 0.02).id
    engine.pace(first.successor, wait=0)
    second = wait_for(lambda: (r := engine.run(first.successor)).ended and r)
    assert second.state == DONE
    assert second.spec.changes == ((since, 0.02),)
    assert bare(second)[: since - 1] == bare(first)
    assert {row["lam"] for row in second.rows[since - 1 :]} == {0.02}
    assert result(engine, second.id) == undisturbed(engine, tmp_path / "a", second.spec, wait_for)
    engine.resume(run_id, "ann")  # the first can still go on by itself
    first = wait_for(lambda: (r := engine.run(run_id)).ended and r)
    assert bare(first) == undisturbed(engine, tmp_path / "b", wanted, wait_for)[0]
    with pytest.raises(SpecError, match="lam"):
        engine.change(run_id, -1.0, "ann")


def test_slow_motion_waits_between_epochs_and_not_after_the_last(engine, wait_for) -> None:
    wanted = spec(fakes.NOISE + 5, epochs=2)
    run_id = engine.submit(wanted, "ann", wait=600)
    wait_for(lambda: len(engine.run(run_id).rows) == 1)
    engine.pace(run_id, wait=599)  # a shorter one than is being waited for
    assert wait_for(lambda: (r := engine.run(run_id)).ended and r).state == DONE


def test_names_are_for_ones_own_list(engine, wait_for) -> None:
    run_id = engine.submit(spec(fakes.PLAIN + 1), "ann")
    engine.submit(spec(fakes.PLAIN + 1), "bob")
    wait_for(lambda: engine.run(run_id).ended)
    engine.rename(run_id, "ann", "  my  first λ ")

    def name(session: str) -> str:
        return next(run.name for run in engine.history(session) if run.id == run_id)

    assert (name("ann"), name("bob")) == ("my first λ", "")
    engine.submit(spec(fakes.PLAIN + 1), "ann")
    assert name("ann") == "my first λ"
    engine.rename(run_id, "ann", "")
    assert name("ann") == ""
    for wrong in ("x" * 61, "bell \a"):
        with pytest.raises(EngineError, match="at most 60 characters"):
            engine.rename(run_id, "ann", wrong)
    with pytest.raises(EngineError, match="your own list"):
        engine.rename(run_id, "eve", "mine")
    engine.delete(run_id, "ann")
    assert run_id not in {run.id for run in engine.history("ann")}
    assert name("bob") == ""


def test_a_lost_cluster_is_started_again_and_its_runs_too(engine, wait_for) -> None:
    wanted = spec(fakes.PACED + 3, epochs=2)
    run_id = engine.submit(wanted, "ann")
    let(engine, wanted, 1)
    wait_for(lambda: len(engine.run(run_id).rows) == 1)
    old = client(engine)
    (cluster,) = (p for p in psutil.Process().children() if "l1demo.cluster" in p.cmdline())
    cluster.kill()
    wait_for(lambda: engine.notices)
    assert "started again" in engine.notices[0]
    assert engine.run(run_id).state == QUEUED
    wait_for(lambda: engine._connection and engine._connection.client is not old and engine.run(run_id).state == RUNNING)
    let(engine, wanted, 2)
    run = wait_for(lambda: (r := engine.run(run_id)).ended and r)
    assert (run.state, len(run.rows)) == (DONE, 2)
    wait_for(lambda: engine.ready)
    assert engine.notices == ()


def test_a_cluster_of_others_is_used_as_it_is(tmp_path, monkeypatch, wait_for) -> None:
    with LocalCluster(n_workers=1, threads_per_worker=2, processes=False, dashboard_address=None) as others:
        monkeypatch.setenv("L1DEMO_SCHEDULER", others.scheduler_address)
        before = psutil.Process().children()
        with Engine(tmp_path, train=fakes.plain_run) as engine:
            wait_for(lambda: engine.ready)
            run_id = engine.submit(spec(0), "ann")
            assert wait_for(lambda: (r := engine.run(run_id)).ended and r).state == DONE
            assert engine.call(fakes.plain_value, 7) == 7
            assert psutil.Process().children() == before


def test_work_is_taken_and_given_back_before_there_are_workers(tmp_path, monkeypatch, wait_for) -> None:
    monkeypatch.setattr(engines, "STARTING", 0.01)
    monkeypatch.setattr(link, "CONNECTING", 0.1)
    with Engine(tmp_path, scheduler="tcp://127.0.0.1:9") as engine:
        run_id = engine.submit(spec(0), "ann")
        other = engine.submit(spec(1), "ann")
        assert (engine.run(run_id).state, engine.run(run_id).place) == (QUEUED, 1)
        with pytest.raises(EngineError, match="not ready"):
            engine.call(fakes.plain_value, 1)
        engine.stop(other)
        assert engine.run(other).state == STOPPED
        wait_for(lambda: engine.notices)
        assert "tcp://127.0.0.1:9 cannot be reached" in engine.notices[0]
    with pytest.raises(EngineError, match="closing"):
        engine.submit(spec(2), "ann")
    with Engine(tmp_path, scheduler="tcp://127.0.0.1:9") as engine:
        assert engine.run(run_id).state == INTERRUPTED


def test_without_a_history_the_lab_still_works(engine, tmp_path, wait_for) -> None:
    (tmp_path / "file").write_text("in the way")
    with Engine(tmp_path / "file", scheduler=client(engine).scheduler.address, train=fakes.plain_run) as forgetful:
        run_id = forgetful.submit(spec(0), "ann")
        run = wait_for(lambda: (r := forgetful.run(run_id)).ended and r)
        assert (run.state, len(run.rows)) == (DONE, 3)
        assert "L1DEMO_HOME" in forgetful.notices[0]
        assert [r.id for r in forgetful.history("ann")] == [run_id]


def test_a_full_disk_is_told_and_the_run_is_still_shown(engine, tmp_path, wait_for) -> None:
    with Engine(tmp_path, scheduler=client(engine).scheduler.address, train=fakes.plain_run) as full:
        writer = full._desk._store._database.writer
        writer.execute(f"PRAGMA max_page_count = {writer.execute('PRAGMA page_count').fetchone()[0]}")
        seed = 0
        while not (told := full.notices):
            seed += 1
            run_id = full.submit(spec(seed), "ann" * 500)
        assert "is full; free some space" in told[0]
        run = wait_for(lambda: (r := full.run(run_id)).ended and r)
        assert (run.state, len(run.rows), full.weights(run_id)) == (DONE, 3, b"plain")
        writer.execute("PRAGMA max_page_count = 1000000")
        later = full.submit(spec(seed + 1), "ann")
        wait_for(lambda: full.run(later).ended)
        assert full.notices == ()


def test_nothing_is_left_of_a_killed_server_but_its_history(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(link, "CONNECTING", 0.1)
    wanted = spec(fakes.NOISE, epochs=300)
    program = (
        "import sys, time, pathlib, fakes\nfrom l1demo.engine import Engine\nfrom l1demo.spec import RunSpec\n"
        "engine = Engine(pathlib.Path(sys.argv[1]), train=fakes.noise_run)\nengine.start()\n"
        "wanted = RunSpec.from_json(sys.argv[2])\nrun = engine.submit(wanted, 'ann')\n"
        "while len(engine.run(run).rows) < 3: time.sleep(0.01)\nassert 'torch' not in sys.modules\nprint('running', flush=True)\n"
        "time.sleep(600)"
    )
    server = subprocess.Popen(
        [sys.executable, "-c", program, str(tmp_path), wanted.to_json()], stdout=subprocess.PIPE, cwd=ROOT, text=True
    )
    assert server.stdout
    assert server.stdout.readline() == "running\n"
    family = psutil.Process(server.pid).children(recursive=True)
    assert len(family) >= 3
    server.kill()
    server.wait()
    _gone, alive = psutil.wait_procs(family, timeout=5)
    assert not alive
    server.stdout.close()
    with Engine(tmp_path, scheduler="tcp://127.0.0.1:9") as engine:
        run = engine.run(wanted.id)
        assert run.state == INTERRUPTED
        assert [row["epoch"] for row in run.rows] == list(range(1, len(run.rows) + 1))
        assert len(run.rows) >= 3


def test_the_process_has_one_engine(monkeypatch, tmp_path) -> None:
    monkeypatch.setattr(link, "CONNECTING", 0.1)
    monkeypatch.setenv("L1DEMO_HOME", str(tmp_path))
    monkeypatch.setenv("L1DEMO_SCHEDULER", "tcp://127.0.0.1:9")
    engines.use(None)
    mine = engines.current()
    try:
        assert engines.current() is mine
    finally:
        mine.close()
        engines.use(None)


def test_a_second_lab_on_the_same_folder_takes_nothing_from_the_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("L1DEMO_HOME", str(tmp_path))
    unfinished = (tmp_path / "scratch" / "job" / "half", tmp_path / "corpora" / ".half.part")
    with Engine(tmp_path):
        for file in unfinished:
            file.parent.mkdir(parents=True, exist_ok=True)
            file.touch()
        with Engine(tmp_path) as second:
            assert any("Another lab is using" in notice for notice in second.notices)
            assert all(file.exists() for file in unfinished)
    with Engine(tmp_path):
        assert not any(file.exists() for file in unfinished)
