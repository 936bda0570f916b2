"""Any words: typed, spoken by a real job, listened to and trained on; and what is said of words that cannot be."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from l1demo.engine import Engine
from l1demo.jobs import Job
from l1demo.ui import words_form

PAGES = Path(__file__).parents[2] / "pages"


@pytest.fixture
def speak(engine: Engine, wait_for: Callable[..., Any]) -> Callable[..., Job]:
    """A function that types words into the page, presses the button, waits for the job and draws the page anew."""

    def type_and_press(page: AppTest, words: str, language: str = "en", takes: int = 1) -> Job:
        page.text_input(key="words-typed").set_value(words)
        page.selectbox(key="words-spoken").set_value(language)
        page.number_input(key="words-takes").set_value(takes)
        pressed(page, "Speak them").click().run()
        assert not page.exception
        job = wait_for(lambda: (job := engine.job(page.session_state["words-job"])) and job.ended and job)
        page.run()
        assert not page.exception
        return job

    return type_and_press


def pressed(page: AppTest, label: str) -> Any:
    (button,) = [button for button in page.button if button.label == label]
    return button


def test_the_page_asks_for_words_in_one_of_many_languages(visit) -> None:
    page = visit("words")
    assert not page.exception and not page.error
    language = page.selectbox(key="words-spoken")
    assert language.value == "en"
    assert {"English", "English (America)", "Chinese (Mandarin, latin as English)"} < set(language.options)
    assert "Type a few words" in page.info[0].value
    assert [button.label for button in page.button] == ["Speak them"]


def test_words_that_are_spoken_while_the_page_is_drawn_are_shown(visit, engine: Engine, wait_for, monkeypatch) -> None:
    page = visit("words")
    form = words_form.form

    def then_they_are_spoken() -> None:
        form()
        if job := words_form.current():
            wait_for(lambda: engine.job(job.id).ended)  # type: ignore[union-attr]

    monkeypatch.setattr(words_form, "form", then_they_are_spoken)
    page.text_input(key="words-typed").set_value("oui, non")
    page.number_input(key="words-takes").set_value(1)
    pressed(page, "Speak them").click().run()
    assert not page.exception
    assert page.subheader[0].value == "oui, non · English"


def test_words_are_spoken_listened_to_and_trained_on(visit, speak, submitted, ended, charted, engine: Engine) -> None:
    page = visit("words")
    job = speak(page, "yes, no")
    assert job.state == "done"
    assert page.subheader[0].value == "yes, no · English"
    facts = {metric.label: metric.value for metric in page.metric}
    assert (facts["words"], facts["clips"]) == ("2", str(2 * int(facts["voices"])))
    assert list(engine.corpora(page.session_state["visitor"])) == [job.result]

    listen = page.pills[0]
    assert list(listen.options) == ["no", "yes"]
    assert len(page.get("audio")) == 1
    first = page.get("audio")[0].proto.url
    listen.set_value("yes").run()
    assert page.get("audio")[0].proto.url != first
    assert any(caption.value.startswith("“yes” by ") for caption in page.caption)

    assert "No epoch has ended" in charted(page, "words-accuracy")["alt"]
    pressed(page, "Train on it").click().run()
    (spec,) = submitted
    assert (spec.corpus.name, spec.corpus.split, spec.training.epochs) == (job.result, "speakers", 12)
    ended(spec)
    page.run()
    assert not page.exception and not page.warning
    assert "Epoch 12" in charted(page, "words-accuracy")["alt"]
    page.switch_page(str(PAGES / "train.py")).run()
    assert page.session_state["shown"] == spec.id


def test_what_was_left_out_is_named_and_the_language_is_remembered(visit, speak) -> None:
    page = visit("words")
    assert speak(page, "妈, 马, 骂, …", "cmn").state == "done"
    assert page.metric[0].value == "3"
    assert "“…” is nothing that Chinese" in page.warning[0].value
    page.switch_page(str(PAGES / "listen.py")).run()
    page.switch_page(str(PAGES / "words.py")).run()
    assert page.selectbox(key="words-spoken").value == "cmn"
    assert page.subheader[0].value.startswith("妈, 马, 骂 · Chinese (Mandarin")


def test_words_that_cannot_be_learned_are_refused_in_a_sentence(visit, speak, engine: Engine) -> None:
    page = visit("words")
    page.text_input(key="words-typed").set_value("yes")
    pressed(page, "Speak them").click().run()
    assert "at least two words" in page.warning[0].value
    assert engine.jobs(page.session_state["visitor"]) == []
    assert speak(page, "know, no").state == "failed"
    assert "“no” sounds like “know”" in page.error[0].value
    assert speak(page, "know, yes").state == "done"
    assert not page.error


def test_nobody_follows_the_words_of_another(visit, speak) -> None:
    mine = visit("words")
    job = speak(mine, "yes, no")
    theirs = visit("words", job=job.id)
    assert not theirs.exception and not theirs.subheader
    assert "Type a few words" in theirs.info[0].value
