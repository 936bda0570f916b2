"""Data: what is known of each corpus, how it divides, which clip is heard, and what comes of a file that is brought."""

import base64
import io
import zipfile
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
import soundfile
from streamlit.testing.v1 import AppTest

from l1demo import shelf
from l1demo.corpora import Corpus
from l1demo.engine import Engine
from l1demo.ui import identity

WORDS, SPEAKERS = ("yes", "no", "maybe"), ("ann", "ben", "cid")


def toy(speakers: tuple[str, ...] = SPEAKERS, official: bool = False, seed: int = 0) -> Corpus:
    """Four clips of each word by each speaker; of the third word one speaker has none."""
    said = [(w, s, i) for w in range(3) for s in range(len(speakers)) for i in range(4) if (w, s) != (2, 1)]
    labels, voices, numbers = np.array(said).T
    return Corpus(
        "toy",
        WORDS,
        speakers,
        np.random.default_rng(seed).integers(-9000, 9000, 2000 * len(said)).astype(np.int16),
        np.arange(len(said) + 1) * 2000,
        labels,
        voices,
        numbers,
        ("yes_ann_9.wav: The file is empty.",),
        official=np.where(voices == 0, 1, 0).astype(np.int8) if official else None,
    )


@pytest.fixture
def mine(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., str]]:
    """A function that puts a corpus onto this visitor's list; all are gone after the test."""
    monkeypatch.setattr(identity, "visitor", lambda: "dora")
    there = set(shelf.names())

    def keep(corpus: Corpus, kind: str = "own", title: str = "My words", **more: str) -> str:
        name = shelf.save(corpus, kind, title, **more)
        if kind in ("own", "class"):
            engine.keep_corpus(name, "dora", title)
        return name

    yield keep
    for name in {*shelf.names(), *engine.corpora("dora")} - there:
        engine.drop_corpus(name, "dora")
        shelf.delete(name)


def box(page: AppTest, label: str) -> Any:
    return next(each for each in page.selectbox if each.label == label)


def values(page: AppTest) -> dict[str, str]:
    return {metric.label: metric.value for metric in page.metric}


def note(charted: Callable[..., dict[str, Any]], page: AppTest, key: str) -> str:
    return charted(page, key)["alt"]


def test_the_built_in_corpus_is_known_and_divided(visit, charted) -> None:
    page = visit("data")
    assert not page.exception and not page.error and not page.warning
    counts = charted(page, "data-counts")
    digits = np.frombuffer(base64.b64decode(counts["figure"]["data"][0]["z"]["bdata"]), np.int32)
    assert values(page)["clips"] == f"{digits.sum():,}"
    assert values(page)["speakers"] == f"{len(counts['figure']['data'][0]['x']):,}"
    assert "voices never heard" in note(charted, page, "data-division")
    assert box(page, "Corpus").options[0] == "Built-in digits"
    assert "the makers' own split" not in box(page, "Split").options
    assert len(page.get("audio")) == 1


def test_a_corpus_of_ones_own_is_shown_with_what_was_left_out(visit, mine, charted) -> None:
    name = mine(toy(), licence="CC0", source="my phone")
    page = visit("data")
    box(page, "Corpus").set_value(name).run()
    assert not page.exception and not page.error and not page.warning
    assert values(page) == {"words": "3", "speakers": "3", "clips": "32", "sound": "8 s"}
    assert any("Licence: CC0. Source: my phone." in caption.value for caption in page.caption)
    assert page.code[0].value == "yes_ann_9.wav: The file is empty."
    assert note(charted, page, "data-counts") == (
        "The words have from 8 clips (“maybe”) to 12 (“yes”); the 3 speakers gave from 8 to 12 each."
    )
    assert note(charted, page, "data-division") == (
        "20 clips of 2 voices are trained on. Validation: 12 of one voice never heard in training."
    )


def test_every_split_is_drawn_as_it_is_trained(visit, mine, charted) -> None:
    page = visit("data", corpus=mine(toy(official=True)), split="recordings")
    assert "known from it" in note(charted, page, "data-division") and "never heard" not in note(charted, page, "data-division")
    box(page, "Split").set_value("official").run()
    assert "20 clips of 2 voices are trained on. Validation: 12 of one voice never" in note(charted, page, "data-division")
    box(page, "Split").set_value("speakers").run()
    box(page, "Held-out speaker").set_value("ben").run()
    chart = charted(page, "data-division")
    assert chart["figure"]["data"][-1]["name"] == "validation, voices never heard"
    assert chart["figure"]["data"][-1]["x"][-1] == "ben"
    page.number_input(key="set-label-noise").set_value(0.25).run()
    assert "; 6 of them say a wrong word on purpose" in note(charted, page, "data-division")  # of 24


def test_a_split_that_cannot_be_is_told_and_the_page_stands(visit, mine) -> None:
    page = visit("data", corpus=mine(toy(("ann",))))
    assert not page.exception
    assert "has one speaker" in page.warning[0].value
    assert values(page)["speakers"] == "1"
    page = visit("data")
    box(page, "Corpus").set_value(mine(toy(("ann",)))).run()  # chosen here, it takes the split that is possible
    assert not page.warning and box(page, "Split").value == "recordings"


def test_another_corpus_joins_the_training_where_it_has_no_other_words(visit, mine, charted) -> None:
    one, two = mine(toy()), mine(toy(("eve", "fay"), seed=1), title="Others")
    page = visit("data", corpus=one)
    also = box(page, "Train also on")
    assert "Others" in also.options and "Built-in digits" not in also.options
    also.set_value(two).run()
    assert ", beside 20 of another corpus" in note(charted, page, "data-division")
    box(page, "Corpus").set_value("digits").run()  # whose words these are not
    assert not page.warning and box(page, "Train also on").value == ""


def test_any_clip_is_played(visit, mine, engine) -> None:
    from l1demo import data_tasks

    name = mine(toy())
    page = visit("data", corpus=name)
    box(page, "Word").set_value("maybe").run()
    assert box(page, "Speaker").options == ["ann", "cid"]  # ben never says it
    box(page, "Speaker").set_value("cid").run()
    box(page, "Take").set_value(3).run()
    assert not page.exception and not page.error
    data = engine.call(data_tasks.sound, name, "maybe", "cid", 3)
    played, rate = soundfile.read(io.BytesIO(data), dtype="int16")
    np.testing.assert_array_equal(played, toy().clip(31))
    assert rate == 8000


def test_train_on_it_leads_to_train_with_these_settings(visit, mine) -> None:
    name = mine(toy())
    page = visit("data", corpus=name, hold_out="ben")
    next(button for button in page.button if button.label == "Train on it").click().run()
    assert not page.exception
    assert page.title[0].value == "Train"
    assert (box(page, "Corpus").value, box(page, "Held-out speaker").value) == (name, "ben")


def test_a_corpus_is_deleted_after_a_question(visit, mine, engine) -> None:
    name = mine(toy())
    page = visit("data", corpus=name)
    next(button for button in page.button if button.label == "Delete this corpus").click().run()
    assert name in shelf.names()
    page.button(key="data-delete-now").click().run()
    assert not page.exception
    assert name not in shelf.names() and engine.corpora("dora") == {}
    assert box(page, "Corpus").value == "digits"


def test_only_whose_it_is_can_delete_it(visit, mine) -> None:
    page = visit("data", corpus=mine(toy(), kind="commands", title="For all"))
    assert values(page)["clips"] == "32"
    assert "Delete this corpus" not in [button.label for button in page.button]


@pytest.mark.parametrize("room", ["data", "train"])
def test_a_corpus_that_is_gone_gets_a_kind_sentence(visit, mine, room: str) -> None:
    name = mine(toy())
    page = visit(room, corpus=name)
    shelf.delete(name)
    page.run()
    assert not page.exception
    assert any("no longer keeps the corpus" in caption.value for caption in page.caption)
    assert box(page, "Corpus").value == name
    box(page, "Corpus").set_value("digits").run()
    assert not any("no longer keeps" in caption.value for caption in page.caption)


def test_voices_of_others_are_not_played(visit, mine, engine, charted) -> None:
    name = mine(toy(), kind="class")
    engine.keep_corpus(name, "carl", "Theirs, too")
    assert len(visit("data", corpus=name).get("audio")) == 1
    engine.drop_corpus(name, "dora")
    page = visit("data", corpus=name)  # as who was given the link of a run
    assert not page.exception
    assert any("only to those who have them" in caption.value for caption in page.caption)
    assert len(page.get("audio")) == 0
    assert note(charted, page, "data-division")
    engine.drop_corpus(name, "carl")


def archive(words: tuple[str, ...] = ("hello", "bye")) -> bytes:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as packed:
        for w, word in enumerate(words):
            for who in ("ann", "ben"):
                for i in range(3):
                    file = io.BytesIO()
                    wave = 0.5 * np.sin(2 * np.pi * (400 + 200 * w + 10 * i) * np.arange(4000) / 8000)
                    soundfile.write(file, wave, 8000, format="WAV")
                    packed.writestr(f"{word}_{who}_{i}.wav", file.getvalue())
    return data.getvalue()


def uploader(page: AppTest, label: str) -> Any:
    return next(each for each in page.file_uploader if each.label == label)


def after_its_job(page: AppTest, engine: Engine, wait_for: Callable[..., Any]) -> AppTest:
    wait_for(lambda: all(job.ended for job in engine.jobs("dora")))
    return page.run()


def test_an_archive_that_is_brought_becomes_the_chosen_corpus(visit, mine, engine, wait_for) -> None:
    page = visit("data")
    uploader(page, "A ZIP").upload("My phone.zip", archive()).run()
    page = after_its_job(page, engine, wait_for)
    assert not page.exception and not page.error
    assert "“My phone” is here: 12 clips of 2 words by 2 speakers." in page.success[0].value
    assert list(engine.corpora("dora").values()) == ["My phone"]
    assert values(page)["clips"] == "12" and box(page, "Corpus").value.startswith("own-")
    box(page, "Corpus").set_value("digits").run()  # which stays so, though the job is still told of
    assert box(page, "Corpus").value == "digits"
    assert not list(engine._jobs.scratch.glob("*"))


def test_an_archive_that_cannot_be_used_gets_its_sentence(visit, mine, engine, wait_for) -> None:
    page = visit("data")
    uploader(page, "A ZIP").upload("one.zip", archive(("hello",))).run()
    page = after_its_job(page, engine, wait_for)
    assert not page.exception
    assert "the one word “hello”" in page.error[0].value
    assert engine.corpora("dora") == {} and values(page)["words"] == "10"


def test_without_a_network_the_download_says_so_kindly(visit, mine, engine, wait_for, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("L1DEMO_FSDD_URL", "http://127.0.0.1:9/fsdd.zip")
    page = visit("data")
    assert any("3,000 recordings, 21.1 MB of WAV" in each.value and "1801eae0" in each.value for each in page.caption)
    page.button(key="data-fsdd").click().run()
    page = after_its_job(page, engine, wait_for)
    assert "There is no way to 127.0.0.1" in page.error[0].value and "built-in digits" in page.error[0].value
    assert values(page)["words"] == "10"


def test_words_of_speech_commands_are_counted_before_they_are_asked_for(visit, mine) -> None:
    page = visit("data")
    assert any("1,000 clips: at most 16.0 MB on disk" in caption.value for caption in page.caption)
    page.multiselect(key="data-commands").set_value(["yes"]).run()
    assert page.button(key="data-commands-go").disabled
    page.multiselect(key="data-commands").set_value(["yes", "no", "up", "down", "left", "right"])
    page.number_input(key="data-commands-most").set_value(0).run()
    assert "23,204 clips; 20,000 can be kept" in page.warning[0].value
    assert page.button(key="data-commands-go").disabled
