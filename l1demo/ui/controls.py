"""Widgets for the settings: each is drawn from the one list of controls in ``spec``, and writes back into it."""

import html
from collections.abc import Callable, Sequence
from typing import Any

import streamlit as st

from l1demo import charts, engine, tasks
from l1demo.choices import NAMES as NAMES
from l1demo.spec import RunSpec, control, controls
from l1demo.text import _
from l1demo.ui import corpora_list, state

STOPS = (0.0, 1e-5, 3e-5, 1e-4, 2e-4, 5e-4, 1e-3, 2e-3, 3e-3, 5e-3, 1e-2, 2e-2, 5e-2)
# How many losses of guessing the first weights cost under L1: up to the first no accuracy is lost, at the second 15 points are,
# and soon after it all. Measured in docs/measurements.md, "What λ does".
GENTLE, COLLAPSE = 0.5, 10.0


def widget(name: str, choices: Sequence[str] = (), say: Callable[[str], str] | None = None) -> None:
    """Draw one control as what its type asks for; where its choices are known only now, as a choice of these.

    Parameters
    ----------
    name : str
    choices : sequence of str
        What can be chosen now, if not what the control's declaration names.
    say : callable, optional
        What each of them is called.
    """
    wanted = control(name)
    key = _key(name)
    st.session_state.setdefault(key, dict(_values(state.spec()))[name])
    label, more = _(wanted.label), {"help": _(wanted.help), "key": key, "on_change": _changed, "args": (name,)}
    if offered := choices or wanted.choices:
        st.selectbox(label, offered, format_func=say or (lambda choice: _(NAMES[choice])), **more)
    elif wanted.kind is bool:
        st.toggle(label, **more)
    else:
        number = wanted.kind
        limits: dict[str, Any] = {"min_value": number(wanted.low), "max_value": number(wanted.high)}
        form = "%d" if number is int else "%g"
        st.number_input(label, **limits, step=number(wanted.step or 1), format=form, **more)


def corpus() -> None:
    """Draw the choice of the corpus; of one that is gone, say so."""
    titles, chosen = corpora_list.titles(), state.spec().corpus.name
    widget("corpus", list(titles), titles.__getitem__)
    if not corpora_list.is_there(chosen):
        st.caption(
            _("The lab no longer keeps the corpus of this run. Its curves and weights stay; to train again, choose another corpus.")
        )


def division() -> None:
    """Draw how the chosen corpus is divided: the split, a held-out speaker, and another corpus that joins the training."""
    titles, chosen = corpora_list.titles(), state.spec().corpus
    splits = corpora_list.splits(chosen.name)
    widget("split", splits if chosen.split in splits else (*splits, chosen.split))
    speakers = corpora_list.speakers(chosen.name)
    none = "" if chosen.hold_out in speakers else chosen.hold_out
    widget("hold-out", list(dict.fromkeys(["", none, *speakers])), lambda speaker: speaker or _("none"))
    widget("also", ["", *corpora_list.to_go_on_with(chosen.also)], lambda name: titles.get(name) or _("none"))


def lam_slider() -> None:
    """Draw the λ control: log-spaced stops with a true 0, for L1 with a word for what each asks for."""
    spec = state.spec()
    key = _key("lam")
    st.session_state.setdefault(key, spec.penalty.lam)
    stops = sorted({*STOPS, spec.penalty.lam})
    scale = scale_of(spec) if spec.penalty.kind == "l1" else None  # of the others it was not measured where λ is strong
    st.select_slider(
        "λ",
        stops,
        key=key,
        format_func=lambda lam: f"{lam:g} · {word(lam, scale)}" if scale else f"{lam:g}",
        on_change=_changed,
        args=("lam",),
        disabled=spec.penalty.kind == "none",
        help=_(control("lam").help),
    )


def cost() -> None:
    """Show what λ would cost at the start beside the loss of guessing."""
    spec = state.spec()
    if spec.penalty.kind == "none":
        st.caption(_("No penalty: λ is not used."))
        return
    if spec.changes:
        later = [_("{lam:g} from epoch {epoch}").format(lam=lam, epoch=epoch) for epoch, lam in spec.changes]
        if len(later) > charts.NAMED:
            later = [_("{n} others, {last} the last").format(n=len(later), last=later[-1])]
        st.caption(_("Then λ = {later}.").format(later=", ".join(later)))
    try:
        scale = _scale(_of_scale(spec))
    except engine.EngineError as error:
        st.caption(str(error))
        return
    norm = {"l2": "Σw₀²", "group": "Σ√n‖w₀‖"}.get(spec.penalty.kind, "‖W₀‖₁")
    price = spec.penalty.lam * scale["norm"]
    bars = (
        (
            _("penalty at the start, λ·{norm}").format(norm=norm),
            f"{spec.penalty.lam:g} × {scale['norm']:,.0f} = {price:.2f}",
            price,
            charts.ZERO,
        ),
        (_("loss of guessing"), f"{scale['guessing']:.2f}", scale["guessing"], charts.WEIGHT),
    )
    longest = max(price, scale["guessing"])
    st.html(
        "".join(
            f"<div style='font-size:.8rem;margin-top:.3rem'>{html.escape(name)}<br><b>{value}</b></div>"
            f"<div style='height:.45rem;border-radius:.2rem;background:{colour};width:{max(1.0, 100 * size / longest):.1f}%'></div>"
            for name, value, size, colour in bars
        )
    )


def word(lam: float, scale: dict[str, float]) -> str:
    """Say in a word what the λ of L1 asks for: its cost of the first weights, measured in losses of guessing."""
    share = lam * scale["norm"] / scale["guessing"]
    if lam == 0:
        return _("none")
    if share < GENTLE:
        return _("gentle")
    return _("strong") if share < COLLAPSE else _("collapse")


def scale_of(spec: RunSpec) -> dict[str, float] | None:
    """Return ‖W₀‖₁ and the loss of guessing for a description; None while no worker is there to compute them."""
    try:
        return _scale(_of_scale(spec))
    except engine.EngineError:
        return None


def _of_scale(spec: RunSpec) -> str:
    same = {"lam": 0.0, "method": "proximal", "epochs": 1, "lam_changes": "", "lr_falls": "once"}  # it does not depend on these
    return spec.with_values(**same).to_json()


@st.cache_data(max_entries=1000, show_spinner=False)
def _scale(spec: str) -> dict[str, float]:
    return engine.current().call(tasks.scale, RunSpec.from_json(spec).to_dict())


def replace_all(spec: RunSpec) -> None:
    """Set every widget to a description's values."""
    st.session_state.spec = spec
    for name, value in _values(spec):
        if _key(name) in st.session_state:
            st.session_state[_key(name)] = value


def _values(spec: RunSpec) -> list[tuple[str, Any]]:
    return [(c.name, value) for c, value in controls(spec)]


def _key(name: str) -> str:
    return f"set-{name}"


def _changed(name: str) -> None:
    value = st.session_state[_key(name)]
    if value is not None:
        unplanned = {"lam_changes": "", "lr_falls": "once"} if name == "lam" else {}
        state.choose(**{name.replace("-", "_"): value} | unplanned | (corpora_list.choose(value) if name == "corpus" else {}))
    replace_all(state.spec())  # what was refused or emptied goes back to what it was
