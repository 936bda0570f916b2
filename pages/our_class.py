"""Which voices are ours? A class records its own words, each student from their own machine, and trains on them."""

import streamlit as st

from l1demo import engine
from l1demo.class_rules import ClassSet
from l1demo.store import StoreError
from l1demo.text import _, plain
from l1demo.ui import class_owner, class_recording, identity

NEW = ""


def shown(mine: list[ClassSet]) -> ClassSet | None:
    """The set that the address names; without one the form for a new set stands here."""
    asked = st.query_params.get("set")
    if not asked:
        return None
    found = next((each for each in mine if each.id == asked), None) or engine.current().classes.get(asked)
    if found is None:
        st.warning(_("There is no such class set, or it has been deleted; ask for its link again."), icon=":material/error:")
    return found


def choose() -> None:
    chosen = st.session_state["class-set"]
    st.query_params.from_dict({"set": chosen} if chosen else {})


def choice(mine: list[ClassSet], current: ClassSet | None) -> None:
    titles = {NEW: _("New class set")} | {each.id: each.title for each in mine}
    if current:
        titles.setdefault(current.id, current.title)
    st.session_state["class-set"] = current.id if current else NEW
    st.selectbox(_("Class set"), list(titles), format_func=titles.__getitem__, key="class-set", on_change=choose)


st.title(_("Our class"), anchor=False)
try:
    mine = engine.current().classes.of(identity.visitor())
    current = shown(mine)
except StoreError as error:
    st.error(str(error), icon=":material/error:")
    st.stop()
owner = current is not None and current.owner == identity.visitor()
side, main = st.columns([2, 5], gap="medium")
with side:
    if mine:
        choice(mine, current)
    if current is None:
        class_owner.make()
    elif owner:
        class_owner.share(current)
    else:
        st.markdown(_("**{title}**").format(title=plain(current.title)))
        st.caption(_("{n} words. Your teacher sees how many clips there are and can play them.").format(n=len(current.words)))
with main:
    if current is None:
        class_recording.show_trouble()
        st.info(
            _(
                "Choose the words that your class wants to teach a network, and give the link to everybody: each records on "
                "their own machine, and here you train on all voices together."
            ),
            icon=":material/groups:",
        )
    else:
        class_recording.show(current)
        if owner:
            st.subheader(_("Who has said what"), anchor=False)
            class_owner.overview(current)
            class_owner.training(current)
