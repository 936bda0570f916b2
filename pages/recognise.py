"""Does it understand me? What up to three networks hear in a word, as it plays; and why, as far as that can be seen."""

import html
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np
import streamlit as st

from l1demo import confusion_charts, engine, recognise_charts, tasks
from l1demo.charts import percent
from l1demo.engine import EngineError
from l1demo.recognise_charts import MOST, Side
from l1demo.spec import RunSpec
from l1demo.store import StoreError
from l1demo.text import _
from l1demo.ui import against_lam, bands, history, live, networks, run_view, sound_source, state
from l1demo.ui.networks import Network
from l1demo.ui.path_state import PathError

NEAREST = 6
PLAYED = 5  # clips of a cell at a time
SECTIONS = {
    "lam": _("Against λ"),
    "nearest": _("Nearest clips"),
    "confusion": _("Confusions"),
    "bands": _("Bands"),
}


@st.cache_data(max_entries=100, show_spinner=False)
def heard(key: str, sound: bytes, _data: bytes) -> dict[str, Any]:
    return engine.current().call(tasks.recognised, _data, sound)


@st.cache_data(max_entries=50, ttl=sound_source.KEPT, show_spinner=False)
def nearest(key: str, sound: bytes, _data: bytes) -> dict[str, Any]:
    return engine.current().call(tasks.nearest_clips, _data, sound, NEAREST, timeout=60.0)


@st.cache_data(max_entries=20, show_spinner=False)
def confused(key: str, _data: bytes) -> dict[str, Any]:
    return engine.current().call(tasks.confusion, _data, timeout=60.0)


@st.cache_data(max_entries=50, ttl=sound_source.KEPT, show_spinner=False)
def clips(run: str, chosen: tuple[int, ...], _spec: RunSpec) -> list[bytes]:
    return engine.current().call(tasks.validation_clips, _spec.to_dict(), chosen, timeout=60.0)


def show_answers(sides: Sequence[Side]) -> None:
    """In large type, to be read from the last row; as HTML, because a word or a run may be called anything."""
    for column, side in zip(st.columns(len(sides), gap="medium"), sides, strict=True):
        answer, more = recognise_charts.answer(side.words, side.last)
        since = recognise_charts.over_time_finding(side) if recognise_charts.tells(side.last) else ""
        with column:
            st.html(
                f"<div style='opacity:.8'>{html.escape(side.label)}</div>"
                f"<div style='font-size:1.6rem;font-weight:600;line-height:1.25'>{html.escape(answer)}</div>"
                f"<div>{html.escape(more)}</div>"
                f"<div style='opacity:.8;margin-top:.25rem'>{html.escape(since)}</div>"
            )


def show_nearest(network: Network, sound: bytes) -> None:
    found = nearest(network.key, sound, network.data)
    st.text(confusion_charts.nearest_finding(found))
    played(
        [
            _("“{word}”, {speaker}, {distance:.2f} away").format(word=word, speaker=speaker, distance=distance)
            for word, speaker, distance in zip(found["words"], found["speakers"], found["distances"], strict=True)
        ],
        found["sounds"],
    )
    st.caption(
        _(
            "Distance is between the hidden states, averaged over time: all that the words are told of a clip. What stands here "
            "sounds alike to this network, and perhaps to nobody else."
        )
    )


def played(texts: Sequence[str], sounds: Sequence[bytes], columns: int = 3) -> None:
    """Set clips beside each other, each with its text and a player."""
    for first in range(0, len(texts), columns):
        for column, text, sound in zip(st.columns(columns), texts[first : first + columns], sounds[first:], strict=False):
            with column:
                st.text(text)
                st.audio(sound)


def choose_cell(words: tuple[str, ...], x: str, y: str) -> None:
    if cell := confusion_charts.cell(words, x, y):
        st.session_state["recognise-cell"] = cell


def show_confusion(network: Network, spec: RunSpec) -> None:
    found = confused(network.key, network.data)
    words = found["words"]
    cell = st.session_state.get("recognise-cell", ("", ""))
    if not set(cell) <= set(words):
        said, as_heard = confusion_charts.worst(confusion_charts.counts(found)) or (0, 0)
        cell = words[said], words[as_heard]
    table, listed = st.columns([3, 2], gap="medium")
    with table:
        chart = confusion_charts.confusion(found, network.key)
        live.chart(chart, "recognise-confusion", 460, on_pick=partial(choose_cell, words))
    with listed:
        show_cell(network, spec, found, *cell)


def show_cell(network: Network, spec: RunSpec, found: dict[str, Any], said: str, as_heard: str) -> None:
    words = found["words"]
    st.caption(_("Click on a number, or choose here:"))
    for column, key, label, value in zip(st.columns(2), ("said", "heard"), (_("said"), _("heard")), (said, as_heard), strict=True):
        with column:
            st.session_state[f"recognise-cell-{key}"] = value
            st.selectbox(label, words, key=f"recognise-cell-{key}", on_change=cell_of_boxes)
    places = np.flatnonzero((found["said"] == words.index(said)) & (found["heard"] == words.index(as_heard)))
    places = places[np.argsort(-found["sure"][places], kind="stable")]
    st.text(
        _("{n} of {of} clips of “{said}” were heard as “{heard}”, the surest first:").format(
            n=len(places), of=int((found["said"] == words.index(said)).sum()), said=said, heard=as_heard
        )
        if len(places)
        else _("No clip of “{said}” was heard as “{heard}”.").format(said=said, heard=as_heard)
    )
    if len(places) > PLAYED:
        first = st.selectbox(
            _("Clips"),
            range(0, len(places), PLAYED),
            format_func=lambda i: f"{i + 1}–{min(i + PLAYED, len(places))}",
            key=f"recognise-part-{said}-{as_heard}",
        )
        places = places[first : first + PLAYED]
    if len(places):
        texts = [f"{found['speakers'][i]}, {percent(float(found['sure'][i]))}" for i in places]
        played(texts, clips(spec.id, tuple(places.tolist()), spec), columns=1)


def cell_of_boxes() -> None:
    st.session_state["recognise-cell"] = (st.session_state["recognise-cell-said"], st.session_state["recognise-cell-heard"])


def choose_network(shown: list[Network]) -> int:
    if len(shown) == 1:
        return 0
    key = f"recognise-network-{' '.join(network.key for network in shown)}"
    middle = len(shown) // 2
    labels = [network.label for network in shown]
    return st.segmented_control(
        _("Network"), range(len(shown)), format_func=labels.__getitem__, default=middle, required=True, key=key
    )


def show_closer(shown: list[Network], sides: list[Side], sound: bytes) -> None:
    st.session_state.setdefault("recognise-section", "lam" if against_lam.is_there(sides) else "bands")
    section = st.segmented_control(
        _("Look closer"), list(SECTIONS), format_func=SECTIONS.__getitem__, required=True, key="recognise-section"
    )
    if section == "lam":
        against_lam.show(shown, sides, sound)
        return
    i = choose_network(shown)
    network = shown[i]
    if section == "bands":
        bands.show(sides[i].heard, f"{network.key}{sound_source.digest(sound)}", "recognise-bands")
    elif not network.at_hand:
        st.info(_("The clips that this network learned from are not here, or not on your list on Data."), icon=":material/info:")
    elif section == "nearest":
        show_nearest(network, sound)
    else:
        show_confusion(network, network.spec)


def show(shown: list[Network], sound: bytes) -> None:
    sides = [Side(network.label, heard(network.key, sound, network.data)) for network in shown]
    show_answers(sides)
    subject = f"{sound_source.digest(sound)} {' '.join(network.key for network in shown)}"
    live.stage(recognise_charts.stage(sides, subject), "recognise-stage")
    st.html("".join(f"<div>{html.escape(recognise_charts.instant_finding(side))}</div>" for side in sides))
    st.caption(
        _(
            "Each moment shows what a network would answer if the word ended there. The clip is normalised as a whole, so even its "
            "first moments know how loud the rest will be. An instant matters where hiding the 80 ms around it behind the clip's "
            "mean makes the heard word less probable (occlusion, after Zeiler and Fergus, 2014)."
        )
    )
    told(show_closer, shown, sides, sound)


def told(part: Callable[..., Any], *args: Any) -> Any:
    try:
        return part(*args)
    except (EngineError, StoreError, PathError) as error:
        st.error(str(error), icon=":material/error:")
        return None


mine = history.mine()
runs = networks.chosen(mine)
labels = networks.called(runs, mine)
st.title(_("Recognise"), anchor=False)
side, main = st.columns([1, 3], gap="medium")
with side:
    above = st.container()
    networks.choose(mine, runs, labels)
    brought = told(networks.of_file)
    with above:  # whose clips are those of the network that stands first
        sound = told(sound_source.choose, brought.spec if brought else runs[0].spec if runs else None)
with main:
    if not runs and not brought:
        st.info(
            _("Train three networks that differ in λ alone, and ask all of them at once what you said."), icon=":material/info:"
        )
    if any(not run.ended for run in runs):
        st.button(
            _("Stop"),
            icon=":material/stop:",
            on_click=state.stop,
            args=[run.id for run in runs if not run.ended],
            key="recognise-stop",
        )
        run_view.follow(runs, networks.draw)
    shown = ([brought] if brought else []) + (told(networks.of_runs, runs, labels) or [])
    if shown and sound is None:
        st.info(_("Record or upload a word: what the networks hear stands here at once."), icon=":material/arrow_back:")
    elif shown:
        told(show, shown[:MOST], sound)
