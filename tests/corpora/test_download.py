"""Downloads from a server on loopback that is slow, breaks off, lies, changes its mind and never ends."""

import ssl
from pathlib import Path
from urllib.request import Request

import numpy as np
import pytest
import servers
from servers import broken, endless, file, serving, silent, status

from l1demo.corpora import download
from l1demo.corpora.download import DownloadError, fetch

DATA = np.random.default_rng(0).bytes(300_000)
OTHER = np.random.default_rng(1).bytes(300_000)
MOST = 1_000_000


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(download, "PATIENCE", 0.3)
    monkeypatch.setattr(download, "PAUSE", 0.001)


def quiet(fraction: float | None, sentence: str) -> None:
    pass


def test_a_good_file_comes_whole_and_tells_how_far_it_is(tmp_path: Path) -> None:
    told: list[tuple[float | None, str]] = []
    with serving(file(DATA)) as server:
        fetch(server.url, tmp_path / "f", MOST, lambda *what: told.append(what))
    assert (tmp_path / "f").read_bytes() == DATA
    assert len(server.asked) == 1
    assert told[-1] == (1.0, "0.3 MB of 0.3 MB")
    fractions = [fraction or 0.0 for fraction, _sentence in told]
    assert fractions == sorted(fractions)


def chunked(request: servers.Request) -> None:
    request.head(Transfer_Encoding="chunked")
    for at in range(0, len(DATA), 70_000):
        piece = DATA[at : at + 70_000]
        request.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece))
    request.wfile.write(b"0\r\n\r\n")


@pytest.mark.parametrize("answer", [chunked, lambda request: (request.head(), request.wfile.write(DATA))])
def test_a_file_of_unknown_length_comes_whole(tmp_path: Path, answer: servers.Answer) -> None:
    with serving(answer) as server:
        fetch(server.url, tmp_path / "f", MOST, quiet)
    assert (tmp_path / "f").read_bytes() == DATA


def test_what_breaks_off_goes_on_where_it_was(tmp_path: Path) -> None:
    with serving(broken(DATA, 100_000), broken(DATA, 50_000), file(DATA)) as server:
        fetch(server.url, tmp_path / "f", MOST, quiet)
    assert (tmp_path / "f").read_bytes() == DATA
    ranges = [(headers.get("Range"), headers.get("If-Range")) for _path, headers in server.asked]
    assert ranges == [(None, None), ("bytes=100000-", '"one"'), ("bytes=150000-", '"one"')]


def without_if_range(data: bytes, tag: str) -> servers.Answer:
    """A server that goes on with whatever file it has now."""

    def answer(request: servers.Request) -> None:
        at = int(request.headers["Range"][6:-1]) if "Range" in request.headers else 0
        more = {"Content_Range": f"bytes {at}-{len(data) - 1}/{len(data)}"} if at else {}
        request.head(206 if at else 200, Content_Length=len(data) - at, ETag=tag, **more)
        request.wfile.write(data[at:])

    return answer


@pytest.mark.parametrize(
    "second",
    [
        file(OTHER, '"two"'),  # answers with the whole new file
        without_if_range(OTHER, '"two"'),
        without_if_range(OTHER[:-1], '"one"'),  # of another length
        file(OTHER, ranges=False),
        status(416),
        lambda request: request.head(206, Content_Length=5, ETag='"one"', Content_Range="bytes 7-11/300000"),
    ],
    ids=["changed", "changed unsaid", "other length", "no ranges", "416", "other place"],
)
def test_a_file_that_cannot_go_on_is_begun_anew_and_never_put_together_of_two(tmp_path: Path, second: servers.Answer) -> None:
    with serving(broken(DATA, 100_000), second, file(OTHER, '"two"')) as server:
        fetch(server.url, tmp_path / "f", MOST, quiet)
    assert (tmp_path / "f").read_bytes() == OTHER
    assert "Range" in server.asked[1][1] and "Range" not in server.asked[2][1]


def test_a_file_without_a_tag_is_begun_anew(tmp_path: Path) -> None:
    with serving(broken(DATA, 100_000, None), file(DATA)) as server:
        fetch(server.url, tmp_path / "f", MOST, quiet)
    assert (tmp_path / "f").read_bytes() == DATA
    assert "Range" not in server.asked[1][1]


FAILURES: dict[str, tuple[servers.Answer, str]] = {
    "404": (status(404), r"answers 404 \(Not Found\)"),
    "500": (status(500), "answers 500"),
    "breaks off": (broken(DATA, 1000), r"broke off after 0\.0 MB of 0\.3 MB"),
    "breaks off without a tag": (broken(DATA, 1000, None), "broke off after"),
    "silent": (silent(DATA), "nothing came for 0.3 s"),
    "no head": (lambda request: None, "no way to 127.0.0.1"),
    "no HTTP": (lambda request: request.wfile.write(b"hello\r\n\r\n") and None, "no way to 127.0.0.1"),
    "never ends": (endless, "sends more than the 1.0 MB that there can be"),
    "offers too much": (lambda request: request.head(Content_Length=2_000_000), "offers 2.0 MB"),
    "a circle": (status(302, Location="/archive.zip"), "cannot be followed"),
    "to a file": (status(302, Location="file:///etc/passwd"), "cannot be followed|without encryption"),
    "to nowhere": (status(302, Location="http://127.0.0.1:9/"), "no way to 127.0.0.1"),
}


@pytest.mark.parametrize("case", FAILURES)
def test_every_failure_has_its_sentence(tmp_path: Path, case: str) -> None:
    answer, sentence = FAILURES[case]
    with serving(answer) as server, pytest.raises(DownloadError, match=sentence) as caught:
        fetch(server.url, tmp_path / "f", MOST, quiet)
    assert "\n" not in str(caught.value) and len(str(caught.value)) < 250
    assert len(server.asked) <= download.CONNECTIONS * download.BEGINNINGS + 10  # urllib follows ten steps of a circle


def test_no_network_is_told_kindly(tmp_path: Path) -> None:
    with pytest.raises(DownloadError, match="built-in digits work without a network"):
        fetch("http://127.0.0.1:9/archive.zip", tmp_path / "f", MOST, quiet)


@pytest.mark.parametrize("url", ["file:///etc/passwd", "ftp://127.0.0.1/x", "banana", ""])
def test_what_is_no_server_is_not_read(tmp_path: Path, url: str) -> None:
    with pytest.raises(DownloadError, match="no address of a server"):
        fetch(url, tmp_path / "f", MOST, quiet)
    assert not (tmp_path / "f").exists()


class Left(BaseException):
    pass


@pytest.mark.parametrize("answer", [silent(DATA), endless])
def test_it_ends_at_once_where_it_is_cancelled_even_while_the_server_is_silent(
    tmp_path: Path, answer: servers.Answer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(download, "PATIENCE", 30.0)
    looks = 0

    def tell(fraction: float | None, sentence: str) -> None:
        nonlocal looks
        looks += 1
        if looks > 5:
            raise Left

    with serving(answer) as server, pytest.raises(Left):
        fetch(server.url, tmp_path / "f", 10**12, tell)
    assert len(server.asked) == 1


def test_a_full_disk_is_told(tmp_path: Path) -> None:
    full = Path("/dev/full")
    if not full.exists():
        pytest.skip("no /dev/full on this system")
    with serving(file(DATA)) as server, pytest.raises(DownloadError, match="No space left"):
        fetch(server.url, full, MOST, quiet)


def test_a_redirection_is_followed_but_never_out_of_encryption() -> None:
    def follow(start: str, goal: str) -> Request | None:
        return download._Redirections().redirect_request(Request(start), None, 302, "Found", {}, goal)

    assert follow("https://a.org/x", "https://b.org/y").full_url == "https://b.org/y"  # type: ignore[union-attr]
    with pytest.raises(DownloadError, match="without encryption"):
        follow("https://a.org/x", "http://b.org/y")


def test_certificates_are_checked() -> None:
    (https,) = [handler for handler in download._opener().handlers if isinstance(handler, download.urllib.request.HTTPSHandler)]
    context = https._context  # type: ignore[attr-defined]
    assert context.verify_mode == ssl.CERT_REQUIRED and context.check_hostname
