"""Every malformed recording and archive ends in a sentence of its own: no crash, no traceback, nothing on stderr, little memory."""

import json
import re
import subprocess
import sys
from pathlib import Path

import malformed
import malformed_archives
import pytest

from l1demo import audio
from l1demo.audio import AudioError
from l1demo.corpora import CorpusError, archive

RECORDINGS = malformed.recordings()
ARCHIVES = malformed_archives.archives()
RAW = re.compile(
    r"Traceback|Error\b|Errno|Invalid data|out of range|object at|NoneType|<class|File is not|Bad (CRC|magic)|b'|0x\w{6}"
)


def is_kind(sentence: str) -> bool:
    return sentence.isprintable() and 20 < len(sentence) < 400 and not RAW.search(sentence)


def test_there_are_enough_of_them_and_they_are_the_same_in_every_run() -> None:
    assert len({name for name, _data, _says in RECORDINGS}) == len(RECORDINGS) >= 200
    assert len({name for name, _data, _says in ARCHIVES}) == len(ARCHIVES) >= 50
    assert malformed.recordings() == RECORDINGS
    assert {Path(name).suffix for name, _data, _says in RECORDINGS} >= {".wav", ".flac", ".ogg", ".opus", ".mp3", ".m4a", ".webm"}


@pytest.mark.parametrize("name", malformed.good())
def test_what_they_are_made_from_is_good(name: str) -> None:
    assert audio.read(malformed.good()[name]).seconds == pytest.approx(0.5, abs=0.1)


def test_every_recording_ends_in_a_sentence_on_what_is_wrong(capfd: pytest.CaptureFixture[str]) -> None:
    wrong = {}
    for name, data, says in RECORDINGS:
        try:
            wrong[name] = f"is a sound of {audio.read(data, 8_000).seconds} s"
        except AudioError as error:
            if not (is_kind(str(error)) and re.search(says, str(error))):
                wrong[name] = str(error)
    assert wrong == {}
    assert capfd.readouterr().err == ""


ALL_AT_ONCE = """
import json, resource, sys
import malformed
from l1demo import audio
cases = malformed.recordings()
before = resource.getrusage(resource.RUSAGE_SELF)
sentences = {}
for name, data, _says in cases:
    try:
        audio.read(data)
    except audio.AudioError as error:
        sentences[name] = str(error)
after = resource.getrusage(resource.RUSAGE_SELF)
print(json.dumps([len(sentences), after.ru_maxrss - before.ru_maxrss, after.ru_utime - before.ru_utime]))
"""


@pytest.mark.skipif(sys.platform == "win32", reason="the system does not tell a process's memory so")
def test_a_process_that_reads_them_all_lives_and_stays_small() -> None:
    path = [str(Path(__file__).parent), str(Path(__file__).parents[1])]
    done = subprocess.run(
        [sys.executable, "-c", f"import sys; sys.path[:0] = {path}\n{ALL_AT_ONCE}"], capture_output=True, text=True
    )
    assert (done.returncode, done.stderr) == (0, "")
    sentences, memory, seconds = json.loads(done.stdout)
    assert sentences == len(RECORDINGS)
    unit = 1 if sys.platform == "darwin" else 1024  # bytes there, kilobytes elsewhere
    assert memory * unit < 100 * 2**20
    assert seconds < 30  # of the processor, whatever else it does: a bomb takes minutes


def test_a_zip_of_all_of_them_and_some_good_ones_names_each_and_loads_the_good(tmp_path: Path) -> None:
    path = tmp_path / "class.zip"
    files = {f"yes/{name}": data for name, data, _says in RECORDINGS}
    files |= {f"{word}/good-{name}": data for word in ("yes", "no") for name, data in malformed.good().items()}
    path.write_bytes(malformed_archives.pack(files))
    corpus = archive.load(path)
    assert corpus.words == ("no", "yes")
    assert len(corpus) == 2 * len(malformed.good())
    assert [sentence.split(": ")[0] for sentence in corpus.skipped] == sorted(f"yes/{name}" for name, _data, _says in RECORDINGS)


@pytest.mark.parametrize(("name", "data", "says"), ARCHIVES, ids=[name for name, _data, _says in ARCHIVES])
def test_every_archive_ends_in_a_sentence_or_names_its_bad_member(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], name: str, data: bytes, says: str
) -> None:
    path = tmp_path / f"{name}.zip"
    path.write_bytes(data)
    try:
        corpus = archive.load(path)
    except CorpusError as error:
        sentences = (str(error),)
    else:
        sentences = corpus.skipped
        assert corpus.words == ("a", "b")  # the good ones are there
    assert any(re.search(says, sentence) for sentence in sentences), sentences
    assert all(is_kind(sentence) for sentence in sentences)
    assert list(tmp_path.iterdir()) == [path]  # nothing was unpacked beside it
    assert capfd.readouterr().err == ""
