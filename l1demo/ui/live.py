"""The live chart, a small component around ``Plotly.react`` which changes a chart where it stands, and the stage of many panels."""

import hashlib
import json
import zlib
from collections.abc import Callable
from functools import partial
from importlib.metadata import version
from importlib.resources import as_file, files
from pathlib import Path
from typing import Any

import streamlit as st
from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.responses import FileResponse
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from streamlit.components import v2 as components

from l1demo import stage as stages
from l1demo.charts import Chart

FOLDER = "/l1demo"  # of the addresses below
MODULES = sorted(Path(__file__).parent.glob("*.js"))
VERSION = (
    f"{hashlib.sha256(b''.join(m.read_bytes() for m in MODULES)).hexdigest()[:8]}-{version('plotly')}"  # they import one another
)

# Streamlit sends a component's code with each of its updates, so this is only the door to it.
_DOOR = """
let module
export default (component) => {
  if (module) module.draw(component)
  else import(new URL("ADDRESS", location.origin)).then((loaded) => (module = loaded).draw(component))
  return () => module?.release(component.parentElement)
}
"""


def _address(name: str) -> str:
    return f"{st.get_option('server.baseUrlPath').rstrip('/')}{FOLDER}/{name}?v={VERSION}"


def component(name: str) -> Any:
    """Return a Streamlit component whose code is the module of that name beside this one; it exports ``draw`` and ``release``."""
    return components.component(
        f"l1demo_{name}",
        js=_DOOR.replace("ADDRESS", _address(f"{name}.js")),
        isolate_styles=False,  # Plotly puts its own style sheet into the document
    )


_chart, _stage = component("live"), component("stage")


class Ahead:
    """ASGI middleware that has a browser fetch the charts' code while Streamlit's own page is built, not after it."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app
        code = [f"<{_address(module.name)}>; rel=modulepreload" for module in MODULES]
        self.link = ", ".join([*code, f"<{_address('plotly.min.js')}>; rel=prefetch"])

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_with_link(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                if headers.get("content-type", "").startswith("text/html"):
                    headers.append("link", self.link)
            await send(message)

        await self.app(scope, receive, send_with_link if scope["type"] == "http" else send)


def routes() -> list[Route]:
    """Serve the components' code and Plotly's; an address names the version, so that a browser fetches it once."""
    with as_file(files("plotly") / "package_data" / "plotly.min.js") as plotly:
        return [_served(file) for file in (plotly, *MODULES)]


def chart(chart: Chart, key: str, height: int = 260, note: bool = True, on_pick: Callable[[str, str], None] | None = None) -> None:
    """Show a chart, or update the one that stands under the same key.

    Parameters
    ----------
    chart : Chart
    key : str
        One on a page.
    height : int
        CSS pixels.
    note : bool
        Whether the finding stands below the chart for everyone; screen readers always have it.
    on_pick : callable, optional
        Called before the next run of the page with x and y of what was clicked. It comes from the browser, so it may be anything.
    """
    data = {"figure": chart.figure, "alt": chart.alt, "note": note, "height": height, "subject": chart.subject}
    if chart.steps:
        data |= {"steps": chart.steps, "steps_label": chart.steps_label}
    if on_pick:
        data["picks"] = True
        _chart(key=key, data=_compressed(data), on_picked_change=partial(_picked, key, on_pick))
    else:
        _chart(key=key, data=_compressed(data))


def stage(stage: stages.Stage, key: str) -> None:
    """Show panels under one slider, which answers in the browser alone; or update those that stand under the same key.

    With new data of the same subject the slider keeps its place, and charts keep their zoom; where a stage starts at its last step,
    a slider that is at its end follows.

    Parameters
    ----------
    stage : Stage
    key : str
        One on a page.
    """
    _stage(key=key, data=_compressed(stages.wire(stage)))


def _picked(key: str, on_pick: Callable[[str, str], None]) -> None:
    at = st.session_state[key]["picked"]
    if isinstance(at, dict):
        on_pick(str(at.get("x")), str(at.get("y")))


def _compressed(data: dict[str, Any]) -> bytes:
    return zlib.compress(json.dumps(data, separators=(",", ":"), ensure_ascii=False).encode())


def _served(file: Path) -> Route:
    async def response(request: Request) -> FileResponse:
        return FileResponse(file, headers={"Cache-Control": "public, max-age=31536000, immutable"})

    return Route(f"{FOLDER}/{file.name}", response)
