"""Models out and in: a run's files to be saved, each made when it is asked for, and a model that somebody brings."""

from typing import Any

import streamlit as st

from l1demo import engine, model_tasks
from l1demo.engine import EngineError
from l1demo.store import Run, StoreError
from l1demo.text import _
from l1demo.ui import corpora_list

MAKING = 60.0  # seconds that a file may take; an hour of clips takes some five, on a machine that does nothing else
FILES = {  # what each is called, its name's end, and what it is good for
    "model": (
        _("Model"),
        ".safetensors",
        _("The weights with their full description. The lab reads it again, and runs nothing in it."),
    ),
    "onnx": ("ONNX", ".onnx", _("From 8,000 samples a second to each word's probability: for onnxruntime, without the lab.")),
    "script": (
        _("PyTorch script"),
        ".zip",
        _("Trains this run again without the lab, to the same numbers; with its clips and their licence."),
    ),
}


def downloads(run: Run | None) -> None:
    """Offer a run's files, in an expander, which moves with the page as charts come; the place is there without a run, too."""
    with st.container():
        if run and run.ended and run.rows:
            with st.expander(_("Save this model"), icon=":material/download:"):
                _choose(run)


@st.fragment
def _choose(run: Run) -> None:
    kind = st.segmented_control(
        _("Save it as"), list(FILES), format_func=lambda kind: FILES[kind][0], key=f"save-as-{run.id}", width="stretch"
    )
    if kind is None:
        st.caption(_("Choose a form; the file is made then."))
        return
    _label, ending, good_for = FILES[kind]
    st.caption(good_for)
    try:
        if kind == "script" and _withheld(run):
            st.error(_("The script would hold voices of a corpus that is not on your list on Data."), icon=":material/error:")
            return
        data = _made(run.id, kind, len(run.rows))
    except (EngineError, StoreError) as error:
        st.error(str(error), icon=":material/error:")
        return
    name = file_name(run, ending)
    st.download_button(
        _("Save {name}").format(name=name), data, name, "application/octet-stream", key=f"save-{kind}-{run.id}", on_click="ignore"
    )


def opened(key: str = "model-file") -> tuple[bytes, dict[str, Any]] | None:
    """Let a model file be chosen, and return it with what ``weights.check`` says of it; None where none can be used."""
    file = st.file_uploader(_("A model that the lab saved (.safetensors)"), key=key)
    if file is None:
        return None
    data = file.getvalue()
    try:
        return data, _checked(data)
    except EngineError as error:
        st.error(str(error), icon=":material/error:")
        return None


def file_name(run: Run, ending: str) -> str:
    """Call a file by what a class tells its runs apart by: penalty, λ and seed."""
    kind, seed = run.spec.penalty.kind, run.spec.seed
    if kind == "none":
        return f"none-seed{seed}{ending}"
    return f"{kind}-lam{run.spec.lam_at(max(1, len(run.rows))):g}-seed{seed}{ending}"


def _withheld(run: Run) -> bool:
    chosen = run.spec.corpus
    return any(corpora_list.is_withheld(name) for name in (chosen.name, chosen.test, chosen.also))


@st.cache_data(max_entries=4, show_spinner=False)
def _checked(data: bytes) -> dict[str, Any]:
    return engine.current().call(model_tasks.check_model, data)


@st.cache_data(max_entries=3, show_spinner=_("Making the file"))
def _made(run_id: str, kind: str, epochs: int) -> bytes:
    run, data = engine.current().run(run_id), engine.current().weights(run_id)
    if run is None or data is None or len(run.rows) != epochs:
        raise EngineError(_("The weights of this run are not kept any more; train it again."))
    rows = [{name: value for name, value in row.items() if not isinstance(value, list | dict)} for row in run.rows]
    match kind:
        case "model":
            return engine.current().call(model_tasks.model_file, data, rows[-1])
        case "onnx":
            return engine.current().call(model_tasks.onnx_file, data, timeout=MAKING)
        case _:
            return engine.current().call(model_tasks.script_file, run.spec.to_dict(), rows, timeout=MAKING)
