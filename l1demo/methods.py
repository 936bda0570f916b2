"""The lesson on methods: one λ, one start and the same clips under seven methods, and what each one's numbers say.

Training is the engine's, drawing is ``methods_charts``'.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from l1demo.charts import percent
from l1demo.spec import RunSpec
from l1demo.store import Run
from l1demo.text import N_, _

LAMS = (1e-4, 3e-4, 1e-3, 3e-3, 1e-2)  # from hardly a zero to nearly all of them
# No augmentation, so that the objective is one function of the weights; 38 steps an epoch, so that a trace misses none of them.
LESSON = RunSpec().with_values(train_clips=600, augment=False, hidden=32, batch=16, epochs=20, free_epochs=2)
SGD_RATE = 1.0  # of 0.2, 0.5 and 1, the largest there is, the one with the least objective: docs/measurements.md


@dataclass(frozen=True)
class Method:
    """A way to bring λ to bear.

    Attributes
    ----------
    name : str
    penalty : str
        What it asks of the weights, as a formula.
    rule : str
        What it does in a step. Names and rules are English; translate with ``_`` where shown.
    settings : dict
        In what its description differs from the others'.
    """

    name: str
    penalty: str
    rule: str
    settings: Mapping[str, Any]


# What the rules say is checked in tests/test_penalties.py, tests/test_training.py and tests/test_methods.py.
METHODS: dict[str, Method] = {
    "loss": Method(
        N_("penalty in the loss"),
        "λΣ|w|",
        N_("Adam follows the slope of L + λΣ|w|. The pull λ·sign(w) is as strong beside 0 as far away, and changes sides there."),
        {"method": "subgradient"},
    ),
    "proximal": Method(
        N_("proximal Adam"),
        "λΣ|w|",
        N_(
            "After each of Adam's steps a soft threshold moves every weight towards 0, by λ times its own step size, and stops at "
            "0."
        ),
        {"method": "proximal"},
    ),
    "sgd": Method(
        N_("proximal SGD"),
        "λΣ|w|",
        N_("The same soft threshold after plain gradient steps, where all weights have one step size: the learning rate."),
        {"method": "sgd", "lr": SGD_RATE},
    ),
    "unscaled": Method(
        N_("unscaled threshold"),
        N_("not λΣ|w|"),
        N_("A threshold of λ times the learning rate after Adam's steps, although Adam gives each weight a step size of its own."),
        {"method": "unscaled"},
    ),
    "l2": Method(
        N_("L2 in the loss"),
        "λΣw²",
        N_("The pull is 2λw: it fades with the weight, and nothing is left of it at 0."),
        {"penalty": "l2", "method": "subgradient"},
    ),
    "decay": Method(
        N_("decoupled weight decay"),
        N_("decay by λ"),
        N_("Each step takes the share 2·lr·λ off every weight, past Adam: AdamW (Loshchilov & Hutter 2019)."),
        {"penalty": "l2", "method": "decoupled"},
    ),
    "group": Method(
        N_("group lasso on units"),
        "λΣ√n‖w‖",
        N_("Proximal Adam with one threshold for all n weights of a hidden unit: all of them are 0, or none (Yuan & Lin 2006)."),
        {"penalty": "group"},
    ),
}


def descriptions(lam: float, seed: int) -> dict[str, RunSpec]:
    """Return the seven runs, by the names of ``METHODS``: same λ, same start, same clips in the same order.

    Raises
    ------
    SpecError
        When λ or the seed is out of range.
    """
    return {key: LESSON.with_values(lam=lam, seed=seed, **method.settings) for key, method in METHODS.items()}


def table(runs: Mapping[str, Run]) -> list[dict[str, Any]]:
    """Return a row a method with the numbers of its newest epoch, None where there is none; the residual in units of λ."""
    rows = []
    for key, method in METHODS.items():
        run = runs.get(key)
        last = run.rows[-1] if run and run.rows else {}
        residual = None if key == "decay" else last.get("residual")  # decay by λ follows no objective, so has no optimum to be from
        rows.append(
            {
                "name": _(method.name),
                "penalty": _(method.penalty),
                "exact": last.get("exact_zero_fraction"),
                "near": last["near_zero_fraction"] - last["exact_zero_fraction"] if last else None,
                "norm": last.get("l1_norm"),
                "loss": last.get("train_loss"),
                "accuracy": last.get("val_accuracy"),
                "residual": residual / run.spec.lam if run and residual is not None else None,
            }
        )
    return rows


def findings(runs: Mapping[str, Run]) -> dict[str, str]:
    """Say of each method whose run is done what came of it, from its numbers and those it is to be compared with."""
    last = {key: run.rows[-1] for key, run in runs.items() if run.ended and run.rows and "residual" in run.rows[-1]}
    return {key: f"{_zeros(last[key])} {_compared(key, last)}".strip() for key in METHODS if key in last}


def telling(runs: Mapping[str, Run]) -> int:
    """Choose of the traced weights the one to look at, by the last epochs of two runs that are done; else the first.

    It rests longest at exactly 0 under proximal Adam, and of such the one nearest to 0 with the penalty in the loss.
    """
    pair = [runs.get(key) for key in ("proximal", "loss")]
    if not all(run and run.ended and run.rows for run in pair):
        return 0
    proximal, loss = (np.array(run.rows[-1]["trace"]) for run in pair if run)  # (steps, traced)
    rests, size = (proximal == 0).mean(0), np.abs(loss).mean(0)
    return int(np.lexsort((size, -rests))[0])


def _zeros(row: dict[str, Any]) -> str:
    if row["always"]:
        return _("It always says “{word}”: for this penalty λ is too large. {zeros} of its weights are exactly 0.").format(
            word=row["always"], zeros=percent(row["exact_zero_fraction"])
        )
    near = percent(row["near_zero_fraction"] - row["exact_zero_fraction"])
    if row["exact_zero_fraction"] == 0:
        return _("No weight is exactly 0; {near} are nearly 0.").format(near=near)
    return _("{zeros} of the weights are exactly 0, another {near} nearly 0.").format(
        zeros=percent(row["exact_zero_fraction"]), near=near
    )


def _compared(key: str, last: Mapping[str, dict[str, Any]]) -> str:
    row = last[key]
    if key == "group":
        return _("{gone} of {all} hidden units are cut off.").format(gone=sum(row["dead_units"]), all=sum(row["units"]))
    other = last.get("l2" if key == "decay" else "proximal")
    if key == "proximal" or other is None:
        return ""
    if key == "decay":
        return _("Σw² is {ours:.1f}; with L2 in the loss it is {theirs:.1f}.").format(
            ours=row["l2_norm_squared"], theirs=other["l2_norm_squared"]
        )
    if key in ("unscaled", "l2"):
        return _("‖W‖₁ is {ours:,.0f}; under proximal Adam it is {theirs:,.0f}.").format(
            ours=row["l1_norm"], theirs=other["l1_norm"]
        )
    return _("Its objective is {ours:.3f}; proximal Adam's is {theirs:.3f}.").format(
        ours=row["objective"], theirs=other["objective"]
    )
