import numpy as np
import pytest

from l1demo import film


def test_levels_are_zero_where_and_only_where_a_weight_is_exactly_zero() -> None:
    w = np.array([[0.0, -0.0, 1e-12, -1e-12], [0.25, -0.5, 7.0, -7.0]], np.float32)
    levels = film.unpack(film.frame({"w": w}))["w"]
    assert levels.dtype == np.int8
    assert levels.tolist() == [[0, 0, 1, -1], [64, -127, 127, -127]]


def test_levels_lie_within_half_a_level_of_the_weights() -> None:
    w = np.random.default_rng(0).uniform(-film.FULL, film.FULL, (64, 40)).astype(np.float32)
    levels = film.unpack(film.frame({"w": w}))["w"]
    far = np.abs(levels * film.FULL / film.LEVELS - w)
    assert far.max() <= film.FULL / film.LEVELS  # of the smallest weights, which may not become 0
    assert far[np.abs(levels) > 1].max() <= 0.5 * film.FULL / film.LEVELS + 1e-7


def test_a_frame_holds_every_matrix_by_its_name() -> None:
    matrices = {"lstm.weight_ih_l0": np.ones((8, 3)), "out.weight": np.zeros((2, 2)), "lstm.weight_hh_l0": -np.ones((8, 2))}
    levels = film.unpack(film.frame(matrices))
    assert {name: (w.shape, int(w[0, 0])) for name, w in levels.items()} == {
        "lstm.weight_ih_l0": ((8, 3), 127),
        "out.weight": ((2, 2), 0),
        "lstm.weight_hh_l0": ((8, 2), -127),
    }


@pytest.mark.parametrize(("last", "size"), [(1, 100), (12, 27_264), (60, 27_264), (300, 27_264), (80, 920_000), (300, 10**8)])
def test_a_film_is_short_even_and_shows_the_end(last: int, size: int) -> None:
    chosen = sorted(film.epochs(last, size))
    assert chosen[-1] == last
    assert chosen[0] >= 1
    assert len(chosen) <= film.FRAMES
    assert len(chosen) == 1 or len(chosen) * size <= film.ROOM
    gaps = np.diff([0, *chosen])
    assert gaps.max() - gaps.min() <= 1
    if last <= film.FRAMES and last * size <= film.ROOM:
        assert chosen == list(range(1, last + 1))
