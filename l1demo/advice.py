"""Warnings that teach: what a run's own numbers say about its λ, its learning and its validation.

Each is a sentence with its numbers; where it is shown is the pages'.
"""

import math
from dataclasses import dataclass
from typing import Any

from l1demo.charts import percent
from l1demo.intervals import wilson
from l1demo.spec import RunSpec
from l1demo.store import FAILED, Run
from l1demo.text import _

NEAR = 0.02  # a loss this close to that of guessing, in parts of it, is the same to a listener
MOST = 0.5  # of the weights
TELLING = 0.06  # lessons speak of differences of accuracy like this: where chance alone makes larger ones, it is said
FAINT = 0.02  # losses of guessing that the first weights cost: below, hardly a weight becomes 0 (docs/measurements.md)


@dataclass(frozen=True)
class Advice:
    """A warning: its ``kind`` is ``failed`` (as by divergence), ``collapse``, ``little``, ``few`` or ``lam``."""

    kind: str
    sentence: str


def sentences(run: Run, guessing: float | None, validation_clips: int | None) -> tuple[Advice, ...]:
    """Say what is wrong with a run, or with what can be learned from it; usually nothing.

    Parameters
    ----------
    run : Run
    guessing : float or None
        The loss of guessing, in the run's own loss; None where it is not known.
    validation_clips : int or None
        How many clips the run is validated on; None where it is not known.
    """
    if run.state == FAILED:
        return (Advice("failed", run.error),)
    if not run.rows:
        return ()
    if guessing is not None and deaf(run, guessing):
        return (Advice("collapse", _collapse(run, guessing)),)
    if guessing is not None and _penalised(run) and _ended_at(run, guessing):
        return (Advice("little", _little(run, guessing)),)
    few = _few(run.rows[-1]["val_accuracy"], validation_clips) if validation_clips else ""
    return (Advice("few", few),) if few else ()


def of_lam(spec: RunSpec, norm: float, guessing: float, collapse: float) -> tuple[Advice, ...]:
    """Say before training that λ lies where there is little to see.

    Parameters
    ----------
    spec : RunSpec
    norm : float
        ‖W₀‖₁ of the first weights.
    guessing : float
        The loss of guessing.
    collapse : float
        How many losses of guessing the first weights cost where runs begin to collapse.
    """
    share = spec.lam * norm / guessing
    if spec.penalty.kind != "l1" or spec.lam == 0 or FAINT <= share < collapse:
        return ()
    if share < FAINT:
        sentence = _(
            "λ = {lam:g} is hardly felt: at the start λ·‖W₀‖₁ = {price:.3f}, beside a loss of guessing of {guessing:.3f}. "
            "Try ten times as much."
        )
    else:
        sentence = _(
            "λ = {lam:g} is likely too large: at the start λ·‖W₀‖₁ = {price:.1f}, {share:.0f} times the loss of guessing, "
            "{guessing:.3f}. Giving up all weights is then the cheapest, and the network hears nothing. Try a tenth."
        )
    return (Advice("lam", sentence.format(lam=spec.lam, price=spec.lam * norm, share=share, guessing=guessing)),)


def deaf(run: Run, guessing: float) -> bool:
    """Whether the penalty made the network give up.

    No path from sound to word is left; or it ended where guessing is as good, and most weights are exactly 0 or one word is its
    answer to every clip. A short run that ended there with its weights has only learned little.
    """
    if not _penalised(run):
        return False
    last = run.rows[-1]
    cut = any(dead == units for dead, units in zip(last["dead_units"], last["units"], strict=True))
    gone = last["exact_zero_fraction"] > MOST or last.get("always", "") != ""
    return cut or (gone and _ended_at(run, guessing))


def price_of_guessing(run: Run, guessing: float) -> str:
    """Write the loss of guessing, as ln C where the C words are about equally frequent."""
    words = round(math.exp(min(guessing, 20.0)))
    if run.spec.training.loss == "ce" and abs(math.log(words) - guessing) < 1e-3:
        return f"ln {words} = {math.log(words):.3f}"
    return f"{guessing:.3f}"


def _penalised(run: Run) -> bool:
    last = run.rows[-1]
    return last.get("lam", run.spec.lam) > 0 and last["penalised"]


def _ended_at(run: Run, guessing: float) -> bool:
    last = run.rows[-1]
    return run.ended and all(abs(last[name] - guessing) < NEAR * guessing for name in ("train_loss", "val_loss"))


def _little(run: Run, guessing: float) -> str:
    return _(
        "It has learned hardly anything yet: its loss is {loss:.3f}, and guessing costs {guessing}. "
        "Give it more epochs, or a larger learning rate."
    ).format(loss=run.rows[-1]["val_loss"], guessing=price_of_guessing(run, guessing))


def _collapse(run: Run, guessing: float) -> str:
    last: dict[str, Any] = run.rows[-1]
    values = {"loss": last["val_loss"], "guessing": price_of_guessing(run, guessing), "lam": last.get("lam", run.spec.lam)}
    if word := last.get("always", ""):
        return _(
            "It always says “{word}”: its loss is {loss:.3f}, and guessing costs {guessing}. λ = {lam:g} is too large; "
            "giving up all weights is cheaper than hearing."
        ).format(word=word, **values)
    return _(
        "It has gone deaf: its loss is {loss:.3f}, and guessing costs {guessing}. λ = {lam:g} is too large; "
        "giving up all weights is cheaper than hearing."
    ).format(**values)


def _few(accuracy: float, clips: int) -> str:
    low, high = wilson(accuracy * clips, clips, 1.0)
    chance = (
        2 * math.sqrt(2) * (high - low) / 2
    )  # two standard errors of a difference of two such runs (Dietterich 1998, section 3.2)
    if chance <= TELLING:
        return ""
    return _(
        "It is validated on {clips} clips, so its accuracy of {accuracy} is known to ± {error:.1f} points (one standard error). "
        "Two runs that differ by less than {chance:.0f} points may differ by chance alone."
    ).format(clips=clips, accuracy=percent(accuracy), error=50 * (high - low), chance=math.ceil(100 * chance))
