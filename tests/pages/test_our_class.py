import base64
import re
from collections.abc import Callable

import numpy as np
import pytest
from sounds import encode, sine
from streamlit.testing.v1 import AppTest

from l1demo import class_clips, shelf
from l1demo.engine import Engine
from l1demo.spec import RunSpec
from l1demo.ui import class_recording, identity, recorder
from l1demo.ui.class_owner import JOB

WORDS = ("no", "yes")


def spoken(hertz: float) -> bytes:
    return encode(np.pad(sine(hertz, 0.4, 48_000), 40_000) + np.random.default_rng(0).normal(0, 1e-4, 99_200), 48_000)


def begun(engine: Engine, page: AppTest) -> str:
    """Make a set that is this visit's, and open it."""
    made = engine.classes.make(page.session_state["visitor"], "Class *9b*", WORDS).id
    page.query_params["set"] = made
    page.run()
    return made


def record(engine: Engine, made: str, session: str, *words: str) -> list[str]:
    engine.classes.join(made, session, session.title() if len(session) < 10 else "")
    return [
        engine.classes.add(made, session, word, **class_clips.heard(spoken(300 + 400 * WORDS.index(word) + 10 * i)))
        for i, word in enumerate(words)
    ]


def press(page: AppTest, label: str) -> AppTest:
    return next(button for button in page.button if button.label == label).click().run()


def labels(page: AppTest) -> list[str]:
    return [button.label for button in page.button]


def test_a_set_is_made_of_a_title_and_words_and_is_at_its_address(visit: Callable[..., AppTest], engine: Engine) -> None:
    page = visit("our_class")
    page.text_input[0].input("Class 9b")
    page.text_area[0].input("one")
    press(page, "Make the class set")
    assert "2 to 20 words; this has 1" in page.warning[0].value
    page.text_area[0].input("yes, no\nmaybe")
    press(page, "Make the class set")
    made = engine.classes.get("".join(page.query_params["set"]))
    assert made is not None
    assert (made.title, made.words) == ("Class 9b", ("yes", "no", "maybe"))
    assert not page.warning
    assert page.code[0].value.endswith(f"/our_class?set={made.id}")


def test_nothing_is_recorded_before_the_line_is_ticked(visit: Callable[..., AppTest], engine: Engine) -> None:
    page = visit("our_class")
    made = begun(engine, page)
    said = " ".join(markdown.value for markdown in page.markdown)
    for question in ("What is kept", "Where", "What for", "Who can hear it", "How to delete it"):
        assert f"**{question}:**" in said
    press(page, "Join")
    assert "before you agree" in page.warning[0].value
    assert engine.classes.voice(made, page.session_state["visitor"]) is None
    page.checkbox(key="class-agreed").check()
    press(page, "Join")
    assert not page.warning
    assert "You are **Voice 1**." in [markdown.value for markdown in page.markdown]
    assert page.get_by_key(f"{class_recording.KEY}-{made}")


def test_an_address_of_no_set_is_answered_with_a_sentence(visit: Callable[..., AppTest]) -> None:
    page = visit("our_class", set="'; DROP TABLE class_sets")
    assert "no such class set" in page.warning[0].value
    assert "Make the class set" in labels(page)


def test_a_student_sees_recording_and_their_own_clips_alone(visit: Callable[..., AppTest], engine: Engine) -> None:
    teacher, student = visit("our_class"), visit("our_class")
    made = begun(engine, teacher)
    record(engine, made, teacher.session_state["visitor"], "no")
    mine = record(engine, made, student.session_state["visitor"], "yes")
    student.query_params["set"] = made
    student.run()
    (option,) = student.selectbox(key="class-clip").options
    assert re.fullmatch(r"yes · 0\.[45]\d s", option)
    assert {"Delete", "Redo"} <= set(labels(student))
    assert not {"Train on it", "Delete all now"} & set(labels(student))
    assert not student.code
    assert r"**Class \*9b\***" in [markdown.value for markdown in student.markdown]
    teacher.run()
    assert len(teacher.selectbox(key="class-clip").options) == 2
    press(student, "Delete")
    assert mine[0] not in [clip.id for clip in engine.classes.clips(made, teacher.session_state["visitor"])]
    press(student, "Delete all of mine now")
    assert engine.classes.voice(made, student.session_state["visitor"]) is None
    assert "Join" in labels(student)


def test_a_forged_call_deletes_nothing_of_others(
    visit: Callable[..., AppTest], engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = engine.classes.make("teacher", "Class 9b", WORDS).id
    (theirs,) = record(engine, made, "ann", "yes")
    (mine,) = record(engine, made, "ben", "yes")
    monkeypatch.setattr(identity, "visitor", lambda: "ben")
    assert class_recording.undone(theirs) == recorder.Answer("This clip is not there any more, or it is not yours.")
    assert class_recording.undone(mine).kept
    assert [clip.id for clip in engine.classes.clips(made, "teacher")] == [theirs]


def test_what_a_browser_sends_is_read_kept_and_answered(
    visit: Callable[..., AppTest], engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = engine.classes.make("teacher", "Class 9b", WORDS).id
    monkeypatch.setattr(identity, "visitor", lambda: "ben")
    assert "before you agree" in class_recording.said(made, "yes", spoken(300)).sentence
    engine.classes.join(made, "ben")
    good = class_recording.said(made, "yes", spoken(300))
    assert re.fullmatch(r"“yes” is kept: 0\.[45]\d s\.", good.sentence)
    assert good.kept
    (clip,) = engine.classes.clips(made, "ben")
    assert clip.id == good.clip
    quiet = class_recording.said(made, "yes", encode(np.pad(sine(300, 0.4, 48_000, 2e-3), 40_000), 48_000))
    assert "is kept, but too quiet" in quiet.sentence
    for bad, sentence in ((encode(np.zeros(96_000), 48_000), "only silence"), (b"RIFF", "Not kept: ")):
        answer = class_recording.said(made, "yes", bad)
        assert sentence in answer.sentence
        assert answer.sentence.endswith("Say it again.")
        assert (answer.kept, answer.clip, answer.ends) == (False, "", False)
    assert class_recording.said(made, "perhaps", spoken(300)).ends
    assert len(engine.classes.clips(made, "ben")) == 2


@pytest.mark.parametrize(
    "letter",
    [None, 3, [], {"id": 5, "word": "yes"}, {"word": "yes", "sound": "UklGRg=="}],
)
def test_a_letter_without_a_name_is_nothing(letter: object) -> None:
    def never(*_about: object) -> recorder.Answer:
        raise AssertionError

    recorder._told("key", letter, never, never)


@pytest.mark.parametrize("sound", [None, "", "$$$", 7, base64.b64encode(bytes(recorder.MAX_SENT + 1)).decode()])
def test_sound_that_is_none_is_answered_with_a_sentence(sound: object) -> None:
    def never(_word: str, _sound: bytes) -> recorder.Answer:
        raise AssertionError

    assert recorder._heard({"id": "a", "word": "yes", "sound": sound}, never).sentence == "The recording did not arrive whole."
    whole = recorder._heard({"word": "yes", "sound": "UklGRg=="}, lambda word, sound: recorder.Answer(f"{word} {sound!r}"))
    assert whole.sentence == "yes b'RIFF'"


def test_training_makes_a_corpus_for_its_owner_and_a_run_of_it(
    visit: Callable[..., AppTest], engine: Engine, wait_for: Callable, submitted: list[RunSpec], ended: Callable
) -> None:
    page = visit("our_class")
    made = begun(engine, page)
    record(engine, made, "ann", "no", "yes", "yes")
    page.run()
    assert "2 words with 2 clips each; now 1 of the words" in page.info[0].value
    train = next(button for button in page.button if button.label == "Train on it")
    assert train.disabled
    record(engine, made, "ben", "no")
    page.run()
    press(page, "Train on it")
    wait_for(lambda: (job := engine.job(page.session_state[JOB + made])) and job.ended)
    page.run()
    (name,) = engine.corpora(page.session_state["visitor"])
    about = shelf.about(name)
    assert (about.kind, about.words, about.speakers, about.clips) == ("class", WORDS, ("Ann", "Ben"), 4)
    (spec,) = submitted
    assert (spec.corpus.name, spec.corpus.split) == (name, "recordings")
    ended(spec)
    page.run()
    press(page, "Delete all now")
    assert len(submitted) == 1  # another look trains nothing anew
    assert name not in shelf.names()
    assert engine.corpora(page.session_state["visitor"]) == {}
    assert engine.classes.clips(made, page.session_state["visitor"]) == []
    assert not page.exception


def test_a_set_is_closed_and_deleted_by_its_owner(visit: Callable[..., AppTest], engine: Engine) -> None:
    page = visit("our_class")
    made = begun(engine, page)
    record(engine, made, "ann", "yes")
    page.toggle(key=f"class-open-{made}").set_value(False).run()
    found = engine.classes.get(made)
    assert found is not None
    assert not found.open
    assert "This class set is closed" in " ".join(info.value for info in page.info)
    page.checkbox(key="class-whole").check()
    press(page, "Delete all now")
    assert engine.classes.get(made) is None
    assert "set" not in page.query_params
    assert "Make the class set" in labels(page)
