"""Which trained networks stand beside each other on Recognise: runs that are pinned or shown, or three that differ in λ alone."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import streamlit as st

from l1demo import differences, engine
from l1demo import path as lam_path
from l1demo.corpora import DIGITS
from l1demo.presets import PRESETS
from l1demo.recognise_charts import MOST
from l1demo.spec import RunSpec
from l1demo.store import DONE, Run
from l1demo.text import _, plain
from l1demo.ui import corpora_list, history, model_files, path_state, pins, run_view, state

# For ten words: none, Start's good one, and one that goes deaf. docs/measurements.md: "What λ does", and "Any words" for two words.
LAMS = (0.0, 0.002, 0.02)


@dataclass(frozen=True)
class Network:
    """A trained recogniser on the page.

    Attributes
    ----------
    label : str
        What it is called beside others, whose names are different.
    key : str
        By what a cache knows it.
    data : bytes
        As ``weights.dump`` wrote it.
    lam : float
        The λ of its last epoch.
    spec : RunSpec
        Its run's description.
    at_hand : bool
        Whether the clips that it learned from are here, and for this visitor.
    """

    label: str
    key: str
    data: bytes
    lam: float
    spec: RunSpec
    at_hand: bool


def trio(settings: RunSpec = PRESETS["quick"]) -> tuple[RunSpec, ...]:
    """Return three runs of some settings that differ in λ alone: without penalty, with a good λ, and with too large a λ of L1.

    λ is that of ten words and cross-entropy, times how much more these settings bear: the data loss's scale and ``lam_max``.
    """
    words, loss = path_state.words_of(settings), settings.training.loss
    share = lam_path.lam_max(words) / lam_path.lam_max(len(DIGITS))
    share *= lam_path.guessing(loss, words) / lam_path.guessing("ce", words)
    free = min(settings.penalty.free_epochs, settings.training.epochs // 4)
    base = settings.with_values(penalty="l1", method="proximal", free_epochs=free, lam_changes="", lr_falls="once")
    return tuple(base.with_values(lam=float(f"{share * lam:.2g}")) for lam in LAMS)


def trio_like(shown: Sequence[Run]) -> tuple[RunSpec, ...]:
    """Return three runs like the first that is shown and no path, if its clips are at hand; else those of the quick preset."""
    like = next((run.spec for run in shown if not lam_path.is_path(run.spec)), None)
    return trio(like) if like and corpora_list.is_at_hand(like) else trio()


def train_trio(specs: Sequence[RunSpec]) -> None:
    """Ask for three runs, and pin them."""
    if all(state.submit(spec) for spec in specs):
        pins.put(spec.id for spec in specs)


def chosen(mine: Sequence[Run]) -> list[Run]:
    """Return up to three runs: those pinned, else the one that is shown on Train, else the trio or the newest that is no λ path."""
    if found := pins.runs():
        pins.write_url("recognise")
        return found[:MOST]
    if run := state.shown("recognise"):
        return [run]
    made = [run for spec in trio() if (run := state.find(spec.id))]
    if len(made) == len(LAMS):
        return made
    newest = next((each.id for each in mine if not lam_path.is_path(each.spec)), "")
    return [run for run in [state.find(newest)] if run]


def choose(mine: Sequence[Run], shown: Sequence[Run], labels: Sequence[str]) -> None:
    """Draw the list from which runs are chosen; what is chosen is pinned, on other pages too."""
    names = {run.id: history.called(run) for run in mine} | {run.id: label for run, label in zip(shown, labels, strict=True)}
    st.session_state["recognise-runs"] = [run.id for run in shown]
    st.multiselect(
        _("Networks"),
        list(names),
        key="recognise-runs",
        format_func=names.__getitem__,
        max_selections=MOST,
        select_all=False,
        filter_mode="contains",
        on_change=lambda: pins.put(st.session_state["recognise-runs"]),
        placeholder=_("Up to three of your runs"),
        disabled=not names,
    )
    there, three = {run.id for run in shown if run.state == DONE or not run.ended}, trio_like(shown)
    st.button(
        _("Train three"),
        type="secondary" if shown else "primary",
        icon=":material/play_arrow:",
        on_click=train_trio,
        args=(three,),
        disabled=all(spec.id in there for spec in three),
        help=_("L1 with λ = {lams}: none, a good one and too much; from the same first weights, on {corpus}.").format(
            lams=", ".join(f"{spec.lam:g}" for spec in three), corpus=differences.title(three[0].corpus.name)
        ),
    )


def called(runs: Sequence[Run], mine: Sequence[Run]) -> tuple[str, ...]:
    """Name runs beside each other, by their visitor's names where they have some."""
    given = {run.id: run.name for run in mine}
    return differences.labels([run.spec for run in runs], [given.get(run.id, "") for run in runs])


def of_runs(runs: Sequence[Run], labels: Sequence[str]) -> list[Network]:
    """Return the networks of runs that have ended; one that left no weights is told of.

    Raises
    ------
    StoreError
        When the history cannot be read.
    """
    found = []
    for run, label in zip(runs, labels, strict=True):
        if not run.ended:
            continue
        if data := engine.current().weights(run.id):
            lam = run.spec.lam_at(max(1, len(run.rows)))
            found.append(Network(label, f"{run.id} {run.finished}", data, lam, run.spec, corpora_list.is_at_hand(run.spec)))
        else:
            st.warning(_("{run} left no weights; choose another, or train it again.").format(run=plain(label)))
    return found


def of_file() -> Network | None:
    """Let a model file be chosen, and return its network; None where none can be used."""
    with st.expander(_("A model from a file"), icon=":material/upload_file:"):
        opened = model_files.opened("recognise-model")
    if opened is None:
        return None
    data, about = opened
    spec = RunSpec.from_json(about["spec"])
    label = _("{settings}, from a file").format(settings=differences.called(spec))
    key, lam = hashlib.sha256(data).hexdigest(), spec.lam_at(spec.training.epochs)
    return Network(label, key, data, lam, spec, corpora_list.is_at_hand(spec))


def draw(runs: tuple[Run, ...]) -> None:
    """Show runs that are under way."""
    for column, run in zip(st.columns(len(runs), gap="medium"), runs, strict=True):
        with column:
            st.markdown(f"**λ = {run.spec.lam:g}**")
            run_view.progress(run)
            run_view.accuracies(run, f"recognise-{run.id}", 160)
