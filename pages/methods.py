"""Why exact zeros? The same λ under seven methods, one weight near 0 under each, and the settings of an article."""

from collections.abc import Callable

import pandas
import streamlit as st

from l1demo import article, methods, methods_charts
from l1demo.charts import percent
from l1demo.methods import LAMS, LESSON, METHODS
from l1demo.spec import RunSpec, SpecError
from l1demo.store import DONE, FAILED, Run
from l1demo.text import N_, _
from l1demo.ui import controls, live, run_view, starts, state

START = (3e-3, 0)  # λ and seed: here group lasso takes units, too
CLIPS = {article.SHORT: N_("{n} (short)"), 0: N_("all")}
SECONDS = {article.SHORT: 25, 0: 80}  # of the three runs on two processors: docs/measurements.md
HEADS = {"code": N_("as its code runs"), "formula": N_("as its formula says"), "proximal": N_("the formula, proximal Adam")}
HEIGHT, TABLE = 380, 290  # pixels


def chosen() -> tuple[float, int]:
    """λ and the seed that are chosen: at first those of the address."""
    if "methods" not in st.session_state:
        st.session_state.methods = START
        asked = {name: value for name, value in st.query_params.to_dict().items() if name in ("lam", "seed")}
        try:
            spec = RunSpec.from_query({"lam": f"{START[0]:g}", **asked})
            if spec.lam == 0:
                raise SpecError(_("lam is 0, and without a penalty all methods are one; choose a larger one"))
            st.session_state.methods = (spec.lam, spec.seed)
        except SpecError as error:
            state.refuse(_("The address asks for something that cannot be: {error}.").format(error=error))
            st.query_params.clear()
    return st.session_state.methods


def shown() -> tuple[float, int]:
    """λ and the seed of the seven that are drawn: those chosen, but for a choice that was made while others trained."""
    return st.session_state.get("methods-shown", chosen())


def choose_lam() -> None:
    before = shown()
    under_way = any(not run.ended for run in found(methods.descriptions(*before)).values())
    st.session_state.methods = (st.session_state["methods-lam"], chosen()[1])
    if under_way:  # they stay, with their Stop; nor do they go away at their end
        st.session_state["methods-shown"] = before
    else:
        st.session_state.pop("methods-shown", None)


def train() -> None:
    st.session_state.pop("methods-shown", None)
    for spec in methods.descriptions(*chosen()).values():
        if not state.submit(spec):
            return


def new_start() -> None:
    lam, seed = chosen()
    another = starts.next_seed(lambda seed: methods.descriptions(lam, seed).values(), seed)
    if another is not None:
        st.session_state.methods = (lam, another)
        train()


def train_article() -> None:
    for spec in article.descriptions(st.session_state["methods-clips"]).values():
        if not state.submit(spec):
            return


def stop(specs: dict[str, RunSpec]) -> None:
    state.stop(*(spec.id for spec in specs.values()))


def found(specs: dict[str, RunSpec]) -> dict[str, Run]:
    return {key: run for key, spec in specs.items() if (run := state.find(spec.id))}


def named(specs: dict[str, RunSpec], runs: tuple[Run, ...]) -> dict[str, Run]:
    made = {run.id: run for run in runs}
    return {key: made.get(spec.id) or run_view.preview(spec) for key, spec in specs.items()}


def buttons(
    key: str,
    label: str,
    specs: dict[str, RunSpec],
    runs: dict[str, Run],
    begin: Callable[[], None],
    anew: Callable[[], None] | None = None,
    others: bool = False,
) -> None:
    """Train, Stop and where it is given New start; ``others`` than the specs' runs are the ones that Train would train."""
    under_way = any(not run.ended for run in runs.values())
    done = not others and len(runs) == len(specs) and all(run.state == DONE for run in runs.values())
    with st.container(horizontal=True):
        st.button(
            label, key=f"{key}-train", type="primary", icon=":material/play_arrow:", on_click=begin, disabled=under_way or done
        )
        if anew:
            st.button(
                _("New start"),
                icon=":material/casino:",
                on_click=anew,
                disabled=under_way,
                help=_("Other first weights and another draw of clips."),
            )
        st.button(_("Stop"), key=f"{key}-stop", icon=":material/stop:", on_click=stop, args=(specs,), disabled=not under_way)


def progress(runs: dict[str, Run]) -> None:
    """Say in one line how far all of them are."""
    epochs, of = (sum(values) for values in zip(*((len(run.rows), run.spec.training.epochs) for run in runs.values()), strict=True))
    ended = sum(run.ended for run in runs.values())
    text = _("{ended} of {n} runs have ended, {epochs} of {of} epochs are done").format(
        ended=ended, n=len(runs), epochs=epochs, of=of
    )
    st.progress(min(1.0, epochs / of), text)
    for run in runs.values():
        if run.state == FAILED:
            st.error(run.error)


def draw(runs: tuple[Run, ...]) -> None:
    lam, seed = shown()
    drawn = named(methods.descriptions(lam, seed), runs)
    subject = f"{lam!r} {seed}"
    progress(drawn)
    draw_table(drawn)
    left, right = st.columns(2, gap="medium")
    with left:
        live.chart(methods_charts.zeros(drawn, subject), "methods-zeros", HEIGHT, note=False)
    with right:
        live.chart(methods_charts.weight(drawn, subject), "methods-weight", HEIGHT)
    said = methods.findings(drawn)
    st.markdown(
        "\n".join(
            f"- **{_(method.name)}** · {_(method.rule)}" + (f" *{said[key]}*" if key in said else "")
            for key, method in METHODS.items()
        )
    )


def draw_table(shown: dict[str, Run]) -> None:
    table = pandas.DataFrame(
        [
            {
                _("method"): row["name"],
                _("for"): row["penalty"],
                _("exactly 0"): row["exact"],
                _("nearly 0"): row["near"],
                "‖W‖₁": row["norm"],
                _("data loss"): row["loss"],
                _("accuracy"): row["accuracy"],
                _("residual / λ"): row["residual"],
            }
            for row in methods.table(shown)
        ]
    )
    shares = [_("exactly 0"), _("nearly 0"), _("accuracy")]
    table = table.astype(dict.fromkeys([*shares, "‖W‖₁", _("data loss"), _("residual / λ")], float))  # None is NaN
    st.dataframe(
        table.style.format(percent, subset=shares, na_rep="–"),
        key="methods-table",
        hide_index=True,
        height=TABLE,
        placeholder="–",
        column_config={
            _("method"): st.column_config.TextColumn(pinned=True, width=170),
            "‖W‖₁": st.column_config.NumberColumn(
                width=60, format="%.0f", help=_("The sum of the absolute values of all weights.")
            ),
            _("data loss"): st.column_config.NumberColumn(format="%.3f", help=_("Of the training clips, without the penalty.")),
            _("residual / λ"): st.column_config.NumberColumn(
                format="%.2f", help=_("At the end, how far from the optimum; of the unscaled threshold from that of λΣ|w|.")
            ),
        },
    )


def draw_article(runs: tuple[Run, ...]) -> None:
    specs = article.descriptions(st.session_state["methods-clips"])
    shown = named(specs, runs)
    progress(shown)
    scale = controls.scale_of(specs["formula"])
    if said := article.findings(shown, scale):
        st.success("\n".join(f"- {sentence}" for sentence in said), icon=":material/lightbulb:")
    else:
        st.info(_("Three runs of one seed: λ unused, λΣ|w| in the loss, and its soft threshold."), icon=":material/balance:")
    for column, (key, run) in zip(st.columns(3, gap="medium"), shown.items(), strict=True):
        with column:
            st.markdown(f"**{_(HEADS[key])}**")
            run_view.losses(run, f"methods-article-{key}", 200)
            run_view.sparsity(run)


lam, seed = shown()
specs = methods.descriptions(lam, seed)
made = found(specs)
wanted = {"lam": str(lam), "seed": str(seed)}  # all digits: other ones would be other runs
if (made or "lam" in st.query_params) and st.session_state.get("written") != ("methods", wanted):  # once: each is a step in history
    st.session_state.written = ("methods", wanted)
    if st.query_params.to_dict() != wanted:
        st.query_params.from_dict(wanted)

st.title(_("Methods"), anchor=False)
side, main = st.columns([2, 7], gap="medium")
with side:
    slider = chosen()[0]
    st.session_state["methods-lam"] = slider
    st.select_slider("λ", sorted({*LAMS, lam, slider}), key="methods-lam", format_func=str, on_change=choose_lam)
    buttons("methods", _("Train all seven"), specs, made, train, new_start, others=slider != lam)
    if slider != lam:
        if any(not run.ended for run in made.values()):
            said = _(
                "The seven shown train with λ = {lam}. When they have ended or are stopped, those of the slider's λ can begin."
            )
        else:
            said = _("The seven shown have λ = {lam}. Press Train for those of the slider's λ.")
        st.caption(said.format(lam=lam))
    st.caption(
        _(
            "All seven begin with the same weights (seed {seed}) and see the same {clips} clips in the same order, without "
            "augmentation: {hidden} hidden units, {epochs} epochs, the first {free} without penalty. Proximal SGD has a learning "
            "rate of {sgd:g} instead of Adam's {adam:g}."
        ).format(
            seed=seed,
            clips=LESSON.corpus.train_clips,
            hidden=LESSON.model.hidden,
            epochs=LESSON.training.epochs,
            free=LESSON.penalty.free_epochs,
            sgd=methods.SGD_RATE,
            adam=LESSON.training.lr,
        )
    )
    st.caption(
        _(
            "**Residual**: how far the slope of the data loss, −∇L, is from what the penalty allows at each weight, on average. "
            "For λΣ|w| that is λ with the weight's sign, or anything from −λ to λ where it is 0. At an optimum the residual is 0. "
            "The unscaled threshold is measured against λΣ|w|, too; decoupled weight decay follows no sum of loss and penalty, so "
            "it has none."
        )
    )
with main:
    run_view.follow(tuple(made.values()), draw)

st.divider()
st.subheader(_("The settings of an article"), anchor=False)
st.markdown(
    _(
        "An article on speech recognition, in Chinese, calls L1 “weight decay” and says that the two are the same. They are "
        "not. **L1**, in regression the lasso, adds λΣ|w| to the loss; at its minimum weights can be exactly 0 ([Tibshirani "
        "1996](https://doi.org/10.1111/j.2517-6161.1996.tb02080.x)). **Weight decay** takes the same share off every weight in "
        "each step, which with SGD is L2, λΣw² in the loss, and with Adam is not ([Loshchilov & Hutter "
        "2019](https://arxiv.org/abs/1711.05101))."
    )
)
side, main = st.columns([2, 7], gap="medium")
with side:
    clips = st.segmented_control(
        _("Training clips"),
        list(CLIPS),
        default=article.SHORT,
        required=True,
        key="methods-clips",
        format_func=lambda n: _(CLIPS[n]).format(n=n),
    )
    specs = article.descriptions(clips)
    made = found(specs)
    buttons("methods-article", _("Train all three"), specs, made, train_article)
    article_spec = specs["formula"]
    st.caption(
        _(
            "{mels} mel bands, {layers} layers of {hidden} units, λ = {lam:g}, learning rate {lr:g}, batches of {batch}, {epochs} "
            "epochs. It takes about {seconds} s on two processors."
        ).format(
            mels=article_spec.features.n_mels,
            layers=article_spec.model.layers,
            hidden=article_spec.model.hidden,
            lam=article_spec.lam,
            lr=article_spec.training.lr,
            batch=article_spec.training.batch,
            epochs=article_spec.training.epochs,
            seconds=SECONDS[clips],
        )
    )
with main:
    run_view.follow(tuple(made.values()), draw_article)
    with st.expander(_("The article's code")):
        st.markdown(_("λ is handed over as **lambda_**, and nothing uses it:"))
        st.code(article.UNUSED, language="python")
        st.markdown(_("As it stands the code does not run. Whoever mends each place comes to the next:"))
        for line, why in article.STOPS:
            st.code(line, language="python")
            st.markdown(_(why))
        st.markdown(_("And what is otherwise different here:"))
        st.markdown("\n".join(f"- {_(each)}" for each in article.OTHERWISE))
