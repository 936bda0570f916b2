"""What is listed of a folder or ZIP: its recordings, and nothing that lies elsewhere. Refusals stand in ``malformed_archives``."""

import io
import os
import struct
import zipfile
from pathlib import Path

import pytest
from malformed_archives import pack, patched
from sounds import encode, sine

from l1demo.corpora import CorpusError, archive, members

TONE = encode(sine(seconds=0.3, rate=8_000), 8_000)
GOOD = {"a_x_0.wav": TONE, "b_x_0.wav": TONE}


def listing(path: Path) -> tuple[list[str], list[str]]:
    with members.listed(path) as found:
        return [str(member.path) for member in found.members], found.skipped


def folder_of(path: Path, files: dict[str, bytes]) -> Path:
    for name, data in files.items():
        (path / name).parent.mkdir(parents=True, exist_ok=True)
        (path / name).write_bytes(data)
    return path


def zip_of(path: Path, data: bytes) -> Path:
    path.write_bytes(data)
    return path


@pytest.mark.parametrize("form", ["zip", "folder"])
def test_recordings_are_listed_by_path_and_hidden_or_other_files_are_not(tmp_path: Path, form: str) -> None:
    files = {"b/x.WAV": TONE, "a/y.webm": b"", "a/notes.txt": b"", "a/.x.wav": TONE, "_noise_/z.wav": TONE, "a/more.zip": b"PK"}
    path = folder_of(tmp_path / "f", files) if form == "folder" else zip_of(tmp_path / "f.zip", pack(files))
    top = "f/" if form == "folder" else ""
    assert listing(path) == (
        [f"{top}a/y.webm", f"{top}b/x.WAV"],
        [f"{top}a/more.zip: it is an archive within, which is not opened; unpack it first"],
    )


def test_a_folder_whose_own_name_is_hidden_is_read(tmp_path: Path) -> None:
    assert listing(folder_of(tmp_path / "_mine", GOOD))[0] == ["_mine/a_x_0.wav", "_mine/b_x_0.wav"]


@pytest.mark.skipif(os.name == "nt", reason="links need rights there")
def test_links_of_a_folder_are_named_and_not_followed(tmp_path: Path) -> None:
    outside = folder_of(tmp_path / "outside", {"secret_x_0.wav": TONE})
    folder = folder_of(tmp_path / "mine", GOOD)
    (folder / "c_x_0.wav").symlink_to(outside / "secret_x_0.wav")
    (folder / "linked").symlink_to(outside)
    (folder / "self").symlink_to(folder)
    found, skipped = listing(folder)
    assert found == ["mine/a_x_0.wav", "mine/b_x_0.wav"]
    assert [sentence.split(": it is a link")[0] for sentence in skipped] == ["mine/c_x_0.wav", "mine/linked", "mine/self"]


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes on this system")
def test_a_folder_with_a_pipe_does_not_hang(tmp_path: Path) -> None:
    folder = folder_of(tmp_path / "piped", GOOD)
    os.mkfifo(folder / "a_x_9.wav")
    assert len(archive.load(folder)) == 2


@pytest.mark.skipif(os.name == "nt", reason="names are Unicode there")
def test_names_that_are_no_text_do_not_stop_a_folder(tmp_path: Path) -> None:
    folder = folder_of(tmp_path / "odd", GOOD)
    (folder / os.fsdecode(b"c\xff_x_0.wav")).write_bytes(TONE)
    assert archive.load(folder).words == ("a", "b", "c")


def test_a_deep_folder_is_read_to_its_end(tmp_path: Path) -> None:
    deep = tmp_path / "deep"
    folder_of(deep / "/".join("d" * 300), GOOD)
    assert len(archive.load(deep)) == 2


def test_too_many_files_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = folder_of(tmp_path / "many", {**GOOD, **{f"{i}.txt": b"" for i in range(10)}})
    path = zip_of(tmp_path / "many.zip", pack(GOOD | {"c_x_0.wav": TONE}))
    monkeypatch.setattr(members, "MAX_ENTRIES", 11)
    with pytest.raises(CorpusError, match="many holds more than 11 files"):
        listing(folder)
    monkeypatch.setattr(members, "MAX_MEMBERS", 2)
    with pytest.raises(CorpusError, match=r"many\.zip holds more than 2 files"):
        listing(path)
    monkeypatch.setattr(members, "MAX_MEMBERS", 1)
    monkeypatch.setattr(members, "MAX_ENTRIES", 100)
    with pytest.raises(CorpusError, match="many has more than 1 recordings"):
        listing(folder)


def test_an_archive_behind_other_bytes_is_read(tmp_path: Path) -> None:
    assert listing(zip_of(tmp_path / "installer.zip", b"MZ" + bytes(5_000) + pack(GOOD)))[0] == list(GOOD)


def test_a_folder_within_an_archive_that_has_bytes_is_no_recording(tmp_path: Path) -> None:
    assert listing(zip_of(tmp_path / "f.zip", pack({**GOOD, "c_x_0.wav/": TONE})))[0] == list(GOOD)


@pytest.mark.parametrize(("encoding", "word"), [("utf-8", "是"), ("gb2312", "是"), ("cp437", "été")])
def test_names_of_archives_that_do_not_tell_their_letters_are_understood(tmp_path: Path, encoding: str, word: str) -> None:
    written = f"{word}_x_0.wav".encode(encoding)
    stand_in = "~" * (len(written) - len("_x_0.wav")) + "_x_0.wav"
    data = pack({stand_in: TONE, "b_x_0.wav": TONE}).replace(stand_in.encode(), written)
    assert archive.load(zip_of(tmp_path / "f.zip", data)).words == ("b", word)


def test_what_windows_would_not_name_so_is_only_a_word(tmp_path: Path) -> None:
    words = ("aux", "con", "nul")
    assert archive.load(zip_of(tmp_path / "f.zip", pack({f"{word.upper()}_x_0.wav": TONE for word in words}))).words == words


def test_more_bytes_than_are_told_are_never_unpacked(tmp_path: Path) -> None:
    data = patched(pack({"a_x_0.wav": bytes(900_000)}), b"PK\x01\x02", 24, "<I", 1_000)
    asked: list[int] = []
    with members.listed(zip_of(tmp_path / "lie.zip", data)) as found:
        member = found.members[0]

        class Asked(io.BytesIO):
            def read(self, size: int | None = -1, /) -> bytes:
                asked.append(size or -1)
                return super().read(size)

        members.read(members.Member(member.path, member.size, lambda: Asked(bytes(900_000))))
    assert asked == [1_001]


def test_a_table_of_contents_is_judged_before_it_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[zipfile.ZipInfo] = []
    monkeypatch.setattr(zipfile, "ZipInfo", lambda *args: read.append(args))
    entry = b"PK\x01\x02" + struct.pack("<HHHHHHIIIHHHHHII", 20, 20, 0, 0, 0, 0, 0, 0, 0, 9, 0, 0, 0, 0, 0, 0) + b"a_x_0.wav"
    table = entry * 300_000
    end = b"PK\x05\x06" + struct.pack("<HHHHIIH", 0, 0, 2, 2, len(table), 0, 0)  # it says two files
    with pytest.raises(CorpusError, match="table of contents has 16 MB; at most 12 MB"):
        listing(zip_of(tmp_path / "million.zip", table + end))
    assert read == []
