"""Wilson's interval against its definition and its closed forms; means and their standard errors against NumPy's and the books'."""

import math

import numpy as np
import pytest

from l1demo import intervals
from l1demo.intervals import wilson

NAN = float("nan")


@pytest.mark.parametrize(("right", "n"), [(1, 10), (50, 100), (97, 100), (700, 755)])
@pytest.mark.parametrize("z", [1.0, 1.96, 3.0])
def test_the_ends_are_the_probabilities_that_lie_z_of_their_own_standard_errors_away(right: int, n: int, z: float) -> None:
    for end in wilson(right, n, z):
        assert abs(right / n - end) == pytest.approx(z * math.sqrt(end * (1 - end) / n), rel=1e-9)


@pytest.mark.parametrize("n", [1, 10, 755])
def test_none_and_all_have_the_closed_form(n: int) -> None:
    z = 1.96
    assert wilson(0, n, z) == pytest.approx((0.0, z * z / (n + z * z)), abs=1e-12)
    assert wilson(n, n, z) == pytest.approx((n / (n + z * z), 1.0), abs=1e-12)


def test_what_cannot_be_is_refused() -> None:
    for right, n in ((1, 0), (-1, 5), (6, 5)):
        with pytest.raises(ValueError, match="cannot be"):
            wilson(right, n)


def test_means_and_standard_errors_are_numpy_s_and_skip_what_is_not_there() -> None:
    values = np.random.default_rng(0).normal(size=(5, 7))
    assert intervals.mean(values) == pytest.approx(values.mean(0))
    assert intervals.standard_error(values) == pytest.approx(values.std(0, ddof=1) / np.sqrt(5))
    values[3:, 0], values[1:, 1], values[:, 2] = NAN, NAN, NAN
    assert intervals.mean(values)[:2] == pytest.approx([values[:3, 0].mean(), values[0, 1]])
    assert intervals.standard_error(values)[0] == pytest.approx(values[:3, 0].std(ddof=1) / np.sqrt(3))
    assert np.isnan(intervals.standard_error(values)[1:3]).all() and np.isnan(intervals.mean(values)[2])


def test_the_one_standard_error_rule_is_that_of_the_book() -> None:
    losses = np.array([[1.0, 0.6, 0.7, 0.9], [1.2, 0.8, 0.8, 1.1], [1.1, 0.7, 0.72, 1.3]])
    middle, error = losses.mean(0), losses.std(0, ddof=1) / np.sqrt(3)
    assert intervals.best(losses) == middle.argmin() == 1
    assert middle[2] <= middle[1] + error[1] < middle[3]
    assert intervals.within_one_error(losses) == 2
    assert intervals.within_one_error(np.vstack([losses[:, ::-1], losses[:, ::-1]])) == 2  # then λ of the best is the largest
    assert intervals.within_one_error(losses[:1]) is None and intervals.best(losses[:1]) == 1
    assert intervals.best(losses * NAN) is None and intervals.within_one_error(losses * NAN) is None


def test_a_lam_that_not_all_starts_have_reached_is_not_the_best_yet() -> None:
    losses = np.array([[1.0, 0.6, 0.1], [1.2, 0.8, NAN]])
    assert intervals.best(losses) == 1
    assert intervals.within_one_error(losses) == 1


def test_differences_are_taken_pair_by_pair() -> None:
    random = np.random.default_rng(1)
    start = random.normal(0, 5, (6, 1))  # a good start is good for both
    a, b = start + random.normal(0, 0.1, (6, 3)), start + random.normal(1, 0.1, (6, 3))
    gap, error = intervals.difference(a, b)
    assert gap == pytest.approx((a - b).mean(0)) and gap == pytest.approx(-1, abs=0.3)
    assert error == pytest.approx((a - b).std(0, ddof=1) / np.sqrt(6)) and (error < 0.2).all()
    assert intervals.standard_error(a).min() > 1


@pytest.mark.parametrize("count", [2, 3, 5, 10])
def test_chance_alone_seldom_means_something(count: int) -> None:
    draws = np.random.default_rng(2).normal(size=(20_000, count))
    found = np.mean([intervals.means_something(each) for each in draws])
    assert found == pytest.approx(0.05, abs=0.006)  # Student's t, of which the table is, has this by its definition
    assert np.mean([intervals.means_something(each) for each in draws[:200] + 20]) > 0.8
    assert not intervals.means_something(np.array([3.0]))
