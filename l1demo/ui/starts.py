"""Which start comes next: for Start, Train, Overfit and Methods the first one that can be watched live."""

from collections.abc import Callable, Iterable

from l1demo.spec import RunSpec, SpecError
from l1demo.ui import state


def next_seed(describe: Callable[[int], Iterable[RunSpec]], after: int) -> int | None:
    """Return the first seed after another of which no run has ended: one under way is joined, since it is live for all who watch.

    Parameters
    ----------
    describe : callable
        Returns the runs of a seed; its SpecError says that there is no such seed.
    after : int
        The last seed that is already here.

    Returns
    -------
    int or None
        None, with a sentence on the page, where no seed is left.
    """
    seed = after + 1
    try:
        while any(run.ended for spec in describe(seed) if (run := state.find(spec.id))):
            seed += 1
    except SpecError as error:
        state.refuse(str(error))
        return None
    return seed
