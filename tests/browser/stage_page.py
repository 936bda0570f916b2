"""A page with a stage like the λ path's, of invented weights that λ pulls to zero: for tests and for ``benchmarks/scrub.py``."""

import numpy as np
import streamlit as st

from l1demo import film, stage
from l1demo.charts import TRAIN, VALIDATION, Chart, packed
from l1demo.stage import Bars, Curves, Histogram, Maps, Readouts, Stage
from l1demo.ui import live

S, H, MELS = 16, 64, 40  # stops of λ, hidden units, mel bands
START = 5
GATES = ("input", "forget", "cell", "output")
WORDS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
LAMS = np.geomspace(1e-5, 1e-2, S)


def example(subject: str = "path", heard: int = 0) -> Stage:
    """Make a stage; ``heard`` changes the probabilities of a word and nothing else."""
    noise = np.random.default_rng(0)
    fractions = np.linspace(0, 1, S) ** 0.5
    weights = [shrunk(noise.normal(0, 0.15, (4 * H, k)), fractions) for k in (MELS, H)]  # (S, 4H, K) each
    every = np.concatenate([w.reshape(S, -1) for w in weights], 1)  # (S, n)
    counts = np.stack([np.histogram(np.clip(w[w != 0], -1, 1), stage.BINS, (-1, 1))[0] for w in every])
    zeros = (every == 0).mean(1)
    curves = [
        Curves(title, 6, chart(title, noise.normal(1, 0.3, (2, S)).cumsum(1)), LAMS, 240)
        for title in ("Loss", "Accuracy", "Non-zero weights", "‖W‖₁")
    ]
    maps = [
        Maps(title, 6, levels(w), GATES, "hidden unit", columns, (w == 0).reshape(S, 4, H, -1).all((1, 3)))
        for title, w, columns in zip(
            ("From the input", "From the moment before"), weights, ("mel band", "hidden unit"), strict=True
        )
    ]
    texts = tuple((f"{lam:.1e}", f"{zero:.1%}", f"{np.abs(w).sum():,.0f}") for lam, zero, w in zip(LAMS, zeros, every, strict=True))
    probabilities = np.random.default_rng(heard).dirichlet(np.ones(len(WORDS)) / 3, S)
    panels = (
        Readouts("Numbers", 12, ("λ", "exact zeros", "‖W‖₁"), texts),
        *curves,
        *maps,
        Histogram("All weights", 6, counts, zeros),
        Bars("My word", 6, WORDS, probabilities),
    )
    steps = tuple(f"λ = {lam:.1e}" for lam in LAMS)
    alts = tuple(f"At {step}, {zero:.0%} of the weights are 0." for step, zero in zip(steps, zeros, strict=True))
    return Stage("λ", steps, panels, START, alts, subject)


def shrunk(w: np.ndarray, zeros: np.ndarray) -> np.ndarray:
    bars = np.quantile(np.abs(w), zeros)[:, None, None]
    return np.sign(w) * np.maximum(np.abs(w) - bars, 0)


def levels(w: np.ndarray) -> np.ndarray:
    level = np.clip(np.ceil(np.abs(w) / film.FULL * 127), 0, 127)
    return (np.sign(w) * level).astype(np.int8)


def chart(title: str, ys: np.ndarray) -> Chart:
    lines = [
        {"type": "scatter", "mode": "lines+markers", "name": name, "x": packed(LAMS), "y": packed(y), "line": {"color": colour}}
        for name, colour, y in zip(("training", "validation"), (TRAIN, VALIDATION), ys, strict=True)
    ]
    legend = {"orientation": "h", "x": 0, "y": 1.02, "yanchor": "bottom"}
    layout = {"margin": {"l": 48, "r": 12, "t": 28, "b": 40}, "legend": legend, "hovermode": "x unified"}
    return Chart(
        {"data": lines, "layout": layout | {"xaxis": {"type": "log", "title": {"text": "λ"}}, "yaxis": {}}}, f"{title} rises."
    )


def main() -> None:
    st.set_page_config(layout="wide")
    st.title("A stage", anchor=False)
    heard = int(st.button("Hear a word"))
    live.stage(example(st.text_input("Subject", "path"), heard), "stage")


if __name__ == "__main__":
    main()
