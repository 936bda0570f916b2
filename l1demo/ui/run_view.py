"""A run as it lives: progress, the formula with this epoch's numbers, losses, accuracy and weights. Train and Start share it."""

from collections.abc import Callable, Sequence
from typing import Any

import streamlit as st

from l1demo import charts
from l1demo.advice import of_lam, sentences
from l1demo.spec import RunSpec
from l1demo.store import DONE, FAILED, INTERRUPTED, PAUSED, QUEUED, RUNNING, STOPPED, Run
from l1demo.text import _
from l1demo.ui import controls, live, state

READOUT, WIDE = 96, 128  # pixels: four stand beside each other in half a screen, two on a phone; a wide one holds “512 of 512”
SUMMANDS = {"l2": "w^2", "group": r"\sqrt{n}\,\lVert w_g\rVert"}
SELDOM = 2.0  # seconds between looks at one that is paused
EVERY = 0.4  # seconds between looks at a run that is under way


def follow(seen: Sequence[Run], draw: Callable[[tuple[Run, ...]], None]) -> None:
    """Draw some runs, again and again until all of them have ended; then the whole page once.

    Parameters
    ----------
    seen : sequence of Run
        As the rest of the page was drawn for: one that has ended or was deleted since has the page drawn anew.
    draw : callable
        Draws the runs as they stand, always the same elements in the same order.
    """

    under_way = any(not run.ended for run in seen)
    paused = any(run.state == PAUSED for run in seen)  # somebody may go on with it elsewhere

    @st.fragment(run_every=EVERY if under_way else SELDOM if paused else None)
    def view() -> None:
        runs = tuple(run for each in seen if (run := state.find(each.id)))
        if len(runs) < len(seen):  # one has been deleted
            st.rerun()
        draw(runs)
        if under_way == all(run.ended for run in runs):
            st.rerun()

    view()


def preview(spec: RunSpec) -> Run:
    """Return a run that nobody asked for yet, to be drawn as it will begin."""
    return Run(spec.id, spec, state="")


def progress(run: Run) -> None:
    """Say in one line how far a run is."""
    epochs, of = len(run.rows), run.spec.training.epochs
    seconds = sum(row["seconds"] for row in run.rows)
    match run.state:
        case "":
            text = _("Choose λ and press Train: the first epoch is here in a moment.")
        case "queued":
            text = _("Waiting: place {place} in the queue").format(place=run.place or 1)
        case "running" if epochs == 0:
            text = _("Reading the clips")
        case "running":
            left = (of - epochs) * (seconds / epochs + run.wait)
            text = _("Epoch {epoch} of {of} · about {left:.0f} s left").format(epoch=epochs, of=of, left=left)
        case "done":
            text = _("Done: {epochs} epochs, {seconds:.1f} s of training").format(epochs=epochs, seconds=seconds)
        case "paused":
            text = _("Paused after {epochs} of {of} epochs").format(epochs=epochs, of=of)
        case "stopped":
            text = _("Stopped after {epochs} of {of} epochs").format(epochs=epochs, of=of)
        case "interrupted":
            text = _(
                "Interrupted after {epochs} of {of} epochs, because the lab was ended;"
                " Train runs it again, from its last pause if it had one"
            ).format(epochs=epochs, of=of)
        case _:
            text = run.error
    st.progress(min(1.0, epochs / of), text)


def progress_of_all(runs: Sequence[Run]) -> None:
    """Say of each run how far it is."""
    for run in runs:
        progress(run)


def formula(run: Run) -> None:
    """Write data loss + penalty = objective with the numbers of the newest epoch."""
    spec = run.spec
    kind = spec.penalty.kind
    lam = spec.lam
    if run.rows:
        last = run.rows[-1]
        lam = last.get("lam", lam)
        norm = _norm(last, kind)
        rounded = [round(last[name], 3) for name in ("train_loss", "penalty")]
        loss, penalty, objective = (f"{value:.3f}" for value in (*rounded, sum(rounded)))  # so that the sum is one as it stands
    else:
        norm = loss = penalty = objective = r"\ldots"
    terms = (
        (charts.TRAIN, loss, rf"\text{{{_('data loss')}}}\\[3pt]L"),
        (
            charts.ZERO,
            penalty,
            rf"\text{{{_('penalty')}}}\;\lambda\sum {SUMMANDS.get(kind, '|w|')}\\[3pt]{lam:g} \times {norm}",
        ),
        (charts.OBJECTIVE, objective, rf"\text{{{_('objective')}}}\\[3pt]L'"),
    )
    a, b, c = (rf"\underbrace{{\textcolor{{{colour}}}{{{value}}}}}_{{\substack{{{below}}}}}" for colour, value, below in terms)
    st.latex(f"{a} + {b} = {c}")


def _norm(row: dict[str, Any], kind: str) -> str:
    if kind == "group":  # a row has only its product with λ
        return f"{row['penalty'] / row['lam']:.1f}" if row["lam"] else r"\ldots"
    norm = row["l2_norm_squared" if kind == "l2" else "l1_norm"]
    return f"{norm:.1f}" if norm >= 10 else f"{norm:.3g}"  # so that the product can be seen to be one near collapse, too


def advice(run: Run) -> None:
    """Warn of what a run's numbers say, and before it has any, of its λ; the place is there with nothing to warn of, too."""
    scale = controls.scale_of(run.spec) or {}
    told = sentences(run, scale.get("guessing"), int(scale["clips"]) if scale else None)
    if scale and not run.rows:
        told += of_lam(run.spec, scale["norm"], scale["guessing"], controls.COLLAPSE)
    with st.container():
        if warnings := [each.sentence for each in told if each.kind != "failed"]:  # which progress says
            st.warning("\n\n".join(warnings), icon=":material/school:")


def sparsity(run: Run) -> None:
    """Say apart how many weights are exactly 0 and how many nearly, and how many units are dead."""
    last = run.rows[-1] if run.rows else None
    many = run.spec.model.hidden * run.spec.model.layers > 99
    readouts = (
        (
            _("exactly 0"),
            lambda row: charts.percent(row["exact_zero_fraction"]),
            _("Of all weights; biases are not counted."),
            READOUT,
        ),
        (
            _("nearly 0"),
            lambda row: charts.percent(row["near_zero_fraction"] - row["exact_zero_fraction"]),
            _("Not 0, but smaller than 0.001 in size."),
            READOUT,
        ),
        (
            _("dead units"),
            lambda row: _("{n} of {all}").format(n=sum(row["dead_units"]), all=sum(row["units"])),
            _("Hidden units through which no path of non-zero weights leads from the sound to a word."),
            WIDE if many else READOUT,
        ),
        ("‖W‖₁", lambda row: f"{row['l1_norm']:,.0f}", _("The sum of the absolute values of all weights."), READOUT),
    )
    with st.container(horizontal=True, gap="small"):
        for label, value, help, width in readouts:
            st.metric(label, value(last) if last else "–", help=help, width=width)


def losses(run: Run, key: str, height: int = 235) -> None:
    """Draw training and validation loss."""
    scale = controls.scale_of(run.spec)
    live.chart(charts.loss(run.rows, run.spec, scale["guessing"] if scale else None), f"{key}-loss", height)


def accuracies(run: Run, key: str, height: int = 235) -> None:
    """Draw training and validation accuracy."""
    live.chart(charts.accuracy(run.rows, run.spec), f"{key}-accuracy", height)


def weight_histogram(run: Run, key: str, height: int = 190) -> None:
    """Draw the weight histogram."""
    live.chart(charts.histogram(run.rows, run.spec), f"{key}-histogram", height)


STATE_WORDS = {
    QUEUED: _("queued"),
    RUNNING: _("running"),
    DONE: _("done"),
    PAUSED: _("paused"),
    STOPPED: _("stopped"),
    FAILED: _("failed"),
    INTERRUPTED: _("interrupted"),
}
