"""Spoken words: the same each time, in many voices, told apart by strangers to those voices; and what cannot be spoken is named."""

import importlib.util
from pathlib import Path
from typing import Any

import espeakng_loader
import numpy as np
import psutil
import pytest

from l1demo import shelf, synthesis
from l1demo.corpora import RATE, Corpus
from l1demo.corpora.division import divide
from l1demo.features import log_mel, normalise
from l1demo.spec import CorpusSpec, FeatureSpec


def spoken(*words: str, language: str = "en", takes: int = 2) -> Corpus:
    return synthesis.speak(words, language, takes, lambda *_told: None)


@pytest.fixture(scope="module")
def yes_no() -> Corpus:
    return spoken("yes", "no")


def test_every_language_has_a_name_a_code_of_its_own_and_an_accent() -> None:
    languages = synthesis.languages()
    by_code = {language.code: language for language in languages}
    assert len(by_code) == len(languages) > 100
    assert len({language.name for language in languages}) == len(languages)
    assert by_code["en"].name == "English"
    assert {"gmw/en-US", "gmw/en-GB-scotland"} < set(by_code["en"].accents)
    assert "art/en-Shaw" not in by_code["en"].accents  # which reads another alphabet
    assert by_code["gmw/en-US"].name == "English (America)"
    assert by_code["cmn"].name.startswith("Chinese (Mandarin")
    assert all(language.accents for language in languages)


def test_the_same_words_are_the_same_corpus_in_whatever_order_and_after_whatever_others(yes_no: Corpus, tmp_path: Path) -> None:
    names = {shelf.save(corpus, "words", "t", into=tmp_path) for corpus in (yes_no, spoken("no", "yes"))}
    assert len(names) == 1
    assert shelf.save(spoken("yes", "no", takes=1), "words", "t", into=tmp_path) not in names


def test_every_voice_says_every_word_and_no_robot_is_among_them(yes_no: Corpus) -> None:
    assert yes_no.words == ("no", "yes")
    assert 60 <= len(yes_no.speakers) <= 100
    assert np.bincount(yes_no.voices * 2 + yes_no.labels).tolist() == [2] * 2 * len(yes_no.speakers)
    assert not [name for name in yes_no.speakers if any(robot in name for robot in ("robo", "whisper", "Demonic"))]
    assert len({name.split("+")[0] for name in yes_no.speakers}) == 8  # accents
    lengths = np.diff(yes_no.starts) / RATE
    assert lengths.min() >= synthesis.SHORTEST and lengths.max() <= synthesis.LONGEST
    peaks = [int(np.abs(yes_no.clip(i)).max()) for i in range(len(yes_no))]
    assert min(peaks) >= max(peaks) - 1 == round(synthesis.PEAK * 32767) - 1


def test_what_varies_between_takes_is_the_same_for_every_word(yes_no: Corpus) -> None:
    lengths = np.diff(yes_no.starts).reshape(2, -1, 2)  # word, voice, take
    ratio = np.log(lengths[:, :, 1] / lengths[:, :, 0])
    assert np.abs(ratio[0]).mean() > 0.1
    assert np.corrcoef(ratio)[0, 1] > 0.8


@pytest.mark.parametrize(("words", "language"), [(("yes", "no"), "en"), (("是", "不"), "cmn"), (("四", "十"), "cmn")])
def test_voices_that_were_never_heard_are_understood_by_the_nearest_mean(words: tuple[str, ...], language: str) -> None:
    divided = divide(spoken(*words, language=language), CorpusSpec(split="speakers"), seed=0)
    assert not set(divided.train.voices) & set(divided.validation.voices)
    train, validation = pictures(divided.train), pictures(divided.validation)
    means = np.stack([train[divided.train.labels == word].mean(0) for word in (0, 1)])
    heard = np.square(validation[:, None] - means).sum(-1).argmin(1)
    assert np.mean(heard == divided.validation.labels) > 0.85


def pictures(corpus: Corpus) -> np.ndarray:
    """The network's frames of each clip at 16 moments."""
    x, lengths = log_mel([corpus.clip(i) for i in range(len(corpus))], FeatureSpec())
    at = np.linspace(0, lengths.numpy() - 1, 16).round().astype(int).T  # (N, 16)
    return normalise(x, lengths).numpy()[np.arange(len(corpus))[:, None], at].reshape(len(corpus), -1)


def test_mandarin_keeps_its_tones() -> None:
    corpus = spoken("妈", "马", "骂", language="cmn", takes=1)
    assert (len(corpus.words), corpus.skipped) == (3, ())
    with synthesis._espeak() as ask:
        answer = ask({"voice": "sit/cmn", "say": [(word, 130, 50) for word in "妈马骂"]})
    sounds = np.split(np.frombuffer(answer["data"], np.int16), np.cumsum(answer["bytes"])[:-1] // 2)
    level, low, falling = [[pitch(sound, answer["rate"], part) for part in (0.3, 0.8)] for sound in sounds]
    assert level[1] > 0.97 * level[0]  # 55: high, and stays
    assert falling[1] < 0.9 * falling[0]  # 51
    assert max(low) < 0.93 * min(level)  # 214: deep


def pitch(sound: np.ndarray, rate: int, part: float) -> float:
    """The fundamental, Hz, of a man's voice in 45 ms at a part of a word: where its autocorrelation is highest."""
    word = sound[slice(*np.flatnonzero(np.abs(sound) > 2000)[[0, -1]])].astype(float)
    middle = int(part * len(word))
    piece = word[middle - rate // 45 : middle + rate // 45]
    lags = np.correlate(piece, piece, "full")[len(piece) - 1 :]
    return rate / (rate // 300 + lags[rate // 300 : rate // 65].argmax())


def test_what_cannot_be_told_apart_or_said_is_named_and_the_rest_is_spoken() -> None:
    corpus = spoken("to", "two", "banana", "…", "supercalifragilisticexpialidocious", takes=1)
    assert corpus.words == ("banana", "to")
    alike, silent, long = corpus.skipped
    assert "“two” sounds like “to” in English" in alike
    assert "“…” is nothing that English can say" in silent
    assert "“supercalifragilisticexpialidocious” takes most voices longer than 1.2 s" in long
    with pytest.raises(synthesis.SynthesisError, match=r"at least two words.*“no” sounds like “know”"):
        spoken("know", "no")
    with pytest.raises(synthesis.SynthesisError, match="no language “xx”"):
        spoken("yes", "no", language="xx")


def test_markup_is_spoken_as_text() -> None:
    with synthesis._espeak() as ask:
        said = {text: ask({"voice": "gmw/en-US", "text": text})["phonemes"] for text in ("hello", "[[h@l'oU]]", "<p>hello</p>")}
    assert len(set(said.values())) == 3
    assert len(said["[[h@l'oU]]"]) > len(said["hello"]) < len(said["<p>hello</p>"])


def test_it_speaks_from_a_folder_with_a_long_and_foreign_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    library = Path(espeakng_loader.get_library_path())
    deep = tmp_path / ("ordner mit ümlaut " * 6) / ("目录" * 20)
    deep.mkdir(parents=True)
    (deep / "espeakng_loader").symlink_to(library.parent, target_is_directory=True)
    moved = deep / "espeakng_loader" / library.name
    assert len(str(moved)) > 160  # for which the library has room
    monkeypatch.setattr(espeakng_loader, "get_library_path", lambda: str(moved))
    assert len(synthesis.languages()) > 100


def test_what_fails_is_said_in_a_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    broken = tmp_path / "broken.so"
    broken.write_bytes(b"no library")
    with monkeypatch.context() as patch:
        patch.setattr(espeakng_loader, "get_library_path", lambda: str(broken))
        with pytest.raises(synthesis.SynthesisError, match="its library cannot be loaded"):
            synthesis.languages()
    with monkeypatch.context() as patch:
        patch.setitem(__import__("sys").modules, "espeakng_loader", None)
        with pytest.raises(synthesis.SynthesisError, match=r"is not there .* install the lab's requirements again"):
            synthesis.languages()
    crashing = tmp_path / "crashing.py"
    crashing.write_text("print('{\"rate\": 22050}', flush=True); input(); import os; os.abort()")
    monkeypatch.setattr(synthesis.espeak, "__file__", str(crashing))
    with pytest.raises(synthesis.SynthesisError, match="ended in the midst"):
        synthesis.languages()


def test_its_process_ends_when_a_job_is_cancelled() -> None:
    others = psutil.Process().children()  # an engine of other tests
    children: list[Any] = []

    def tell(*_told: Any) -> None:
        children.extend(child for child in psutil.Process().children() if child not in others)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        synthesis.speak(("yes", "no"), "en", 1, tell)
    assert children
    assert not [child for child in children if child.is_running()]


def test_the_process_needs_nothing_of_ours() -> None:
    source = Path(synthesis.espeak.__file__ or "").read_text(encoding="utf-8")
    assert "l1demo" not in source and importlib.util.find_spec("l1demo.espeak")
