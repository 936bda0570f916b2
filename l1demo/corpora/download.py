"""A file from the network, of which nothing is believed: how long it is, that it comes, that it is the same after a break.

Every way in which a download fails has its sentence. Whether what came is what was wanted, a checksum tells, which is for
``fsdd`` and ``speech_commands``.
"""

import concurrent.futures
import http.client
import ssl
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any
from urllib.parse import urlsplit

from l1demo.corpora import CorpusError
from l1demo.text import _

PATIENCE = 15.0  # seconds without a byte after which a connection is given up
CONNECTIONS = 5  # at most for one file: so often it goes on after a break
BEGINNINGS = 2  # how often a file that cannot go on is begun
PAUSE = 1.0  # seconds before the second connection, and twice as many before each further one
LOOK = 0.1  # seconds between two looks at whether the download is cancelled
BLOCK = 2**18
AGENT = "l1-speech-lab"

Tell = Callable[[float | None, str], object]


class DownloadError(CorpusError):
    """A download that failed; the message says why and what to do."""


class Broken(DownloadError):
    """A download that broke off where it cannot go on: it can be begun anew."""


class Unreachable(DownloadError):
    """A server to which there is no way just now."""


class Remote:
    """A file on a server as a stream, which goes on by itself where a connection breaks off.

    It goes on only where the server says that the file is still the same (RFC 9110, 13.1.5 and 14.2: Range with If-Range), so that
    two halves of different files are never put together.

    Parameters
    ----------
    url : str
        HTTPS or HTTP; a redirection may not leave HTTPS.
    most : int
        Bytes, at which a server that sends more is cut off.
    tell : callable
        Called often with the fraction that has come (None where the server does not say how much there is) and a sentence; what
        it raises ends the download at once, even while the server is silent.
    """

    def __init__(self, url: str, most: int, tell: Tell) -> None:
        self.position = 0
        self.total: int | None = None
        self._url, self._most, self._tell = url, most, tell
        self._host = urlsplit(url).hostname or url
        self._validator = ""
        self._connections = 0
        self._pool = concurrent.futures.ThreadPoolExecutor(1)  # waits for the server, while this thread looks for a cancel
        self._response: Any = None

    def __enter__(self) -> "Remote":
        if urlsplit(self._url).scheme not in ("http", "https"):
            raise DownloadError(_("“{url}” is no address of a server; write https://….").format(url=self._url[:60]))
        try:
            self._begin()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Leave the server; a read that is still under way ends by itself."""
        if self._response is not None:
            self._pool.submit(self._response.close)
        self._pool.shutdown(wait=False)

    def read(self, n: int) -> bytes:
        """Return the next bytes, ``n`` at most; none at the end.

        Raises
        ------
        Broken
            When the connection broke off for good.
        DownloadError
            When the server sends more than there can be, or refuses to go on.
        """
        while True:
            try:
                data: bytes = self._wait_for(self._response.read1, min(n, BLOCK))
            except (OSError, http.client.HTTPException) as error:
                self._go_on(error)
                continue
            self.position += len(data)
            if self.position > self._most:
                raise DownloadError(
                    _("{host} sends more than the {most} that there can be, so it was cut off. Nothing of it was kept.").format(
                        host=self._host, most=megabytes(self._most)
                    )
                )
            if data or self.total is None or self.position >= self.total:
                return data
            self._go_on(EOFError())

    def _begin(self) -> None:
        headers = self._open({}).headers
        length = headers.get("Content-Length", "")
        self.total = int(length) if length.isdecimal() else None
        if (self.total or 0) > self._most:
            raise DownloadError(
                _("{host} offers {n}, but there can be {most} at most. Nothing of it was taken.").format(
                    host=self._host, n=megabytes(self.total or 0), most=megabytes(self._most)
                )
            )
        tag = headers.get("ETag", "")
        self._validator = "" if tag.startswith("W/") else tag or headers.get("Last-Modified", "")

    def _go_on(self, error: Exception) -> None:
        reason = _("nothing came for {n:g} s").format(n=PATIENCE) if isinstance(error, TimeoutError) else ""
        while self._validator and self._connections < CONNECTIONS:
            self._wait_for(time.sleep, PAUSE * 2 ** (self._connections - 1))
            try:
                headers = self._open({"Range": f"bytes={self.position}-", "If-Range": self._validator}).headers
            except Unreachable as unreachable:
                error = unreachable
                continue
            return self._check_rest(headers)
        raise self._broken(reason) from error

    def _check_rest(self, headers: http.client.HTTPMessage) -> None:
        span, _slash, whole = headers.get("Content-Range", "").partition("/")
        if self._response.status != http.client.PARTIAL_CONTENT or not span.startswith(f"bytes {self.position}-"):
            raise self._broken(_("the server does not go on where it was, or the file changed"))
        tag = headers.get("ETag") or headers.get("Last-Modified") or self._validator
        if tag != self._validator or (whole.isdecimal() and self.total is not None and int(whole) != self.total):
            raise self._broken(_("the file on the server changed meanwhile"))

    def _open(self, headers: dict[str, str]) -> Any:
        self._connections += 1
        asked = urllib.request.Request(self._url, headers={"User-Agent": AGENT, "Accept-Encoding": "identity", **headers})
        try:
            self._response = self._wait_for(_opener().open, asked, None, PATIENCE)
        except urllib.error.HTTPError as error:
            error.close()
            if error.code == http.client.REQUESTED_RANGE_NOT_SATISFIABLE:
                raise self._broken(_("the file on the server changed meanwhile")) from error
            if error.code < 400:
                raise DownloadError(
                    _("{host} sends on to an address that cannot be followed. Nothing of it was taken.").format(host=self._host)
                ) from error
            raise DownloadError(
                _(
                    "{host} answers {code} ({reason}): it does not give the file. Try again later, or use an archive of yours."
                ).format(host=self._host, code=error.code, reason=http.client.responses.get(error.code, _("unknown")))
            ) from error
        except (OSError, http.client.HTTPException) as error:
            raise self._unreachable(getattr(error, "reason", error)) from error
        return self._response

    def _unreachable(self, reason: object) -> DownloadError:
        if isinstance(reason, ssl.SSLError):
            return DownloadError(
                _("{host} does not prove who it is ({reason}), so nothing was taken from it.").format(
                    host=self._host, reason=reason
                )
            )
        if isinstance(reason, TimeoutError):
            said = _("no answer for {n:g} s").format(n=PATIENCE)
        elif isinstance(reason, OSError):
            said = reason.strerror or str(reason)
        else:
            said = _("its answer is not understood")
        return Unreachable(
            _("There is no way to {host} just now ({reason}). The built-in digits work without a network.").format(
                host=self._host, reason=said
            )
        )

    def _broken(self, reason: str) -> Broken:
        came = megabytes(self.position)
        if self.total is not None:
            came = _("{part} of {whole}").format(part=came, whole=megabytes(self.total))
        return Broken(
            _("The download from {host} broke off after {came}{reason}. Nothing of it was kept; try again later.").format(
                host=self._host, came=came, reason=f" ({reason})" if reason else ""
            )
        )

    def _wait_for(self, function: Callable[..., Any], *args: Any) -> Any:
        waiting = self._pool.submit(function, *args)
        while True:
            done = concurrent.futures.wait([waiting], LOOK).done
            if self.total is None:
                self._tell(None, _("{n} so far").format(n=megabytes(self.position)))
            else:
                share = self.position / max(1, self.total)
                self._tell(share, _("{part} of {whole}").format(part=megabytes(self.position), whole=megabytes(self.total)))
            if done:
                return waiting.result()


def fetch(url: str, path: Path, most: int, tell: Tell) -> None:
    """Download a file; one that breaks off and cannot go on is begun once more.

    Parameters
    ----------
    url, most, tell
        As for ``Remote``.
    path : Path
        Where it is kept. After an error it is not whole; whose folder that is deletes it.

    Raises
    ------
    DownloadError
        When it fails, or there is no room for it.
    """
    for beginnings_left in reversed(range(BEGINNINGS)):
        try:
            with Remote(url, most, tell) as remote, path.open("wb") as file:
                while data := remote.read(BLOCK):
                    file.write(data)
            return
        except Broken:
            if not beginnings_left:
                raise
        except OSError as error:  # the network's are the stream's own
            raise DownloadError(
                _("The download cannot be kept: {reason}. Nothing of it is left; make room and try again.").format(
                    reason=error.strerror or error
                )
            ) from error


def megabytes(n: int) -> str:
    """Write a number of bytes in megabytes of a million each, as disks and servers count."""
    return _("{n:,.1f} MB").format(n=n / 1e6)


class _Redirections(urllib.request.HTTPRedirectHandler):
    def redirect_request(
        self, req: urllib.request.Request, fp: Any, code: int, msg: str, headers: Any, newurl: str
    ) -> urllib.request.Request | None:
        if urlsplit(newurl).scheme not in ({"https"} if req.type == "https" else {"http", "https"}):
            raise DownloadError(
                _("{host} sends on to an address without encryption, which was not followed.").format(host=req.host)
            )
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def _opener() -> urllib.request.OpenerDirector:
    return urllib.request.build_opener(_Redirections, urllib.request.HTTPSHandler(context=ssl.create_default_context()))
