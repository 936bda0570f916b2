"""The corpora that a visitor can choose: the built-in one, those for everyone, and their own; and what is known of each."""

import functools
from typing import Any

import streamlit as st

from l1demo import data_tasks, engine, shelf
from l1demo.corpora import BUILT_IN, DIGITS, CorpusError
from l1demo.shelf import About
from l1demo.spec import RunSpec
from l1demo.store import StoreError
from l1demo.text import _
from l1demo.ui import identity, state

PUBLIC = ("fsdd", "commands")  # kinds that are on everyone's list
VOICES = ("own", "class")  # kinds that hold the voices of people who gave them to some, not to all
TITLES = {"digits": _("Built-in digits"), "digits-wide": _("Built-in digits, more people's voices")}


def mine() -> dict[str, str]:
    """Return the corpora on this visitor's own list: their titles by their names, the newest first."""
    try:
        return engine.current().corpora(identity.visitor())
    except StoreError as error:
        state.refuse(str(error))
        return {}


def titles() -> dict[str, str]:
    """Return all corpora that this visitor can choose, and those that the settings name: their titles by their names.

    Of one that is gone the title says so.
    """
    there = shelf.names()
    found = {name: TITLES[name] for name in BUILT_IN}
    found |= {name: _title(name) for name in there if name.split("-")[0] in PUBLIC}
    found |= {name: title for name, title in mine().items() if name in there}
    chosen = state.spec().corpus
    for name in filter(None, (chosen.name, chosen.also)):
        found.setdefault(name, _title(name) if name in there else _("{name} (gone)").format(name=name[:30]))
    return found


def is_there(name: str) -> bool:
    """Say whether a corpus can still be trained on."""
    return name in BUILT_IN or name in shelf.names()


def is_withheld(name: str) -> bool:
    """Say whether a corpus holds people's voices that are not for this visitor, who has come to it by the link of a run."""
    return name.split("-")[0] in VOICES and name not in mine()


def is_at_hand(spec: RunSpec) -> bool:
    """Say whether the lab itself keeps a description's corpora, which may name any folder, and this visitor may hear them."""
    wanted = {spec.corpus.name, spec.corpus.test, spec.corpus.also} - {""}
    return wanted <= {*BUILT_IN, *shelf.names()} and not any(is_withheld(name) for name in wanted)


def words(name: str) -> tuple[str, ...]:
    """Return a corpus's words; none where it is gone."""
    if name in BUILT_IN:
        return DIGITS
    return about.words if (about := known(name)) else ()


def speakers(name: str) -> tuple[str, ...]:
    """Return a corpus's speakers; none where it is gone, or no worker is there to tell of the built-in one."""
    if name in BUILT_IN:
        if not engine.current().ready:
            return ()  # a list to choose from is not worth waiting for workers
        try:
            return facts(name)["speakers"]
        except engine.EngineError:
            return ()
    return about.speakers if (about := known(name)) else ()


def known(name: str) -> About | None:
    """Return what the shelf knows of a corpus; None where it keeps none of that name that can be read."""
    if name not in shelf.names():
        return None
    try:
        return _about(name)
    except CorpusError:
        return None


def to_go_on_with(also: str = "") -> list[str]:
    """Return the corpora that can join the training of the chosen one, because it teaches their words."""
    chosen = state.spec().corpus.name
    taught = {*words(chosen)}
    return [name for name in titles() if name == also or (name != chosen and is_there(name) and {*words(name)} <= taught)]


def choose(name: str) -> dict[str, Any]:
    """Return what has to be set with a corpus, so that it can be divided: another one's speakers and words do not fit it."""
    spec = state.spec()
    values: dict[str, Any] = {"corpus": name, "test": "", "also": "", "hold_out": ""}
    about = known(name)
    if about and len(about.speakers) < 2:
        values["split"] = "recordings"
    elif spec.corpus.split not in splits(name):
        values["split"] = RunSpec().corpus.split
    return values


def splits(name: str) -> tuple[str, ...]:
    """Return the splits that a corpus can have."""
    about = known(name)
    official = ("official",) if about and about.official else ()
    return ("speakers", "recordings", "both", *official)


@st.cache_data(max_entries=20, show_spinner=False)
def facts(name: str) -> dict[str, Any]:
    """Return what ``data_tasks.facts`` does: a name never changes its meaning, so it is asked once.

    Raises
    ------
    EngineError
        When the corpus cannot be read, or no worker is there.
    """
    return engine.current().call(data_tasks.facts, name, timeout=60.0)


@functools.lru_cache(maxsize=1000)
def _about(name: str) -> About:
    return shelf.about(name)


def _title(name: str) -> str:
    about = known(name)
    return about.title if about else name
