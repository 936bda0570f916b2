"""Visits to pages without a browser, on the engine whose training is fake."""

import json
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from l1demo import engine as engines
from l1demo.engine import Engine
from l1demo.spec import RunSpec
from l1demo.store import Run

ROOT = Path(__file__).parents[2]


@pytest.fixture
def visit(engine: Engine) -> Iterator[Callable[..., AppTest]]:
    """A function that opens a page as its address would, with a query: ``visit("train", lam="0")``."""
    engines.use(engine)
    st.cache_data.clear()
    st.cache_resource.clear()

    def open(page: str = "start", **query: str) -> AppTest:
        visit = AppTest.from_file(ROOT / "l1demo" / "ui" / "navigation.py", default_timeout=60)
        if page != "start":  # which is the default, at the bare address
            visit.switch_page(str(ROOT / "pages" / f"{page}.py"))
        for name, value in query.items():
            visit.query_params[name.replace("_", "-")] = value
        return visit.run()

    yield open
    engines.use(None)


@pytest.fixture
def charted() -> Callable[[AppTest, str], dict[str, Any]]:
    """A function that returns what was sent to the live chart of a key."""
    return lambda page, key: json.loads(zlib.decompress(page.get_by_key(key).proto.bytes))


@pytest.fixture
def submitted(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> list[RunSpec]:
    """The descriptions that a page asked to run, as they come; they run, too."""
    asked: list[RunSpec] = []
    submit = engine.submit

    def noted(spec: RunSpec, session: str, *pace: Any) -> str:
        asked.append(spec)
        return submit(spec, session, *pace)

    monkeypatch.setattr(engine, "submit", noted)
    return asked


@pytest.fixture
def ended(engine: Engine, wait_for: Callable[..., Any]) -> Callable[[RunSpec], Run]:
    """A function that waits for a run's end and returns the run."""
    return lambda spec: wait_for(lambda: (run := engine.run(spec.id)) and run.ended and run)
