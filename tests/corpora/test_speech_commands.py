"""Speech Commands from tiny archives of its layout: the words that are chosen, its makers' split, and what is refused."""

import hashlib
import io
import tarfile

import numpy as np
import pytest
import soundfile
from servers import broken, file, serving, status

from l1demo import job_tasks, shelf
from l1demo.corpora import CorpusError, speech_commands
from l1demo.corpora.division import divide
from l1demo.job_tasks import Tell
from l1demo.spec import CorpusSpec

pytestmark = pytest.mark.usefixtures("home")

SPEAKERS = ("0a7c2a8d", "1b4c9b89", "ffd2ba2f", "004ae714")
LISTS = {"validation_list.txt": ("1b4c9b89",), "testing_list.txt": ("ffd2ba2f",)}


def tone(hertz: float) -> bytes:
    data = io.BytesIO()
    soundfile.write(data, 0.5 * np.sin(2 * np.pi * hertz * np.arange(8000) / 16_000), 16_000, format="WAV", subtype="PCM_16")
    return data.getvalue()


def members(words: tuple[str, ...] = ("yes", "no", "bed"), takes: int = 2) -> dict[str, bytes]:
    files = {
        f"./{word}/{who}_nohash_{take}.wav": tone(400 + 300 * w + 20 * take + 5 * s)
        for w, word in enumerate(words)
        for s, who in enumerate(SPEAKERS)
        for take in range(takes)
    }
    return {"./README.md": b"# Speech Commands", "./_background_noise_/hum.wav": tone(50), **files}


def lists(files: dict[str, bytes]) -> dict[str, bytes]:
    return {
        f"./{name}": "\n".join(path[2:] for path in files if path.split("/")[-1].split("_")[0] in who).encode() + b"\n"
        for name, who in LISTS.items()
    }


def pack(files: dict[str, bytes]) -> bytes:
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w:gz") as archive:
        for name, content in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return data.getvalue()


def read(data: bytes, words: tuple[str, ...] = ("yes", "no"), most: int = 0):
    return speech_commands.read(io.BytesIO(data), words, most, len(data), hashlib.sha256(data).hexdigest())


FILES = members()
GOOD = pack({**FILES, **lists(FILES)})  # the lists come last


def test_the_numbers_of_recordings_are_those_of_the_dataset() -> None:
    assert (len(speech_commands.RECORDINGS), sum(speech_commands.RECORDINGS.values())) == (35, 105_829)  # its readme, and the paper


@pytest.mark.parametrize("data", [GOOD, pack({**lists(FILES), **FILES})], ids=["lists last", "lists first"])
def test_the_chosen_words_are_kept_with_their_speakers_and_their_makers_split(data: bytes) -> None:
    corpus = read(data)
    assert (corpus.words, corpus.speakers) == (("no", "yes"), tuple(sorted(SPEAKERS)))
    assert len(corpus) == 2 * 4 * 2
    assert np.diff(corpus.starts).tolist() == pytest.approx([4000] * 16, abs=2)  # 8 kHz
    assert corpus.official is not None
    role = {corpus.speakers[voice]: int(part) for voice, part in zip(corpus.voices, corpus.official, strict=True)}
    assert role == {"0a7c2a8d": 0, "004ae714": 0, "1b4c9b89": 1, "ffd2ba2f": 2}
    division = divide(corpus, CorpusSpec(split="official"), seed=0)
    assert (len(division.train), len(division.validation)) == (8, 4)


def test_no_more_of_a_word_is_decoded_than_is_wanted(monkeypatch: pytest.MonkeyPatch) -> None:
    from l1demo import audio

    decoded = []
    monkeypatch.setattr(audio, "read", lambda *args, read=audio.read: decoded.append(1) or read(*args))
    assert np.bincount(read(GOOD, most=3).labels).tolist() == [3, 3]
    assert len(decoded) == 6


def test_what_cannot_be_read_is_left_out_and_named() -> None:
    corpus = read(pack({**FILES, "./yes/0a7c2a8d_nohash_9.wav": b"no sound at all", "./yes/evil.wav": tone(300)}))
    assert len(corpus) == 16
    assert len(corpus.skipped) == 1 and corpus.skipped[0].startswith("yes/0a7c2a8d_nohash_9.wav: ")


def link() -> bytes:
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w:gz") as archive:
        info = tarfile.TarInfo("./yes/0a7c2a8d_nohash_0.wav")
        info.type, info.linkname = tarfile.SYMTYPE, "/etc/passwd"
        archive.addfile(info)
    return data.getvalue()


REFUSED = {
    "a wrong byte at the end": (GOOD[:-5] + bytes([GOOD[-5] ^ 1]) + GOOD[-4:], GOOD, "cannot be unpacked|checksum"),
    "a wrong byte in its midst": (GOOD[:3000] + bytes([GOOD[3000] ^ 1]) + GOOD[3001:], GOOD, "cannot be unpacked|checksum"),
    "cut off": (GOOD[:-2000], GOOD, "cannot be unpacked"),
    "longer": (GOOD + b"more", GOOD, "longer than it should be"),
    "another archive": (pack(members(takes=1)), GOOD, "checksum is another"),
    "no archive": (b"hello" * 1000, GOOD, "cannot be unpacked"),
    "links alone": (link(), link(), "no recording of “no”"),
    "a word is missing": (pack(members(("yes",))), pack(members(("yes",))), "no recording of “no”"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_not_the_archive_is_refused(case: str) -> None:
    data, wanted, sentence = REFUSED[case]
    with pytest.raises(CorpusError, match=sentence):
        speech_commands.read(io.BytesIO(data), ("yes", "no"), 0, len(wanted), hashlib.sha256(wanted).hexdigest())


def test_an_archive_that_swells_is_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(speech_commands, "UNPACKED_BYTES", 1_000_000)
    with pytest.raises(CorpusError, match="it holds too much"):
        read(pack({"./zeros": bytes(20_000_000), **FILES}))


@pytest.mark.parametrize(
    ("words", "most", "sentence"),
    [
        (("yes",), 0, "at least two words"),
        (("yes", "banana"), 0, "has no “banana”"),
        (tuple(speech_commands.RECORDINGS), 0, "105,829"),
        (("yes", "no"), -1, "-1 clips"),
    ],
)
def test_what_cannot_be_asked_for_is_refused_before_the_download(words: tuple[str, ...], most: int, sentence: str) -> None:
    with pytest.raises(CorpusError, match=sentence):
        speech_commands.how_many(words, most)
    assert speech_commands.how_many(tuple(speech_commands.RECORDINGS), 500) == 35 * 500


@pytest.mark.parametrize("answers", [(file(GOOD),), (broken(GOOD, 2000), file(GOOD))], ids=["good", "resumed"])
def test_a_download_is_kept(tell: Tell, answers) -> None:
    with serving(*answers) as server:
        name = job_tasks.download_speech_commands(tell, server.url, ("yes", "no"), 0, len(GOOD), hashlib.sha256(GOOD).hexdigest())
    about = shelf.about(name)
    assert (about.kind, about.title, about.clips, about.official) == ("commands", "Speech Commands: no, yes", 16, True)


@pytest.mark.parametrize(
    ("answer", "sentence"),
    [
        (status(404), "404"),
        (broken(GOOD, 2000, None), "broke off"),
        (file(GOOD + b"more"), "offers"),
        (file(pack(members(takes=1))), "checksum is another"),
    ],
)
def test_a_download_that_fails_leaves_nothing(tell: Tell, answer, sentence: str) -> None:
    with serving(answer) as server, pytest.raises(CorpusError, match=sentence):
        job_tasks.download_speech_commands(tell, server.url, ("yes", "no"), 0, len(GOOD), hashlib.sha256(GOOD).hexdigest())
    assert shelf.names() == []
