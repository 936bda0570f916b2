"""Which λ path is on the page: the lab's own, or one that this visit or its address asked for; and its numbers as they stand."""

import hashlib
from dataclasses import dataclass
from typing import Any

import numpy as np
import streamlit as st

from l1demo import LabError, engine, path_weights, paths, tasks
from l1demo import path as lam_path
from l1demo.corpora import DIGITS
from l1demo.path import Path, Plan
from l1demo.path_weights import Weights
from l1demo.paths import PathError as PathError
from l1demo.spec import RunSpec, SpecError
from l1demo.store import DONE, Run
from l1demo.text import _
from l1demo.ui import controls, corpora_list, state

MOST_SEEDS = 5
HISTORY = 500  # runs among which the class's are looked for
WIDGETS = ("stops", "seeds", "cold")


@dataclass(frozen=True)
class Asked:
    """What this visit asked for: paths of some settings, and whether a cold start at every λ belongs to them."""

    settings: RunSpec
    stops: int = lam_path.STOPS
    seeds: int = lam_path.SEEDS
    cold: bool = False

    @property
    def plan(self) -> Plan:
        """The paths, and the cold starts."""
        return Plan(self.settings, lam_path.stops(self.settings, words_of(self.settings), self.stops), self.seeds)

    @property
    def runs(self) -> list[RunSpec]:
        """All runs that it takes."""
        return [*self.plan.paths, *(spec for same in self.plan.cold for spec in same if self.cold)]

    def to_query(self) -> dict[str, str]:
        """Return what the URL says of it."""
        query = self.settings.to_query() | {"stops": str(self.stops), "seeds": str(self.seeds)}
        return query | ({"cold": "1"} if self.cold else {})


@dataclass(frozen=True, eq=False)
class Shown:
    """A path on the page, and what its first network looks like at each λ."""

    spec: RunSpec
    path: Path
    stops: list[Weights]
    weights: bytes
    clips: int | None
    cold: Path | None = None


def words_of(settings: RunSpec) -> int:
    """Return how many words are told apart; of a corpus that is gone as many as there are digits."""
    return len(corpora_list.words(settings.corpus.name) or DIGITS)


def chosen_settings() -> RunSpec:
    """Return the settings of this visit, without changes of λ, which a path makes itself."""
    return state.spec().with_values(lam_changes="", lr_falls="once")


def _of_url() -> Asked | None:
    settings = chosen_settings()  # of the address too, before it is written anew
    asked = st.query_params.to_dict()
    if "stops" not in asked:
        return None
    return Asked(
        settings,
        _number("stops", asked["stops"], lam_path.FEWEST, lam_path.MOST),
        _number("seeds", asked.get("seeds", "1"), 1, MOST_SEEDS),
        asked.get("cold") == "1",
    )


def _number(name: str, text: str, low: int, high: int) -> int:
    if not text.isdecimal() or not low <= int(text) <= high:
        wanted = _("{name} is “{value}”; write a whole number from {low} to {high}")
        raise SpecError(wanted.format(name=name, value=text[:60], low=low, high=high))
    return int(text)


def asked_for() -> Asked | None:
    """Return what was asked for in this visit, at first by its address; None for the path that ships with the lab."""
    where, written = st.session_state.get("written", ("", {}))
    if where == "path" and st.query_params and st.query_params.to_dict() != written:  # the browser's Back or Forward
        st.session_state.pop("path-asked", None)
        state.forget_settings()
    if "path-asked" not in st.session_state:
        st.session_state["path-asked"] = None
        try:
            asked = _of_url()
            if asked and not all(state.find(spec.id) for spec in asked.plan.paths):
                state.refuse(_("The path of this address has not been made here; its settings are chosen, so press Run."))
            elif asked:
                st.session_state["path-asked"] = asked
            if asked:
                _choose(asked)
        except LabError as error:
            state.refuse(_("The address asks for something that cannot be: {error}.").format(error=error))
        if st.session_state["path-asked"] is None:
            st.query_params.clear()
    return st.session_state["path-asked"]


def choices() -> dict[str, Any]:
    """Return what is chosen of a path in this visit, by the names of its widgets, whose own state a change of page takes away."""
    return st.session_state.setdefault("path-choices", {name: getattr(Asked(RunSpec()), name) for name in WIDGETS})


def choose(name: str) -> None:
    """Take note of what a widget says."""
    st.session_state["path-choices"] = choices() | {name: st.session_state[f"path-{name}"]}


def _choose(asked: Asked) -> None:
    st.session_state["path-choices"] = {name: getattr(asked, name) for name in WIDGETS}


@st.cache_resource(show_spinner=False)
def shipped() -> Shown:
    """Return the path that ships with the lab."""
    kept = paths.shipped()
    lams = lam_path.lams_of(kept.specs[0])
    rows = [lam_path.at_stops(spec, rows) for spec, rows in zip(kept.specs, kept.rows, strict=True)]
    path = lam_path.gather(lams, rows, lam_path.weights_of(kept.specs[0], len(kept.words)))
    stops = path_weights.stay_at_zero(path_weights.read(kept.weights), len(lams))
    return Shown(kept.specs[0], path, stops, kept.weights, kept.clips)


def numbers(asked: Asked, runs: tuple[Run, ...]) -> tuple[Path, Path | None]:
    """Put runs as they stand into tables: of the paths, and of the cold starts where they were asked for."""
    made, plan = {run.id: run for run in runs}, asked.plan
    lams, size = (0.0, *plan.lams), lam_path.weights_of(asked.settings, words_of(asked.settings))
    along = [lam_path.at_stops(spec, made[spec.id].rows if spec.id in made else ()) for spec in plan.paths]
    if not asked.cold:
        return lam_path.gather(lams, along, size), None
    done = [
        [
            (lam, run.rows[-1])
            for lam, same in zip(lams, plan.cold, strict=True)
            if (run := made.get(same[k].id)) and run.state == DONE
        ]
        for k in range(asked.seeds)
    ]
    return lam_path.gather(lams, along, size), lam_path.gather(lams, done, size)


def of_runs(asked: Asked, runs: tuple[Run, ...]) -> Shown | None:
    """Return the path that runs made; None where the first left no weights.

    Raises
    ------
    PathError
        When one of the paths has been deleted since.
    """
    made = {run.id: run for run in runs}
    if not all(spec.id in made for spec in asked.plan.paths):
        raise PathError(_("A run of this path has been deleted. Press Run to train it again, or look at the lab's own path."))
    first = made[asked.plan.paths[0].id]
    blob = engine.current().weights(first.id)
    stops = path_weights.read(blob) if blob else []
    if blob is None or not stops:
        return None
    path, cold = numbers(asked, runs)
    if first.state == DONE:
        stops = path_weights.stay_at_zero(stops, len(path.lams))
    scale = controls.scale_of(first.spec) if engine.current().ready else None
    clips = int(scale["clips"]) if scale else None
    return Shown(first.spec, path.until(len(stops)), stops, blob, clips, cold.until(len(stops)) if cold else None)


def of_class(spec: RunSpec) -> dict[str, tuple[float, dict[str, Any]]]:
    """Return everyone's runs that land on the path, by their ids: λ and the last row of each."""
    runs = engine.current().history(limit=HISTORY)
    return {run.id: (run.spec.lam, run.last) for run in runs if run.state == DONE and run.last and lam_path.lands(run.spec, spec)}


def heard(sound: bytes, weights: bytes, stops: int = 0) -> tuple[tuple[str, ...], np.ndarray]:
    """Return the words, and the probability of each in a recording at each of a path's λ, shape (S, C).

    Parameters
    ----------
    sound, weights : bytes
        The recording as a file, and the path's networks, as ``weights.dump`` or ``paths.pack`` wrote them.
    stops : int, optional
        S, where there are fewer networks than λ: the last, whose weights are all 0, then stands for the rest.

    Raises
    ------
    EngineError
        When the recording cannot be read.
    """
    found = _heard(sound, hashlib.sha256(weights).hexdigest(), weights)
    along = found["probabilities"]
    return found["words"], np.concatenate([along, np.repeat(along[-1:], max(0, stops - len(along)), 0)])


@st.cache_data(max_entries=50, show_spinner=False)
def _heard(sound: bytes, key: str, _weights: bytes) -> dict[str, Any]:
    return engine.current().call(tasks.heard_along, _weights, sound, timeout=30.0)
