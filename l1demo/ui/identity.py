"""Who a visitor is: a random cookie that nobody can guess, set with the first page. No name, no account."""

import secrets

import streamlit as st
from starlette.datastructures import MutableHeaders
from starlette.requests import cookie_parser
from starlette.types import ASGIApp, Message, Receive, Scope, Send

COOKIE = "l1demo_visitor"
SIZE = 43  # characters of 32 random bytes
A_YEAR = 365 * 24 * 3600


class Cookie:
    """ASGI middleware that gives a browser without the cookie one, with the page itself."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or _known(scope):
            await self.app(scope, receive, send)
            return

        async def send_with_cookie(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                if headers.get("content-type", "").startswith("text/html"):
                    value = f"{COOKIE}={secrets.token_urlsafe(32)}; Path=/; Max-Age={A_YEAR}; HttpOnly; SameSite=Lax"
                    headers.append("set-cookie", value + ("; Secure" if scope["scheme"] == "https" else ""))
            await send(message)

        await self.app(scope, receive, send_with_cookie)


def visitor() -> str:
    """Return the id of who is looking: of the cookie, or one for this session alone where a browser keeps no cookies."""
    value = st.context.cookies.get(COOKIE, "")
    return value if len(value) == SIZE else st.session_state.setdefault("visitor", secrets.token_urlsafe(32))


def _known(scope: Scope) -> bool:
    sent = b"; ".join(value for name, value in scope["headers"] if name == b"cookie").decode("latin-1")
    return len(cookie_parser(sent).get(COOKIE, "")) == SIZE
