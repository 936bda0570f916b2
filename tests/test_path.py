"""A λ path's description and what its rows say, against NumPy, closed forms and hand-made rows."""

import dataclasses
import lzma
from typing import Any

import numpy as np
import pytest
import torch
from torch.nn import functional

from l1demo import checkpoint, model, path, path_weights, paths, sparsity, training, weights
from l1demo.commands import settings
from l1demo.features import Frames
from l1demo.path import Plan
from l1demo.spec import RunSpec, SpecError

SMALL = RunSpec().with_values(hidden=16, mels=20, epochs=4, augment=False)
LAMS = (1e-3, 1e-2, 1e-1)
NAN = float("nan")


def row(loss: float, zeros: float = 0.0, **more: float) -> dict:
    return {"train_loss": loss / 2, "val_loss": loss, "train_accuracy": 1.0, "val_accuracy": 1 - loss / 10} | {
        "exact_zero_fraction": zeros, "l1_norm": 100 * (1 - zeros), "dead_units": [int(16 * zeros)], **more,
    }  # fmt: skip


def gathered(losses: list[list[float]]) -> path.Path:
    lams = [0.0, *LAMS][: len(losses[0])]
    return path.gather(lams, [[(lam, row(loss)) for lam, loss in zip(lams, run, strict=True)] for run in losses], 1000)


def trained(spec: RunSpec) -> tuple[list[dict], bytes]:
    generator = torch.Generator().manual_seed(spec.seed)
    frames = Frames(torch.randn(12, 10, spec.features.n_mels, generator=generator), torch.full((12,), 10), torch.arange(12) % 2)
    state = checkpoint.begin(spec, 2)
    rows = list(training.train(spec, training.Dataset(frames, frames, ("no", "yes")), state))
    return rows, weights.dump(state.model, spec, ("no", "yes"), state.stops)


def test_a_path_is_one_run_that_begins_without_penalty_and_raises_lam_at_its_stops() -> None:
    spec = path.describe(SMALL.with_values(lam=0.5, free_epochs=3), LAMS, each=2)
    assert [spec.lam_at(epoch) for epoch in range(1, 11)] == [0, 0, 0, 0, 1e-3, 1e-3, 1e-2, 1e-2, 1e-1, 1e-1]
    assert spec.training.epochs == 10 and spec.training.fall == "each" and spec.penalty.free_epochs == 0
    assert path.lams_of(spec) == (0.0, *LAMS)
    assert path.ends_of(spec) == (4, 6, 8, 10)
    assert path.describe(SMALL, LAMS).id == path.describe(SMALL.with_values(lam=1.0, free_epochs=1), LAMS).id
    assert path.describe(SMALL.with_values(penalty="none"), LAMS).penalty.kind == "l1"


def test_a_warm_started_lam_has_two_fifths_of_a_cold_run_s_epochs_while_there_is_room() -> None:
    assert path.describe(SMALL.with_values(epochs=20), LAMS).training.epochs == 20 + 3 * 8
    assert path.describe(SMALL.with_values(epochs=280), LAMS).training.epochs == 280 + 3 * 6
    with pytest.raises(SpecError, match="epochs is 303"):
        path.describe(SMALL.with_values(epochs=300), LAMS)


@pytest.mark.parametrize("lams", [(), (0.0, 1.0), (1e-2, 1e-3), (1e-3, 1e-3), (-1e-3, 1e-3)])
def test_a_path_leads_from_dense_to_sparse_alone(lams: tuple[float, ...]) -> None:
    with pytest.raises(SpecError, match="must rise, and begin above 0"):
        path.describe(SMALL, lams)


@pytest.mark.parametrize("settings", [{}, {"hidden": 128}, {"layers": 2}, {"mels": 80, "penalty": "l2"}, {"penalty": "group"}])
def test_lam_ref_makes_the_first_weights_cost_as_much_as_guessing_or_with_group_lasso_a_little_more(settings: dict) -> None:
    spec = RunSpec().with_values(**settings)
    assert path.weights_of(spec, 10) == sum(w.numel() for w in model.build(spec, 10).weights().values())
    cost = path.reference(spec, 10) * training.initial_norm(spec, 10)
    more = 2 / np.sqrt(3) if spec.penalty.kind == "group" else 1  # √E[u²] / E|u| of u drawn evenly from ±1
    assert cost == pytest.approx(more * np.log(10), rel=0.02)


@pytest.mark.parametrize("loss", ["ce", "bce", "mse"])
def test_the_loss_of_guessing_is_that_of_a_deaf_machine(loss: str) -> None:
    frequency = torch.full((10, 10), 0.1)
    logits = torch.logit(frequency) if loss == "bce" else frequency.log()
    measured = training.data_loss(RunSpec().with_values(loss=loss))(logits, torch.arange(10)).item()
    assert path.guessing(loss, 10) == pytest.approx(measured, rel=1e-5)


def test_a_path_is_told_from_runs_whose_lam_was_changed_by_hand() -> None:
    along = path.describe(SMALL, LAMS)
    assert path.is_path(along)
    changed = along.with_values(lam_changes=f"{along.penalty.changes} {along.training.epochs}:0.001")
    for other in (SMALL, changed, SMALL.with_values(lr_falls="each", lam=0.0), along.with_values(lam=0.0001)):
        assert not path.is_path(other)
    assert path.is_path(path.describe(SMALL.with_values(penalty="none", method="decoupled"), LAMS))


def test_stops_are_evenly_spaced_on_a_log_scale() -> None:
    for count in (12, 16, 20):
        lams = path.stops(RunSpec(), 10, count)
        assert len(lams) == count and path.describe(RunSpec(), lams)
        steps = np.diff(np.log(lams))
        assert steps == pytest.approx(np.log(path.LAST / path.FIRST) / (count - 1), abs=0.06)  # λ has two digits
        assert lams[0] / path.reference(RunSpec(), 10) == pytest.approx(path.FIRST, rel=0.06)


@pytest.mark.parametrize("words", [2, 3, 10])
def test_lam_max_is_the_largest_gradient_that_any_hidden_states_give_a_last_layer_that_guesses(words: int) -> None:
    labels = torch.arange(words).repeat(20)
    largest = 0.0
    for hidden in (torch.rand(len(labels), 7) * 2 - 1, torch.where(labels == 0, 1.0, -1.0)[:, None]):
        out = torch.zeros(words, hidden.shape[1], requires_grad=True)
        functional.cross_entropy(hidden @ out.T, labels).backward()
        largest = max(largest, out.grad.abs().max().item())
        assert largest <= path.lam_max(words) * (1 + 1e-5)
    assert largest == pytest.approx(path.lam_max(words), rel=1e-5)


@pytest.mark.parametrize(("settings", "words"), [({}, 2), ({"hidden": 256}, 10), ({"penalty": "none"}, 3)])
def test_stops_reach_collapse_where_words_are_few_or_units_many(settings: dict[str, Any], words: int) -> None:
    spec = RunSpec().with_values(**settings)
    assert path.stops(spec, words)[-1] == pytest.approx(path.OF_LAM_MAX * path.lam_max(words), rel=0.05)
    assert path.stops(spec, words)[0] == pytest.approx(path.FIRST * path.reference(spec, words), rel=0.05)


def test_many_stops_have_as_many_digits_as_tell_them_apart() -> None:
    lams = path.stops(RunSpec(), 10, 200)
    assert len(lams) == len(set(lams)) == 200 and path.describe(RunSpec(), lams)
    assert np.diff(np.log(lams)) == pytest.approx(np.log(path.LAST / path.FIRST) / 199, abs=0.011)  # λ has three digits


def test_a_plan_differs_in_seed_and_held_out_speaker_alone_and_its_cold_starts_are_usual_runs() -> None:
    plan = Plan(SMALL.with_values(seed=5), LAMS, 2, ("ann", "bob"))
    assert [(spec.corpus.hold_out, spec.seed) for spec in plan.paths] == [("ann", 5), ("ann", 6), ("bob", 5), ("bob", 6)]
    assert {spec.with_values(seed=0, hold_out="") for spec in plan.paths} == {path.describe(SMALL, LAMS)}
    assert len(plan.cold) == 4
    assert plan.cold[0][1] == SMALL.with_values(lam=0.0, seed=6, hold_out="ann")
    assert plan.cold[2][2] == SMALL.with_values(lam=1e-2, seed=5, hold_out="bob")


def test_runs_that_differ_in_lam_seed_and_epochs_alone_land_on_a_path() -> None:
    spec = path.describe(SMALL, LAMS)
    assert path.lands(SMALL.with_values(lam=0.7, seed=3, epochs=50, free_epochs=0), spec)
    assert path.lands(SMALL.with_values(penalty="none"), spec)
    assert path.lands(SMALL.with_values(lam=0.0, penalty="l2"), spec)
    assert not path.lands(spec, spec)
    for other in ({"hidden": 17}, {"penalty": "l2"}, {"method": "subgradient"}, {"train_clips": 9}, {"lr": 0.1}):
        assert not path.lands(SMALL.with_values(lam=0.7, **other), spec)


def test_the_rows_at_the_end_of_each_lam_are_the_path_s() -> None:
    spec = path.describe(SMALL, LAMS, each=2)
    rows = [row(float(epoch), epoch=epoch) for epoch in range(1, 11)]
    assert [(lam, found["epoch"]) for lam, found in path.at_stops(spec, rows)] == [(0, 4), (1e-3, 6), (1e-2, 8), (1e-1, 10)]
    assert [found["epoch"] for _lam, found in path.at_stops(spec, rows[:7])] == [4, 6]
    assert path.at_stops(spec, rows[:3]) == []
    dead = [*rows[:5], row(2.3, zeros=1.0, epoch=6)]
    assert [found["epoch"] for _lam, found in path.at_stops(spec, dead)] == [4, 6, 6, 6]


def test_a_table_of_paths_has_their_numbers_and_gaps_where_there_are_none_yet() -> None:
    lams = (0.0, *LAMS)
    table = path.gather(lams, [[(0.0, row(2.0)), (1e-2, row(1.0, zeros=0.5))], []], 1000)
    assert np.array_equal(table.val_loss, [[2, NAN, 1, NAN], [NAN] * 4], equal_nan=True)
    assert np.array_equal(table.zeros[0], [0, NAN, 0.5, NAN], equal_nan=True)
    assert np.array_equal(table.norm[0], [100, NAN, 50, NAN], equal_nan=True)
    assert np.array_equal(table.dead[0], [0, NAN, 8, NAN], equal_nan=True)
    assert table.paths == 1
    half = table.until(2)
    assert half.lams.tolist() == [0, 1e-3] and half.val_loss.shape == (2, 2) and half.weights == 1000
    assert {f.name for f in dataclasses.fields(half)} == set(vars(table))


def test_what_the_weights_look_like_is_what_sparsity_counts_in_them() -> None:
    spec = path.describe(SMALL, (1e-2, 0.1, 0.5, 5.0, 10.0), each=3)
    rows, blob = trained(spec)
    stops = path_weights.read(blob)
    assert rows[-1]["exact_zero_fraction"] == 1 and len(stops) < 6, "it should end at collapse"
    all_stops = path_weights.stay_at_zero(stops, 6)
    assert len(all_stops) == 6 and not any(w.any() for w in all_stops[-1].values())
    counts, dead = path_weights.histograms(stops), path_weights.dead_units(stops)
    for stop, (_lam, at_end) in enumerate(path.at_stops(spec, rows)[: len(stops)]):
        recogniser, _spec, _words = weights.load(blob, stop)
        expected = np.sum([matrix["histogram"] for matrix in sparsity.describe(recogniser)["matrices"].values()], 0)
        assert np.abs(counts[stop] - expected).sum() <= 2  # float64 edges of bins against float32
        assert dead[0][stop].sum() == at_end["dead_units"][0]
        assert np.array_equal(dead[0][stop], ~sparsity.alive_units(recogniser)[0].numpy())
        gates = [gate["l1"] for m in at_end["matrices"].values() for gate in m["gates"].values()]
        assert path_weights.gate_norms(stops)[stop] == pytest.approx(gates, rel=1e-4, abs=1e-6)
        levels = path_weights.levels(stops, "lstm.weight_hh_l0")[stop]
        assert np.array_equal(levels == 0, recogniser.weights()["lstm.weight_hh_l0"].detach().numpy() == 0)
    assert path_weights.gate_names(stops[0])[0] == ("lstm.weight_ih_l0", 0) and len(path_weights.gate_names(stops[0])) == 9


def test_single_weights_are_followed_from_the_largest_to_the_smallest() -> None:
    random = np.random.default_rng(0)
    first = {"lstm.weight_ih_l0": random.normal(size=(8, 5)).astype(np.float32), "out.weight": np.ones((2, 2), np.float32) * 9}
    stops = [first, {name: w / 2 for name, w in first.items()}]
    followed = path_weights.singles(stops, 10)
    assert followed.shape[0] == 2 and 8 <= followed.shape[1] <= 10
    sizes = np.abs(followed[0])
    assert sizes[0] == 9 and (np.diff(sizes) <= 0).all() and sizes[-1] == np.abs(first["lstm.weight_ih_l0"]).min()
    assert np.array_equal(followed[1], followed[0] / 2)


def test_a_kept_path_comes_back_with_its_numbers_and_weights() -> None:
    spec = path.describe(SMALL, LAMS, each=2)
    made = [trained(spec.with_values(seed=seed)) for seed in (0, 1)]
    specs = [spec, spec.with_values(seed=1)]
    data = paths.pack(specs, [rows for rows, _blob in made], 12, made[0][1])
    assert data == paths.pack(specs, [rows for rows, _blob in made], 12, made[0][1])
    kept = paths.unpack(data)
    assert kept.specs == tuple(specs) and kept.words == ("no", "yes") and kept.clips == 12
    for rows, (full, _blob) in zip(kept.rows, made, strict=True):
        assert [r["epoch"] for r in rows] == list(range(1, 11))
        assert [r["val_loss"] for r in rows] == pytest.approx([r["val_loss"] for r in full], abs=1e-6)
        assert set(rows[0]) == set(paths.KEPT)
    for half, whole in zip(path_weights.read(kept.weights), path_weights.read(made[0][1]), strict=True):
        for name in whole:
            assert half[name] == pytest.approx(whole[name], rel=1e-3, abs=1e-7)
    assert weights.load(kept.weights, 3)[1] == spec  # workers read it as any other


def test_the_shipped_path_is_small_and_begins_as_training_does_now() -> None:
    assert paths.SHIPPED.stat().st_size < 2**20
    kept = paths.shipped()
    spec = kept.specs[0]
    assert kept.specs == Plan(RunSpec(), path.stops(RunSpec(), len(kept.words)), 3).paths, "the command in paths makes another now"
    data = settings.dataset_of(spec)
    assert kept.words == data.words and kept.clips == len(data.validation)
    for expected, now in zip(kept.rows[0][:3], training.train(spec, data), strict=False):
        for name in ("train_loss", "val_loss", "l1_norm"):
            assert now[name] == pytest.approx(expected[name], rel=0.02), name  # processors sum in other orders
    stops = path_weights.read(kept.weights)
    for (lam, at_end), weights_there in zip(path.at_stops(spec, kept.rows[0]), stops, strict=False):
        norm = sum(np.abs(w).sum(dtype=float) for w in weights_there.values())
        assert norm == pytest.approx(at_end["l1_norm"], rel=1e-3, abs=1e-3), lam


@pytest.mark.parametrize("data", [b"", b"no path", lzma.compress(b"no path"), lzma.compress(b"\xff" * 100)])
def test_what_is_no_path_is_told(data: bytes) -> None:
    with pytest.raises(paths.PathError, match="not a λ path"):
        paths.unpack(data)
