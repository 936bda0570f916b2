"""Recognise: whom it asks, what is said of what they hear, and what stands behind it; of runs whose training is fake."""

import base64
import io

import fakes
import numpy as np
import pytest
import soundfile
import torch
from distributed import Queue
from streamlit.testing.v1 import AppTest

from l1demo import model, payoff, recognise_charts, shelf, tasks, weights
from l1demo import path as lam_path
from l1demo.corpora import DIGITS
from l1demo.spec import RunSpec
from l1demo.store import STOPPED
from l1demo.ui import corpora_list, networks

from .looks import button, has


def answers(page: AppTest) -> list[str]:
    return [each.proto.body for each in page.get("html")]


def section(page: AppTest, name: str) -> AppTest:
    return page.segmented_control(key="recognise-section").set_value(name).run()


def voices(page: AppTest) -> tuple[str, ...]:
    """The voices whose clips are offered."""
    return tuple(next(each for each in page.selectbox if each.label == "Voice").options)


@pytest.fixture
def digits(engine, ended, monkeypatch: pytest.MonkeyPatch) -> list[RunSpec]:
    """Two runs that are done, with weights that know the built-in corpus's words; the second's are all 0."""
    specs = [RunSpec().with_values(seed=60, epochs=2, free_epochs=1, hidden=16, lam=lam) for lam in (0.0, 3e-3)]
    known = {}
    for spec in specs:
        engine.submit(spec, "eve")
        ended(spec)
        recogniser = model.build(spec, len(DIGITS))
        with torch.no_grad():
            for w in recogniser.parameters():
                w.mul_(10 if spec.lam == 0 else 0)
        known[spec.id] = weights.dump(recogniser, spec, DIGITS)
    monkeypatch.setattr(engine, "weights", known.get)
    return specs


def test_without_a_run_one_button_trains_three_that_differ_in_lam_alone(visit, engine, submitted, ended) -> None:
    page = visit("recognise")
    assert not page.exception and not page.error
    assert "Train three networks" in page.info[0].value and not has(page, "recognise-stage")
    button(page, "Train three").click().run()
    assert not page.exception
    assert submitted == list(networks.trio())
    assert [spec.lam for spec in submitted] == [0.0, 0.002, 0.02] and len({spec.with_values(lam=0).id for spec in submitted}) == 1
    for spec in submitted:
        ended(spec)
    page.run()
    assert not page.exception and not page.error
    assert dict(page.query_params) == {"pin": ",".join(spec.id for spec in submitted)}
    assert button(page, "Train three").disabled
    other = visit("recognise")  # somebody else of the class has them at once
    assert has(other, "recognise-stage") and len(answers(other)) == len(answers(page)) == 4


def test_three_are_like_the_one_that_is_shown_and_can_be_stopped(visit, engine, submitted, ended) -> None:
    shown = RunSpec().with_values(seed=fakes.PACED_NOISE + 91, epochs=2, free_epochs=0, hidden=16, lam=0.5, penalty="group")
    pace = Queue(f"pace-{shown.seed}", client=engine._connection.client)
    engine.submit(shown, "eve")
    for _epoch in range(2):
        pace.put(1)
    ended(shown)
    submitted.clear()
    page = visit("recognise", pin=shown.id)
    button(page, "Train three").click().run()
    assert not page.exception
    assert submitted == [shown.with_values(penalty="l1", lam=lam) for lam in (0.0, 0.002, 0.02)]
    button(page, "Stop").click().run()
    for _each in submitted:
        pace.put(1)
    assert {ended(spec).state for spec in submitted} == {STOPPED}
    page.run()
    assert not page.exception and not any(each.label == "Stop" for each in page.button)
    assert not button(page, "Train three").disabled


def test_a_run_that_is_deleted_while_the_page_is_drawn_is_gone(visit, engine, wait_for, monkeypatch) -> None:
    spec = RunSpec().with_values(seed=fakes.PACED_NOISE + 93, epochs=2, hidden=16)
    engine.submit(spec, "eve")
    choose = networks.choose

    def then_it_is_deleted(*args) -> None:
        choose(*args)
        if engine.run(spec.id):
            engine.delete(spec.id, "eve")
            Queue(f"pace-{spec.seed}", client=engine._connection.client).put(1)  # it leaves after an epoch
            wait_for(lambda: engine.run(spec.id) is None)

    monkeypatch.setattr(networks, "choose", then_it_is_deleted)
    page = visit("recognise", pin=spec.id)
    assert not page.exception and not page.error and not page.progress


def test_few_words_bear_more_penalty(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(corpora_list, "words", lambda name: ("no", "yes"))
    assert [spec.lam for spec in networks.trio()] == [0.0, 0.0056, 0.056]


def test_what_each_heard_is_said_as_it_is(visit, digits, engine, charted) -> None:
    page = visit("recognise", pin=",".join(spec.id for spec in digits))
    assert not page.exception and not page.error
    sound = tasks.recording("digits", "seven", tasks.speakers("digits")["seven"][0])
    heard = weights.recognise(*weights.load(engine.weights(digits[0].id)), sound)
    best = max(heard, key=heard.__getitem__)
    first, second, _instants = answers(page)
    assert "λ = 0" in first and f"It heard “{best}”, {recognise_charts.percent(heard[best])} sure" in first
    assert "It cannot tell" in second and "with 10.0 %" in second
    stage = charted(page, "recognise-stage")
    bars = [panel for panel in stage["panels"] if panel["kind"] == "Bars"]
    assert [panel["title"] for panel in bars] == ["λ = 0", "λ = 0.003"]
    assert bars[0]["parts"][-1] == pytest.approx(list(heard.values()), abs=1e-5)
    assert len(stage["sound"]["seconds"]) == len(stage["steps"]) and stage["start"] == len(stage["steps"]) - 1
    samples, _rate = soundfile.read(io.BytesIO(base64.b64decode(stage["sound"]["data"])))
    assert samples == pytest.approx(payoff.frames_of(sound, digits[0].features)[0], abs=1e-4)


def test_another_sound_is_heard_at_once_and_a_bad_one_gets_its_sentence(visit, digits, charted) -> None:
    page = visit("recognise", pin=digits[0].id)
    before = charted(page, "recognise-stage")["subject"]
    page.selectbox[0].set_value("three").run()
    assert not page.exception and charted(page, "recognise-stage")["subject"] != before
    page.segmented_control[0].set_value("upload").run()
    assert any("Record or upload a word" in each.value for each in page.info) and not has(page, "recognise-stage")
    page.file_uploader[0].upload("sound.wav", b"this is no sound, whatever its name says\n" * 50).run()
    assert not page.exception and len(page.error) == 1


def test_my_word_against_lam_is_answered_in_a_sentence(visit, digits, charted) -> None:
    page = visit("recognise", pin=",".join(spec.id for spec in digits))
    said = page.success[0].value
    assert said.startswith("It goes deaf at λ = ")
    chart = charted(page, "recognise-lam")
    assert chart["alt"] == said
    marks = [trace for trace in chart["figure"]["data"] if trace["mode"] == "markers"]
    assert [trace["name"] for trace in marks] == ["λ = 0", "λ = 0.003"]
    assert marks[1]["y"] == pytest.approx([0.1], abs=1e-6)
    box = next(each for each in page.selectbox if each.label == "The word that was said")
    box.set_value(DIGITS.index("two")).run()
    assert not page.exception and page.success[0].value == "At no λ of this path does it hear “two”."


def test_own_words_are_asked_along_a_path_that_is_trained_for_them(visit, engine, submitted, ended, charted) -> None:
    spec = RunSpec().with_values(seed=61, epochs=4, free_epochs=1, hidden=16)  # whose words are “no” and “yes”
    engine.submit(spec, "eve")
    ended(spec)
    submitted.clear()
    page = visit("recognise", pin=spec.id)
    assert has(page, "recognise-bands")  # what is there at once comes first
    section(page, "lam")
    assert not page.exception and not page.success and not has(page, "recognise-lam")
    path = lam_path.describe(spec, lam_path.stops(spec, len(DIGITS)))
    assert any(
        f"in {len(path.changes)} steps" in each.value and f"{path.training.epochs} epochs" in each.value for each in page.markdown
    )
    button(page, "Train the λ path").click().run()
    assert not page.exception and submitted == [path]
    ended(path)
    page.run()
    assert not page.exception and not page.error
    assert "“yes”" in page.success[0].value or "“no”" in page.success[0].value
    assert next(each for each in page.selectbox if each.label == "The word that was said").options == ["no", "yes"]
    assert charted(page, "recognise-lam")["alt"] == page.success[0].value
    assert not any(each.label == "λ path" for each in page.selectbox)
    itself = visit("recognise", pin=path.id)  # whose newest network goes deaf, and which is its own path
    assert section(itself, "lam").success and not itself.exception


def test_a_path_that_was_stopped_can_be_trained_after_all(visit, engine, ended) -> None:
    spec = RunSpec().with_values(seed=fakes.PACED_NOISE + 90, epochs=1, free_epochs=0, hidden=16)
    path = lam_path.describe(spec, lam_path.stops(spec, len(DIGITS)))
    pace = Queue(f"pace-{spec.seed}", client=engine._connection.client)
    engine.submit(spec, "eve")
    pace.put(1)
    ended(spec)
    page = section(visit("recognise", pin=spec.id), "lam")
    button(page, "Train the λ path").click().run()
    assert not page.exception and button(page, "Train the λ path").disabled
    button(page, "Stop the λ path").click().run()
    pace.put(1)
    assert ended(path).state == STOPPED
    page.run()
    assert not page.exception and not page.success
    assert button(page, "Stop the λ path").disabled and not button(page, "Train the λ path").disabled


def test_networks_of_other_settings_have_the_lab_s_path_and_their_own(visit, digits) -> None:
    page = visit("recognise", pin=",".join(spec.id for spec in digits))
    box = next(each for each in page.selectbox if each.label == "λ path")
    assert box.options == ["of the built-in digits, which ships with the lab", "of λ = 0; λ = 0.003"]
    assert page.success
    box.set_value(box.options[1]).run()
    assert not page.exception and not page.success
    assert not button(page, "Train the λ path").disabled


def test_settings_that_allow_no_path_are_told_of(visit, engine, ended) -> None:
    spec = RunSpec().with_values(seed=63, epochs=290, hidden=16)
    engine.submit(spec, "eve")
    ended(spec)
    page = section(visit("recognise", pin=spec.id), "lam")
    assert not page.exception and not page.success
    assert "allow no λ path: epochs is 306; choose a number from 1 to 300." in page.info[0].value


def test_the_nearest_clips_are_offered_to_be_played(visit, digits, engine) -> None:
    page = section(visit("recognise", pin=digits[0].id), "nearest")
    assert not page.exception and not page.error
    sound = tasks.recording("digits", "seven", tasks.speakers("digits")["seven"][0])
    found = tasks.nearest_clips(engine.weights(digits[0].id), sound, 6)
    texts = [each.value for each in page.text]
    assert "Of the 6 nearest training clips" in texts[0]
    assert texts[1:] == [
        f"“{word}”, {speaker}, {far:.2f} away"
        for word, speaker, far in zip(found["words"], found["speakers"], found["distances"], strict=True)
    ]
    assert len(page.get("audio")) == 6


@pytest.mark.parametrize("kind", ["own", "class"])
def test_voices_are_played_to_those_alone_who_have_them_on_their_list(visit, digits, engine, ended, kind: str) -> None:
    builtin = tasks.corpus("digits")
    name = shelf.save(builtin.subset(np.arange(0, len(builtin), 37)), kind, "Voices of ours")
    spec = digits[0].with_values(corpus=name)
    engine.submit(spec, "eve")
    ended(spec)
    engine.weights.__self__[spec.id] = engine.weights(digits[0].id)  # the dict behind the fixture
    page = section(visit("recognise", pin=spec.id), "nearest")
    assert not page.exception and not page.get("audio")[:-1]
    assert "not on your list" in page.info[0].value
    assert voices(page) == tasks.speakers("digits")["seven"]
    engine.keep_corpus(name, page.session_state["visitor"], "Voices of ours")
    page.run()
    assert voices(page) == tasks.speakers(name)["seven"] != tasks.speakers("digits")["seven"]
    assert not page.exception and not page.info
    assert "nearest training clips" in page.text[0].value
    engine.drop_corpus(name, page.session_state["visitor"])
    page.run()
    assert "not on your list" in page.info[0].value
    assert voices(page) == tasks.speakers("digits")["seven"]


def test_a_cell_of_the_confusions_lists_the_clips_that_fell_into_it(visit, digits, engine, charted) -> None:
    page = section(visit("recognise", pin=digits[0].id), "confusion")
    assert not page.exception and not page.error
    found = tasks.confusion(engine.weights(digits[0].id))
    table = np.zeros((10, 10), int)
    np.add.at(table, (found["said"], found["heard"]), 1)
    said, heard = np.unravel_index(np.where(np.eye(10, dtype=bool), 0, table).argmax(), (10, 10))
    sentence = "{n} of {of} clips of “{said}” were heard as “{heard}”"
    told = sentence.format(n=table[said, heard], of=table[said].sum(), said=DIGITS[said], heard=DIGITS[heard])
    assert any(each.value.startswith(told) for each in page.text)
    sums = np.array(charted(page, "recognise-confusion")["figure"]["data"][0]["text"])
    assert sums[0][0] == (str(table[0, 0]) if table[0, 0] else "")
    empty_said, empty_heard = np.argwhere(table == 0)[0]
    for key, word in (("said", empty_said), ("heard", empty_heard)):
        page.selectbox(key=f"recognise-cell-{key}").set_value(DIGITS[word]).run()
    assert not page.exception
    assert any(each.value == f"No clip of “{DIGITS[empty_said]}” was heard as “{DIGITS[empty_heard]}”." for each in page.text)
    assert not page.get("audio")


def test_a_network_that_was_taught_other_words_than_its_corpus_has_is_told_of(visit, engine, ended) -> None:
    spec = RunSpec().with_values(seed=61, epochs=2, hidden=16)  # the fake training's words are no and yes
    engine.submit(spec, "eve")
    ended(spec)
    page = visit("recognise", run=spec.id)
    assert not page.exception and has(page, "recognise-stage")
    for name in ("nearest", "confusion"):
        section(page, name)
        assert not page.exception and "has other words now" in page.error[0].value


def test_what_it_still_listens_to_is_shown_and_can_be_heard(visit, digits, charted) -> None:
    page = section(visit("recognise", pin=",".join(spec.id for spec in digits)), "bands")
    assert not page.exception and not page.error
    assert "no longer" in charted(page, "recognise-bands")["alt"] or "deaf" in charted(page, "recognise-bands")["alt"]
    assert len(page.get("audio")) == 2
    network = next(each for each in page.segmented_control if each.label == "Network")
    network.set_value(0).run()
    assert not page.exception and "All 40 mel bands" in charted(page, "recognise-bands")["alt"]


def test_a_model_from_a_file_is_asked_beside_the_runs(visit, digits, engine) -> None:
    page = visit("recognise", pin=digits[1].id)
    page.file_uploader(key="recognise-model").upload("model.safetensors", engine.weights(digits[0].id)).run()
    assert not page.exception and not page.error
    first, second, _instants = answers(page)
    assert "λ = 0, seed 60, from a file" in first and "It heard" in first and "It cannot tell" in second
    network = section(page, "confusion").segmented_control
    next(each for each in network if each.label == "Network").set_value(0).run()
    assert not page.exception and not page.error and has(page, "recognise-confusion")


def test_a_model_whose_corpus_is_no_corpus_of_the_lab_s_has_no_clips_here(visit, digits, engine) -> None:
    recogniser, spec, words = weights.load(engine.weights(digits[0].id))
    data = weights.dump(recogniser, spec.with_values(corpus="somewhere/else"), words)
    page = visit("recognise", pin=digits[1].id)
    page.file_uploader(key="recognise-model").upload("model.safetensors", data).run()
    for name in ("nearest", "confusion"):
        section(page, name)
        next(each for each in page.segmented_control if each.label == "Network").set_value(0).run()
        assert not page.exception and not page.error
        assert any("are not here" in each.value for each in page.info)
