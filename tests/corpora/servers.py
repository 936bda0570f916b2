"""A server on loopback that misbehaves as it is told, for tests of downloads."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

Answer = Callable[["Request"], None]


class Request(BaseHTTPRequestHandler):
    """One request; ``server.answers`` says what is done with the first, the second, …; the last one stays."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        server = self.server
        assert isinstance(server, Server)
        with server.guard:
            server.asked.append((self.path, dict(self.headers)))
            answer = server.answers[min(len(server.asked), len(server.answers)) - 1]
        self.close_connection = True
        try:
            answer(self)
            self.wfile.flush()
        except (BrokenPipeError, ConnectionResetError):
            return  # whoever asked has left

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""

    def head(self, status: int = 200, **headers: object) -> None:
        """Send the head of an answer; ``_`` in a header's name stands for ``-``."""
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), str(value))
        self.send_header("Connection", "close")
        self.end_headers()


class Server(ThreadingHTTPServer):
    """What has been asked, and what is to be answered; ``leave`` ends the answers that never end."""

    daemon_threads = True

    def __init__(self, *answers: Answer) -> None:
        super().__init__(("127.0.0.1", 0), Request)
        self.answers = answers
        self.asked: list[tuple[str, dict[str, str]]] = []
        self.guard = threading.Lock()
        self.leave = threading.Event()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/archive.zip"


@contextmanager
def serving(*answers: Answer) -> Iterator[Server]:
    with Server(*answers) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield server
        finally:
            server.leave.set()
            server.shutdown()
            thread.join()


def file(data: bytes, tag: str = '"one"', ranges: bool = True) -> Answer:
    """Serve a file as a good server does; without ``ranges`` it always begins at the start."""

    def answer(request: Request) -> None:
        at = _begin(request, data, tag) if ranges else 0
        if at:
            request.head(206, Content_Length=len(data) - at, ETag=tag, Content_Range=f"bytes {at}-{len(data) - 1}/{len(data)}")
        else:
            request.head(Content_Length=len(data), ETag=tag)
        request.wfile.write(data[at:])

    return answer


def broken(data: bytes, n: int, tag: str | None = '"one"') -> Answer:
    """Promise the whole file, send ``n`` bytes from where it was asked for, and break off."""

    def answer(request: Request) -> None:
        at = _begin(request, data, tag or "")
        more = {"ETag": tag} if tag else {}
        if at:
            request.head(206, Content_Length=len(data) - at, Content_Range=f"bytes {at}-{len(data) - 1}/{len(data)}", **more)
        else:
            request.head(Content_Length=len(data), **more)
        request.wfile.write(data[at : at + n])

    return answer


def status(code: int, **headers: object) -> Answer:
    return lambda request: request.head(code, Content_Length=0, **headers)


def endless(request: Request) -> None:
    """Send without end, and without saying how much."""
    request.head()
    while True:
        request.wfile.write(bytes(2**16))


def silent(data: bytes) -> Answer:
    """Send a head and a first byte, and then nothing until the test is over."""

    def answer(request: Request) -> None:
        request.head(Content_Length=len(data))
        request.wfile.write(data[:1])
        request.wfile.flush()
        assert isinstance(request.server, Server)
        request.server.leave.wait()

    return answer


def _begin(request: Request, data: bytes, tag: str) -> int:
    asked = request.headers.get("Range", "")
    if not asked or request.headers.get("If-Range") != tag:
        return 0
    return int(asked.removeprefix("bytes=").removesuffix("-"))
