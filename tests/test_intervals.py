"""Wilson's interval against its definition and its closed form at either end."""

import math

import pytest

from l1demo.intervals import wilson


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
