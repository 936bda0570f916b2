"""How sure a number is: a fraction of right answers, a mean over several starts. What is said of it is others'."""

import math

import numpy as np

CERTAIN = 1.959964  # standard errors that hold 95 of 100 normal draws
T_95 = (12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262)  # Student's t, two-sided, 1 to 9 degrees of freedom


def wilson(right: float, n: int, z: float = CERTAIN) -> tuple[float, float]:
    """Return Wilson's score interval for a probability of which ``right`` of ``n`` trials were seen.

    It holds the probabilities p whose own standard error √(p(1 − p)/n) puts the seen fraction within z of them, so it never leaves
    0 to 1 and is not empty at either end.

    Parameters
    ----------
    right : float
        Trials that succeeded; a fraction times ``n`` will do.
    n : int
        All trials, at least 1.
    z : float
        Standard errors to either side.

    Returns
    -------
    tuple of float

    Raises
    ------
    ValueError
        When ``n`` is not positive, or ``right`` is not from 0 to ``n``.

    References
    ----------
    E. B. Wilson, "Probable inference, the law of succession, and statistical inference", Journal of the American Statistical
    Association 22 (1927), pp. 209–212.
    """
    if n < 1 or not 0 <= right <= n:
        raise ValueError(f"{right} of {n} trials cannot be")
    p, share = right / n, z * z / n
    middle = (p + share / 2) / (1 + share)
    half = z / (1 + share) * math.sqrt(p * (1 - p) / n + share / (4 * n))
    return max(0.0, middle - half), min(1.0, middle + half)


def mean(values: np.ndarray) -> np.ndarray:
    """Return the mean (S,) of values (K, S) over the rows that are there; NaN where none is."""
    there = np.isfinite(values)
    return np.divide(np.where(there, values, 0).sum(0), there.sum(0), out=np.full(values.shape[1], np.nan), where=there.any(0))


def standard_error(values: np.ndarray) -> np.ndarray:
    """Return the standard error (S,) of the mean of values (K, S); NaN where fewer than two are there."""
    there = np.isfinite(values)
    count = there.sum(0)
    squares = np.where(there, values - mean(values), 0) ** 2
    return np.sqrt(np.divide(squares.sum(0), count * (count - 1), out=np.full(len(count), np.nan), where=count > 1))


def best(loss: np.ndarray) -> int | None:
    """Return the column of the least mean of a loss (K, S), among those in which every row is there; None where there is none."""
    middle = np.where(np.isfinite(loss).all(0), mean(loss), np.nan)
    return None if np.isnan(middle).all() else int(np.nanargmin(middle))


def within_one_error(loss: np.ndarray) -> int | None:
    """Return the last column whose mean loss is within one standard error of the best, for λ that rise; None without an error.

    glmnet's ``lambda.1se``.

    References
    ----------
    T. Hastie, R. Tibshirani and J. Friedman, "The elements of statistical learning", 2nd edition, Springer 2009, section 7.10.
    """
    least = best(loss)
    if least is None or np.isnan(error := standard_error(loss)[least]):
        return None
    middle = np.where(np.isfinite(loss).all(0), mean(loss), np.inf)
    return int(np.flatnonzero(middle <= middle[least] + error).max())


def difference(a: np.ndarray, b: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the mean (S,) of a - b, pair by pair, and its standard error, for values (K, S) of the same starts."""
    return mean(a - b), standard_error(a - b)


def means_something(differences: np.ndarray) -> bool:
    """Say whether the mean of paired differences (K,) is away from 0 by Student's t test at the 5 % level; one pair never is."""
    if len(differences) < 2:
        return False
    bound = T_95[min(len(differences) - 2, len(T_95) - 1)]  # a little too strict for more than ten pairs
    return bool(abs(differences.mean()) > bound * standard_error(differences[:, None])[0])
