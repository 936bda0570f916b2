"""One's own word against λ: along the λ path that ships with the lab, or along one of a network's own settings and words."""

from collections.abc import Sequence

import numpy as np
import streamlit as st

from l1demo import deaf_charts, engine
from l1demo import path as lam_path
from l1demo.corpora import DIGITS
from l1demo.recognise_charts import Side
from l1demo.spec import RunSpec, SpecError
from l1demo.store import DONE
from l1demo.text import _, plain
from l1demo.ui import live, path_state, run_view, sound_source, state
from l1demo.ui.networks import Network


def is_there(sides: Sequence[Side]) -> bool:
    """Say whether the λ path that ships with the lab knows all words of a network."""
    return any({*side.words} <= {*DIGITS} for side in sides)


def show(shown: Sequence[Network], sides: Sequence[Side], sound: bytes) -> None:
    """Draw how probable each word is in a recording at each λ of a path, and say where it goes deaf.

    Raises
    ------
    EngineError, StoreError, PathError
        When the path or the recording cannot be read.
    """
    paths: dict[RunSpec, str] = {}
    missing = _("The clips that this network learned from are not here, or not on your list on Data: it can have no λ path.")
    if is_there(sides):
        paths[path_state.shipped().spec] = _("of the built-in digits, which ships with the lab")
    for network in shown:
        if network.at_hand or lam_path.is_path(network.spec):
            try:
                path = _path_of(network.spec)
                paths[path] = (
                    f"{paths[path]}; {network.label}" if path in paths else _("of {network}").format(network=network.label)
                )
            except SpecError as error:
                missing = _("The settings of {network} allow no λ path: {error}.").format(network=plain(network.label), error=error)
    if not paths:
        st.info(missing, icon=":material/info:")
        return
    chosen = next(iter(paths))
    if len(paths) > 1:
        key = f"recognise-path-{' '.join(spec.id for spec in paths)}"
        chosen = st.selectbox(_("λ path"), list(paths), format_func=paths.__getitem__, key=key, width=480)
    there = {path_state.shipped().spec: path_state.shipped().weights} | {network.spec: network.data for network in shown}
    if weights := there.get(chosen) or _trained(chosen):
        _draw(shown, sides, sound, chosen, weights)


def _path_of(settings: RunSpec) -> RunSpec:
    """Return the λ path of a run's settings, which the run may be itself."""
    if lam_path.is_path(settings):
        return settings
    return lam_path.describe(settings, lam_path.stops(settings, path_state.words_of(settings)))


def _trained(spec: RunSpec) -> bytes | None:
    """Return the networks of a path; where they are not there yet, offer to train it, and show how far that is."""
    run = state.find(spec.id)
    if run and run.state == DONE:
        if (weights := engine.current().weights(run.id)) is None:
            st.warning(_("This λ path left no weights; delete it on Runs, and train it again."))
        return weights
    under_way = run is not None and not run.ended
    st.markdown(
        _(
            "A λ path is one network whose λ rises from 0, here in {n} steps and {epochs} epochs, with the settings and the clips "
            "of the network above. Then your word is asked of it at every λ."
        ).format(n=len(spec.changes), epochs=spec.training.epochs)
    )
    with st.container(horizontal=True):
        st.button(
            _("Train the λ path"),
            type="primary",
            icon=":material/play_arrow:",
            on_click=_train,
            args=(spec,),
            disabled=under_way,
            key="recognise-train-path",
        )
        st.button(
            _("Stop the λ path"),
            icon=":material/stop:",
            on_click=state.stop,
            args=(spec.id,),
            disabled=not under_way,
            key="recognise-stop-path",
        )
    if run:
        run_view.follow([run], run_view.progress_of_all)
    return None


def _train(spec: RunSpec) -> None:
    state.submit(spec)


def _draw(shown: Sequence[Network], sides: Sequence[Side], sound: bytes, path: RunSpec, weights: bytes) -> None:
    words, rows = path_state.heard(sound, weights)
    lams = np.array(lam_path.lams_of(path))[: len(rows)]  # a path ends where all weights are 0, or where it was stopped
    subject = f"{sound_source.digest(sound)} {path.id}"
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
        and not network.spec.changes
        and (network.lam == 0 or network.spec.penalty.kind == path.penalty.kind)
    ]
    st.success(deaf_charts.deaf_finding(lams, words, rows, said), icon=":material/hearing:")
    live.chart(deaf_charts.against_lam(lams, words, rows, said, points, f"{subject} {said}"), "recognise-lam", 340, note=False)
    caption = _("The lines are a λ path: one network whose λ rises from 0.")
    if points:
        caption += " " + _("The marks are the networks above, each trained with its own λ from the start.")
    st.caption(caption)
