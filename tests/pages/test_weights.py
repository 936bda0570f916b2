"""Weights: heat maps of every matrix, the histogram of every epoch, and what is said while there is nothing to show."""

import fakes
from distributed import Queue

from l1demo.spec import RunSpec


def heat_maps(page) -> list[str]:
    return [key for key in (f"weights-lstm.weight_{kind}_l{layer}" for layer in (0, 1) for kind in ("ih", "hh")) if has(page, key)]


def has(page, key: str) -> bool:
    try:
        page.get_by_key(key)
    except KeyError:
        return False
    return True


def test_without_a_run_it_says_what_to_do(visit) -> None:
    page = visit("weights")
    assert not page.exception
    assert "Train a network first" in page.info[0].value


def test_a_run_s_matrices_are_drawn_for_each_layer(visit, engine, ended, charted) -> None:
    for layers in (1, 2):
        spec = RunSpec().with_values(seed=30, epochs=3, free_epochs=1, lam=3e-3, hidden=32, layers=layers)
        engine.submit(spec, "eve")
        run = ended(spec)
        page = visit("weights", run=spec.id)
        assert not page.exception and not page.error
        assert len(heat_maps(page)) == 2 * layers
        assert any(f"{layers} layer(s) of 32 units, seed 30" in caption.value for caption in page.caption)
        steps = charted(page, "weights-histogram")["steps"]  # of a slider that answers without the server
        assert [step["label"] for step in steps] == [str(row["epoch"]) for row in run.rows]
        dead = [each.value for each in page.metric if each.label == "dead units"]
        assert dead == [f"{sum(run.rows[-1]['dead_units'])} of {32 * layers}"]


def test_a_run_that_is_under_way_has_its_histogram_but_no_heat_maps_yet(visit, engine, wait_for, ended) -> None:
    spec = RunSpec().with_values(seed=fakes.PACED_NOISE + 30, epochs=2)
    engine.submit(spec, "eve")
    assert not visit("weights", run=spec.id).exception  # before the first epoch, too
    pace = Queue(f"pace-{spec.seed}", client=engine._connection.client)
    pace.put(1)
    wait_for(lambda: len(engine.run(spec.id).rows) == 1)
    page = visit("weights", run=spec.id)
    assert not page.exception
    assert has(page, "weights-histogram") and not heat_maps(page)
    assert "when the run has ended" in page.info[0].value
    pace.put(1)
    ended(spec)
    assert len(heat_maps(page.run())) == 2


def test_a_failed_run_has_nothing_to_draw(visit, engine, ended) -> None:
    spec = RunSpec().with_values(seed=fakes.REFUSING + 30)
    engine.submit(spec, "eve")
    ended(spec)
    page = visit("weights", run=spec.id)
    assert not page.exception and not heat_maps(page)


def test_an_unknown_run_is_told(visit) -> None:
    page = visit("weights", run="../../x")
    assert not page.exception
    assert "has not been made here" in page.warning[0].value
