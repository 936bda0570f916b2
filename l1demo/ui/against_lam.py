"""One's own word against λ: along the λ path that ships with the lab, or along one of a network's own settings and words."""

import hashlib
from collections.abc import Sequence

import numpy as np
import streamlit as st

from l1demo import deaf_charts, engine
from l1demo import path as lam_path
from l1demo.corpora import DIGITS
from l1demo.recognise_charts import Side
from l1demo.spec import RunSpec, SpecError
from l1demo.store import DONE, Run
from l1demo.text import _
from l1demo.ui import live, path_state, run_view, state
from l1demo.ui.networks import Network


def show(shown: Sequence[Network], sides: Sequence[Side], sound: bytes) -> None:
    """Draw how probable each word is in a recording at each λ of a path, and say where it goes deaf.

    Raises
    ------
    EngineError, StoreError, PathError
        When the path or the recording cannot be read.
    """
    paths = _paths(shown, sides)
    if not paths:
        st.info(
            _("The clips that these networks learned from are not here, or not on your list on Data, so no λ path can be trained."),
            icon=":material/info:",
        )
        return
    chosen = next(iter(paths))
    if len(paths) > 1:
        key = f"recognise-path-{' '.join(spec.id for spec in paths)}"
        chosen = st.selectbox(_("λ path"), list(paths), format_func=paths.__getitem__, key=key, width=480)
    shipped = path_state.shipped()
    weights = shipped.weights if chosen == shipped.spec else _trained(chosen)
    if weights:
        _draw(shown, sides, sound, chosen, weights)


def _paths(shown: Sequence[Network], sides: Sequence[Side]) -> dict[RunSpec, str]:
    """Return the paths that a word can be asked along, and what they are called: the lab's own first, where its words are known."""
    found: dict[RunSpec, str] = {}
    if any({*side.words} & {*DIGITS} for side in sides):
        found[path_state.shipped().spec] = _("the built-in digits, which ships with the lab")
    for network in shown:
        if network.spec and (spec := _path_of(network.spec)):
            found.setdefault(spec, _("with the settings of {network}").format(network=network.label))
    return found


def _path_of(settings: RunSpec) -> RunSpec | None:
    """Return the path of a run's settings, which the run may be itself; None where a path would be longer than a run may be."""
    if settings.training.fall == "each":
        return settings
    try:
        return lam_path.describe(settings, lam_path.stops(settings, path_state.words_of(settings)))
    except SpecError:
        return None


def _trained(spec: RunSpec) -> bytes | None:
    """Return the networks of a path; where it is not there yet, offer to train it, and show how far that is."""
    run = state.find(spec.id)
    if run and run.state == DONE:
        return engine.current().weights(run.id)
    under_way = run is not None and not run.ended
    st.markdown(
        _(
            "One network whose λ rises from 0 in {n} steps, taught the same words with the same settings: "
            "{epochs} epochs. Then your word is asked of it at every λ."
        ).format(n=len(spec.changes), epochs=spec.training.epochs)
    )
    with st.container(horizontal=True):
        st.button(
            _("Train its λ path"),
            type="primary",
            icon=":material/play_arrow:",
            on_click=_train,
            args=(spec,),
            disabled=under_way,
            key="recognise-train-path",
        )
        st.button(
            _("Stop"),
            icon=":material/stop:",
            on_click=state.stop,
            args=(spec.id,),
            disabled=not under_way,
            key="recognise-stop-path",
        )
    if run:
        run_view.follow((run.id,), _progress)
    return None


def _train(spec: RunSpec) -> None:
    state.submit(spec)


def _progress(runs: tuple[Run, ...]) -> None:
    for run in runs:
        run_view.progress(run)


def _draw(shown: Sequence[Network], sides: Sequence[Side], sound: bytes, path: RunSpec, weights: bytes) -> None:
    lams = np.array(lam_path.lams_of(path))
    words, rows = path_state.heard(sound, weights, len(lams))
    subject = f"{hashlib.sha256(sound).hexdigest()[:12]} {path.id}"
    said = st.selectbox(
        _("The word that was said"),
        range(len(words)),
        index=int(rows[0].argmax()),
        format_func=words.__getitem__,
        key=f"recognise-said-{subject}",
        width=240,
    )
    points = [
        (side.label, network.lam, float(side.last[side.words.index(words[said])]))
        for network, side in zip(shown, sides, strict=True)
        if words[said] in side.words
    ]
    st.success(deaf_charts.deaf_finding(lams, words, rows, said), icon=":material/hearing:")
    live.chart(deaf_charts.against_lam(lams, words, rows, said, points, f"{subject} {said}"), "recognise-lam", 340, note=False)
    st.caption(
        _(
            "The lines are a λ path: one network whose λ rises from 0. The marks are the networks above, each trained with its own "
            "λ from the start."
        )
    )
