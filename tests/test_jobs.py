"""Jobs on a real worker: what they tell, what comes of them, and what is said of one that fails or is cancelled."""

from collections.abc import Callable
from typing import Any

import fakes
import pytest

from l1demo import LabError, cluster
from l1demo.corpora import CorpusError
from l1demo.engine import Engine
from l1demo.jobs import MOST, Job


@pytest.fixture
def ended(engine: Engine, wait_for: Callable[..., Any]) -> Callable[[str], Job]:
    return lambda job_id: wait_for(lambda: (job := engine.job(job_id)) and job.ended and job)


def test_a_job_tells_how_far_it_is_and_what_came_of_it(engine: Engine, ended, wait_for, tmp_path) -> None:
    go = tmp_path / "go"
    job_id = engine.begin(fakes.waiting_job, str(go), session="ann", title="Wait", then=lambda result: result * 2)
    job = wait_for(lambda: (job := engine.job(job_id)) and job.state == "running" and job)
    assert (job.title, job.fraction, job.text) == ("Wait", 0.5, "waiting")
    go.touch()
    assert (ended(job_id).state, ended(job_id).result) == ("done", 42)
    assert job_id in [job.id for job in engine.jobs("ann")]
    assert engine.jobs("ben") == []


def test_a_job_that_is_cancelled_ends(engine: Engine, ended, wait_for, tmp_path) -> None:
    never = str(tmp_path / "never")
    jobs = [engine.begin(fakes.waiting_job, never, session="ann", title="Wait") for _each in range(cluster.JOBS + 1)]
    *begun, waiting = jobs
    wait_for(lambda: all(engine.job(each).state == "running" for each in begun))
    engine.cancel(waiting)
    assert engine.job(waiting).state == "cancelled"  # at once, though nobody has begun it
    for job_id in (*begun, begun[0]):
        engine.cancel(job_id)
    assert {ended(each).state for each in jobs} == {"cancelled"}
    engine.cancel(begun[0])
    assert engine.job(begun[0]).state == "cancelled"


def test_a_session_has_so_many_jobs_under_way_and_no_more(engine: Engine, ended, tmp_path) -> None:
    go = tmp_path / "go"
    jobs = [engine.begin(fakes.waiting_job, str(go), session="zoe", title="Wait") for _each in range(MOST)]
    with pytest.raises(LabError, match=f"{MOST} things are under way"):
        engine.begin(fakes.waiting_job, str(go), session="zoe", title="Wait")
    go.touch()
    assert {ended(each).state for each in jobs} == {"done"}
    assert ended(engine.begin(fakes.waiting_job, str(go), session="zoe", title="Wait")).state == "done"


def test_what_fails_unexpectedly_with_a_result_fails_the_job(engine: Engine, ended, tmp_path) -> None:
    (tmp_path / "go").touch()
    job = ended(
        engine.begin(fakes.waiting_job, str(tmp_path / "go"), session="ann", title="Wait", then=lambda result: result["no"])
    )
    assert job.state == "failed" and "error in the program" in job.text


def test_nothing_unfinished_is_left_however_a_job_ends(engine: Engine, ended, wait_for, tmp_path) -> None:
    (tmp_path / "go").touch()
    for function, args in ((fakes.waiting_job, (str(tmp_path / "go"),)), (fakes.refusing_job, ()), (fakes.dying_job, ())):
        job = ended(engine.begin(function, *args, session="ann", title="Leave a file"))
        assert job.state in ("done", "failed")
        assert not (engine._jobs.scratch / job.id).exists()
    assert engine._jobs.scratch.is_dir()  # where they were


def test_a_failure_is_told_in_its_own_sentence(engine: Engine, ended) -> None:
    refused = ended(engine.begin(fakes.refusing_job, session="ann", title="Refuse"))
    assert (refused.state, refused.text) == ("failed", "There are no bananas; bring some.")
    crashed = ended(engine.begin(fakes.crashing_job, session="ann", title="Crash"))
    assert crashed.state == "failed"
    assert "error in the program" in crashed.text


def test_what_the_server_refuses_of_a_result_fails_the_job(engine: Engine, ended, tmp_path) -> None:
    def then(_result: Any) -> None:
        raise CorpusError("There is no room for it.")

    (tmp_path / "go").touch()
    job = ended(engine.begin(fakes.waiting_job, str(tmp_path / "go"), session="ann", title="Wait", then=then))
    assert (job.state, job.text) == ("failed", "There is no room for it.")


def test_a_worker_that_dies_fails_its_job_alone(engine: Engine, ended, tmp_path) -> None:
    lost = engine.begin(fakes.dying_job, session="ann", title="Die")
    assert ended(lost).state == "failed"
    assert "Begin it again" in ended(lost).text
    (tmp_path / "go").touch()
    after = engine.begin(fakes.waiting_job, str(tmp_path / "go"), session="ann", title="Wait")
    assert ended(after).state == "done"


def test_a_job_does_not_wait_behind_short_calls(engine: Engine, ended, tmp_path) -> None:
    go = tmp_path / "go"
    job_id = engine.begin(fakes.waiting_job, str(go), session="ann", title="Wait")
    assert engine.call(fakes.plain_value, 3) == 3
    go.touch()
    assert ended(job_id).state == "done"


def test_a_file_for_a_job_is_there_while_it_lasts(engine: Engine, ended, wait_for, tmp_path) -> None:
    left = set(engine._jobs.scratch.glob("*"))
    go = str(tmp_path / "go")
    read, *others, waiting = (
        engine.begin(fakes.reading_job, go, session="ann", title="Read", file=("../../mine: é.zip", b"recordings"))
        for _each in range(cluster.JOBS + 1)
    )
    wait_for(lambda: all(engine.job(each).state == "running" for each in (read, *others)))
    engine.cancel(waiting)  # before it has begun
    (tmp_path / "go").touch()
    assert ended(waiting).state == "cancelled"
    assert {ended(each).result for each in (read, *others)} == {("_.._mine__é.zip", b"recordings")}
    wait_for(lambda: set(engine._jobs.scratch.glob("*")) == left)
