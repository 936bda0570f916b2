"""What the page Payoff asks of a worker: a trained recogniser's bytes, its milliseconds, and what of a sound reaches it."""

from typing import Any


def payoff_sizes(data: bytes) -> dict[str, Any]:
    """Measure a trained recogniser's bytes in every form; see ``payoff.sizes``."""
    from l1demo import payoff

    return payoff.sizes(data)


def payoff_timing(data: bytes, sound: bytes) -> dict[str, Any]:
    """Measure how long a clip takes each way; see ``payoff.timing``."""
    from l1demo import payoff

    return payoff.timing(data, sound)


def payoff_timing_of_pair(l1: bytes, group: bytes, sound: bytes) -> dict[str, Any]:
    """Measure how long a clip takes two cut recognisers; see ``payoff.timing_of_pair``."""
    from l1demo import payoff

    return payoff.timing_of_pair(l1, group, sound)


def payoff_hearing(data: bytes, sound: bytes) -> dict[str, Any]:
    """Compute which mel bands reach a recogniser, and the clip through only those; see ``payoff.hearing``."""
    from l1demo import payoff

    return payoff.hearing(data, sound)
