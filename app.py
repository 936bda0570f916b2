"""Composition root: start the engine with the server, serve the charts' JavaScript, run the pages. Nothing else."""

import gc
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import streamlit as st
from starlette.middleware import Middleware

from l1demo import engine
from l1demo.text import _
from l1demo.ui import identity, live


def say_sorry(error: Exception) -> bool:
    """Show a sentence for an error in a page, which Streamlit logs; the visitor is not to see a traceback."""
    st.error(_("Something in the lab went wrong; the server's log says what. Reload the page to go on."), icon=":material/error:")
    return True


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
    routes=live.routes(),
    middleware=[Middleware(identity.Cookie), Middleware(live.Ahead)],
    on_script_error=say_sorry,
)
