"""The state of a visit: which settings are chosen, which run is shown; and the URL that says the same."""

from collections.abc import Callable
from typing import Any

import streamlit as st

from l1demo import LabError, engine, shelf
from l1demo.corpora import BUILT_IN, CorpusError
from l1demo.engine import EngineError
from l1demo.spec import RunSpec
from l1demo.store import Run, StoreError
from l1demo.text import _
from l1demo.ui import identity


def spec() -> RunSpec:
    """Return the settings that are chosen: those of the URL at first, then those of the controls."""
    if "spec" not in st.session_state:
        try:
            st.session_state.spec = _of_url()
        except LabError as error:
            st.session_state.spec = RunSpec()
            run = st.query_params.get("run")
            st.query_params.from_dict({"run": run} if run else {})  # a reload or a copy is not to ask for it again
            refuse(_("The address asks for something that cannot be: {error}.").format(error=error))
    return st.session_state.spec


def _of_url() -> RunSpec:
    asked = RunSpec.from_query(st.query_params.to_dict())
    for name in filter(None, (asked.corpus.name, asked.corpus.test, asked.corpus.also)):
        if name not in (*BUILT_IN, *shelf.names()):
            raise CorpusError(_("there is no corpus of that name"))  # nor may a link name a file of this computer
    return asked


def choose(**values: Any) -> None:
    """Set some controls by name; a value that cannot be is refused with its sentence and nothing changes."""
    try:
        st.session_state.spec = spec().with_values(**values)
    except LabError as error:
        refuse(_("{error}. The setting is as it was before.").format(error=error))


def refuse(sentence: str) -> None:
    """Have a sentence stand on top of the page, once; the first one, where there are several."""
    st.session_state.setdefault("refused", sentence)


def show_refusal() -> None:
    """Show the sentence that ``refuse`` left, and what is wrong with the lab itself."""
    for sentence in (*engine.current().notices, st.session_state.pop("refused", "")):
        if sentence:
            st.warning(sentence, icon=":material/error:")


def show(shown: RunSpec) -> None:
    """Make a run the one that is shown, on every page and in the URL."""
    st.session_state.pop("changing", None)
    st.session_state.shown = shown.id
    st.session_state.spec = shown


def shown(page: str) -> Run | None:
    """Return the run to show: the one chosen in this visit, else the one that the URL names; and write it into the page's URL.

    It is written once for each visit to a page, because every writing is a step in the browser's history: who goes back from the
    written address to the bare one is not to be sent forward again.
    """
    _follow_the_address(page)
    run_id = st.session_state.get("shown") or st.query_params.get("run")
    run = find(run_id) if run_id else None
    if run is None:
        if run_id:
            spec()  # whose refusal says more
            refuse(_("The run of this address has not been made here; its settings are chosen: press Train on the page Train."))
            st.query_params.pop("run", None)
        return None
    changing = st.session_state.get("changing") == run.id
    if changing and (run.successor or run.ended):  # once: who comes back to the first run later is to see it
        del st.session_state.changing
    if changing and run.successor and (successor := find(run.successor)):
        st.session_state.shown, run = successor.id, successor  # the settings stay as they were chosen for it
    elif "shown" not in st.session_state:
        show(run.spec)
    wanted = run.spec.to_query() | {"run": run.id}
    if st.session_state.get("written") != (page, run.id):
        st.session_state.written = (page, run.id)
        if st.query_params.to_dict() != wanted:
            st.query_params.from_dict(wanted)
    return run


def _follow_the_address(page: str) -> None:
    """Show the run of an address that this visit has left, and the browser's Back or Forward has come to again."""
    of_url, (where, written) = st.query_params.get("run"), st.session_state.get("written", ("", ""))
    if of_url and where == page and of_url != written and (run := find(of_url)):
        forget_settings()
        show(run.spec)
        st.session_state.written = page, run.id


def forget_settings() -> None:
    """Have settings and the controls' widgets begin anew from the address."""
    for key in [key for key in st.session_state if key == "spec" or str(key).startswith("set-")]:
        del st.session_state[key]


def find(run_id: str) -> Run | None:
    """Return a run as it stands; None, with a sentence on the page, where the history cannot be read."""
    try:
        return engine.current().run(run_id)
    except StoreError as error:
        refuse(str(error))
        return None


def submit(wanted: RunSpec, until: int = 0, wait: float = 0.0) -> bool:
    """Ask for a run, as ``engine.submit`` takes it; where that fails, leave a sentence and return False."""
    return attempt(engine.current().submit, wanted, identity.visitor(), until, wait)


def stop(*run_ids: str) -> None:
    """Stop runs, or leave those that others have asked for, too."""
    for run_id in run_ids:
        attempt(engine.current().stop, run_id, identity.visitor())


def attempt(function: Callable[..., object], *args: Any) -> bool:
    """Ask the engine for something; where that fails, or others need the run as it is, leave a sentence and return False."""
    try:
        done = function(*args) is not False
    except (EngineError, StoreError, LabError) as error:
        refuse(str(error))
        return False
    if not done:
        refuse(_("Others have asked for this run too, so it goes on for them."))
    return done
