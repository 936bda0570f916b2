"""Why regularise? The same start and the same clips three times: without penalty, with a good λ, and with too large a λ."""

from typing import Any

import streamlit as st

from l1demo import overfit, overfit_charts
from l1demo.charts import percent
from l1demo.overfit import EXPERIMENTS, SHUFFLED
from l1demo.spec import RunSpec, SpecError
from l1demo.store import DONE, Run
from l1demo.text import N_, _
from l1demo.ui import controls, live, run_view, starts, state

SEEDS = (1, 3, 5, 10)
SPLITS = ("speakers", "recordings", "both")
CLIPS, WRONG = (50, 100, 150, 300, 600, 1200, 0), (0.0, 0.1, 0.2, 0.25, 0.3, 0.4, 0.5, 0.6, 0.75)
VOICES, HIDDEN = (2, 4, 8, 16, 32, 64, 0), (16, 32, 64, 128)
LAMS = (3e-4, 5e-4, 1e-3, 2e-3, 3e-3, 4e-3, 6e-3, 1e-2)
NAMES = {"wrong": N_("wrong labels"), "shuffled": N_("shuffled labels"), "voices": N_("seen and unseen speakers")}
HEADS = (N_("no penalty"), N_("some penalty"), N_("too much"))
HEIGHT = 200  # pixels


def of_url() -> tuple[RunSpec, int]:
    """What the address asks for; the default experiment where it says nothing."""
    asked = st.query_params.to_dict()
    number = asked.pop("seeds", "1")
    if number not in map(str, SEEDS):
        choices = ", ".join(map(str, SEEDS))
        raise SpecError(_("seeds is “{value}”; choose one of {choices}").format(value=number[:60], choices=choices))
    spec = RunSpec.from_query(asked)
    if spec == RunSpec():
        return EXPERIMENTS["wrong"], int(number)
    if not spec.lam:
        raise SpecError(_("lam is 0, which is the first of the three; choose one for the second"))
    spec = spec.with_values(corpus="digits", test="", lam_changes="")  # a link may name no file
    overfit.trios(spec, int(number))  # all of them can be
    return spec, int(number)


def chosen() -> tuple[RunSpec, int]:
    """The choices of this visit: at first those of the address, whose runs are shown where they have been made."""
    if "overfit" not in st.session_state:
        st.session_state.overfit = (EXPERIMENTS["wrong"], 1)
        try:
            st.session_state.overfit = of_url()
        except SpecError as error:
            state.refuse(_("The address asks for something that cannot be: {error}.").format(error=error))
            st.query_params.clear()
        if st.query_params and any(state.find(spec.id) for spec in overfit.trio(st.session_state.overfit[0])):
            st.session_state["overfit-shown"] = st.session_state.overfit
    return st.session_state.overfit


def follow_the_address() -> None:
    """Begin anew from the address where the browser's Back or Forward has come to another than the page wrote."""
    written = st.session_state.get("overfit-written")
    if written and st.query_params and st.query_params.to_dict() != written:
        for key in ("overfit", "overfit-shown", "overfit-written"):
            st.session_state.pop(key, None)


def choose(key: str, name: str) -> None:
    """Take note of what a widget says; nothing is trained by it."""
    spec, seeds = chosen()
    value = st.session_state[key]
    if name == "seeds":
        st.session_state.overfit = (spec, value)
    elif name == "experiment":
        st.session_state.overfit = (EXPERIMENTS[value].with_values(seed=spec.seed) if value else spec, seeds)
    elif name == "shuffled":
        st.session_state.overfit = (
            spec.with_values(label_noise=SHUFFLED if value else EXPERIMENTS["wrong"].corpus.label_noise),
            seeds,
        )
    else:
        st.session_state.overfit = (spec.with_values(**{name: value}), seeds)


def train() -> None:
    spec, seeds = chosen()
    st.session_state["overfit-shown"] = (spec, seeds)
    for three in overfit.trios(spec, seeds):
        if not all(map(state.submit, three)):
            return


def new_start() -> None:
    spec, seeds = chosen()

    def described(seed: int) -> list[RunSpec]:
        return [each for three in overfit.trios(spec.with_values(seed=seed), seeds) for each in three]

    seed = starts.next_seed(described, spec.seed + seeds - 1)
    if seed is not None:
        st.session_state.overfit = (spec.with_values(seed=seed), seeds)
        train()


def stop() -> None:
    state.stop(*(spec.id for three in overfit.trios(*st.session_state["overfit-shown"]) for spec in three))


def stops(name: str, label: str, values: tuple[float, ...], write: Any, value: float, **more: Any) -> None:
    """Draw a slider over some values, and the chosen one where a link brought another."""
    key = f"overfit-{name}"
    st.session_state[key] = value
    ordered = sorted({*values, value}, key=lambda each: each or (float("inf") if 0 in values[1:] else 0.0))  # 0 at the end: all
    st.select_slider(label, ordered, key=key, format_func=write, on_change=choose, args=(key, name), **more)


def number(value: float) -> str:
    return f"{value:,g}" if value else _("all")


def draw_experiments() -> None:
    spec, _seeds = chosen()
    key = "overfit-experiment"
    st.session_state[key] = next((name for name, each in EXPERIMENTS.items() if each.with_values(seed=spec.seed) == spec), None)
    more = {"format_func": lambda name: _(NAMES[name]), "on_change": choose, "args": (key, "experiment")}
    st.pills(_("Experiment"), list(EXPERIMENTS), key=key, **more)


def draw_controls() -> None:
    spec, seeds = chosen()
    stops("lam", _("A good λ?"), LAMS, "{:g}".format, spec.lam, help=_("The third network has ten times as much."))
    stops("train_clips", _("Training clips"), CLIPS, number, spec.corpus.train_clips)
    shuffled = spec.corpus.label_noise == SHUFFLED
    stops("label_noise", _("Wrong labels"), WRONG, lambda share: f"{100 * share:g} %", spec.corpus.label_noise, disabled=shuffled)
    st.session_state["overfit-shuffled"] = shuffled
    wanted = {"on_change": choose, "args": ("overfit-shuffled", "shuffled")}
    st.toggle(_("Shuffle all labels"), key="overfit-shuffled", help=_("Every label is drawn by lot."), **wanted)
    key = "overfit-split"
    st.session_state[key] = spec.corpus.split
    wanted = {"format_func": lambda split: _(controls.NAMES[split]), "on_change": choose, "args": (key, "split")}
    st.radio(_("Validate on"), SPLITS, key=key, **wanted)
    stops("train_voices", _("Training voices"), VOICES, number, spec.corpus.train_voices)
    stops("hidden", _("Hidden units"), HIDDEN, "{:g}".format, spec.model.hidden)
    stops("seeds", _("Seeds"), SEEDS, "{:g}".format, seeds, help=_("Other clips, other wrong labels and other first weights each."))


def draw(runs: tuple[Run, ...]) -> None:
    trios = as_trios(runs)
    begun = any(run.rows for run in runs)
    scale = controls.scale_of(trios[0][0].spec.with_values(seed=0)) if begun else None  # which waits for a worker
    guessing = scale["guessing"] if scale else None
    if found := overfit.findings(trios, guessing):
        st.success("\n".join(f"- {sentence}" for sentence in found), icon=":material/lightbulb:")
    else:
        fair = _("All three begin with the same weights and see the same clips in the same order.")
        invited = any(run.state for run in runs)
        st.info(fair if invited else f"{fair} {_('Press “Train all three” to watch them learn.')}", icon=":material/balance:")
    top = overfit_charts.highest_loss(trios, guessing)
    for i, (column, same) in enumerate(zip(st.columns(3, gap="medium"), zip(*trios, strict=True), strict=True)):
        with column:
            st.subheader(f"λ = {same[0].spec.lam:g} · {_(HEADS[i])}", anchor=False)
            progress(next((run for run in same if not run.ended), same[-1]))
            readouts(same)
            live.chart(overfit_charts.losses(same, top, guessing), f"overfit-loss-{i}", HEIGHT)
            live.chart(overfit_charts.accuracies(same), f"overfit-accuracy-{i}", HEIGHT)
    live.chart(overfit_charts.seeds(trios), "overfit-seeds-chart", HEIGHT)


def progress(run: Run) -> None:
    if run.state:
        run_view.progress(run)
    else:
        st.progress(0.0, _("Not trained yet"))


def as_trios(runs: tuple[Run, ...]) -> list[overfit.Trio]:
    made = {run.id: run for run in runs}
    spec, seeds = st.session_state.get("overfit-shown", chosen())
    return [
        (made.get(a.id) or run_view.preview(a), made.get(b.id) or run_view.preview(b), made.get(c.id) or run_view.preview(c))
        for a, b, c in overfit.trios(spec, seeds)
    ]


def readouts(runs: tuple[Run, ...]) -> None:
    bands = {name: overfit.band(runs, name).mean for name in ("train_loss", "val_loss", "val_accuracy", "exact_zero_fraction")}
    last = {name: float(mean[-1]) for name, mean in bands.items() if len(mean)}
    shown = (
        (_("validation loss"), lambda: f"{last['val_loss']:.3f}", None),
        (
            _("gap"),
            lambda: f"{round(last['val_loss'], 3) - round(last['train_loss'], 3):+.3f}",
            _("The generalisation gap: validation loss less training loss."),
        ),
        (_("accuracy"), lambda: percent(last["val_accuracy"]), None),
        (_("exactly 0"), lambda: percent(last["exact_zero_fraction"]), None),
    )
    with st.container(horizontal=True, gap="small"):
        for label, value, help in shown:
            st.metric(label, value() if last else "–", help=help, width=run_view.READOUT)


follow_the_address()
choices = chosen()
shown = st.session_state.get("overfit-shown")
specs = [spec for three in overfit.trios(*shown) for spec in three] if shown else []
runs = [run for spec in specs if (run := state.find(spec.id))]
if shown:
    wanted = shown[0].to_query() | {"seeds": str(shown[1])}
    if st.session_state.get("overfit-written") != wanted:
        st.session_state["overfit-written"] = wanted
        st.query_params.from_dict(wanted)

st.title(_("Overfit"), anchor=False)
draw_experiments()
side, main = st.columns([2, 7], gap="medium")
with side:
    with st.container(horizontal=True):
        st.button(_("Train all three"), type="primary", icon=":material/play_arrow:", on_click=train)
        st.button(_("New start"), icon=":material/casino:", on_click=new_start, help=_("Other weights, clips and wrong labels."))
        under_way = any(not run.ended for run in runs)
        st.button(_("Stop"), icon=":material/stop:", on_click=stop, disabled=not under_way)
    if shown and shown != choices:
        st.caption(_("These choices are not those of the charts: press Train all three."))
    elif shown and not under_way and len(runs) == len(specs) and all(run.state == DONE for run in runs):
        st.caption(_("This is trained. New start trains another."))
    elif shown and not under_way:
        st.caption(_("Not all of these were trained to their end. Train all three trains what is missing."))
    else:
        st.caption(_("Seed {seed}").format(seed=choices[0].seed))
    draw_controls()
with main:
    run_view.follow(runs, draw)
