"""How sure a fraction of right answers is. What is said of it is others'."""

import math

CERTAIN = 1.959964  # standard errors that hold 95 of 100 normal draws


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
