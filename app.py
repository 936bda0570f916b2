"""Composition root: start the engine with the server, serve Plotly's own JavaScript, run the pages. Nothing else."""

import gc
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.resources import as_file, files
from pathlib import Path

import streamlit as st
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import FileResponse
from starlette.routing import Route

from l1demo import engine
from l1demo.ui import identity, live

with as_file(files("plotly") / "package_data" / "plotly.min.js") as _path:
    PLOTLY_JS = _path


async def plotly_js(request: Request) -> FileResponse:
    """Serve the installed package's JavaScript; its address names the version, so a browser fetches it once."""
    return FileResponse(PLOTLY_JS, headers={"Cache-Control": "public, max-age=31536000, immutable"})


@asynccontextmanager
async def lifespan(app: st.App) -> AsyncIterator[None]:
    """Keep the engine while the server lives."""
    running = engine.current()
    gc.freeze()  # what is imported now stays: no collection needs to look at it again
    try:
        yield
    finally:
        running.close()


app = st.App(
    Path(__file__).parent / "l1demo" / "ui" / "navigation.py",
    lifespan=lifespan,
    routes=[Route(live.PLOTLY_ROUTE, plotly_js)],
    middleware=[Middleware(identity.Cookie)],
)
