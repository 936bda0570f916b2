"""Payoff: bytes, milliseconds, bands and the pair, of runs whose training is fake but whose weights are real."""

import io

import numpy as np
import pytest
import soundfile

from l1demo import forms, payoff, weights
from l1demo.presets import PRESETS
from l1demo.spec import RunSpec

from .looks import has

SPARSE = RunSpec().with_values(seed=50, epochs=8, free_epochs=1, lam=0.03, hidden=24)


@pytest.fixture
def sparse(engine, ended) -> RunSpec:
    engine.submit(SPARSE, "eve")
    ended(SPARSE)
    return SPARSE


def test_without_a_run_it_says_what_to_do(visit) -> None:
    page = visit("payoff")
    assert not page.exception and not page.error
    assert "Train a network first" in page.info[0].value
    assert not has(page, "payoff-sizes")


def test_the_bytes_shown_are_those_of_the_run_s_weights(visit, engine, sparse, charted) -> None:
    page = visit("payoff", run=sparse.id)
    assert not page.exception and not page.error
    model, spec, _words = weights.load(engine.weights(sparse.id))
    assert spec == sparse
    bar = charted(page, "payoff-sizes")["figure"]["data"][0]
    shown = dict(zip(bar["y"], bar["x"], strict=True))
    matrices = forms.matrices(model)
    assert shown["dense"] == 4 * sum(w.size for w in matrices.values())
    assert shown["bitmask"] == len(forms.pack("bitmask", matrices)) < shown["dense"]
    assert shown["dense, unused units cut away"] == len(forms.pack("dense", forms.matrices(payoff.cut(model)[0])))
    kept = sum(map(len, payoff.cut(model)[1]))
    assert any(f"{24 - kept} of 24 hidden units reach no word" in each.value for each in page.markdown)


@pytest.mark.parametrize(("falls", "what"), [("each", "a λ path"), ("once", "a run")])
def test_a_run_whose_lam_changed_is_named_by_the_last(visit, engine, ended, falls: str, what: str) -> None:
    changed = SPARSE.with_values(lam=0.0, lam_changes="3:0.001 5:0.002", lr_falls=falls)
    engine.submit(changed, "eve")
    ended(changed)
    page = visit("payoff", run=changed.id)
    assert not page.exception and not page.error
    said = [caption.value for caption in page.caption]
    assert f"The end of {what} that began with λ = 0: λ = 0.002, 1 layer(s) of 24 units, seed 50" in said


def test_time_is_measured_only_on_demand_and_said_in_the_numbers_of_the_chart(visit, sparse, charted) -> None:
    page = visit("payoff", run=sparse.id)
    assert not has(page, "payoff-timing")
    next(each for each in page.button if each.label == "Measure on this computer").click().run()
    assert not page.exception and not page.error
    bar = charted(page, "payoff-timing")["figure"]["data"][0]
    assert len(bar["x"]) == 5 and all(ms > 0 for ms in bar["x"])
    said = next(each.value for each in page.markdown if "Written out step by step" in each.value)
    assert f"{bar['x'][1]:.3f} ms; with none 0, {bar['x'][0]:.3f} ms" in said
    page.selectbox[0].set_value("three").run()  # the time was that of another sound
    assert not page.exception and not has(page, "payoff-timing")
    assert any("Measure it" in each.value for each in page.info)
    page.segmented_control[0].set_value("upload").run()  # nor is it that of none
    assert not page.exception and not has(page, "payoff-timing")


def test_the_clip_and_what_the_bands_let_through_can_be_heard(visit, sparse, charted) -> None:
    page = visit("payoff", run=sparse.id)
    chart = charted(page, "payoff-bands")
    assert len(chart["figure"]["data"]) == 3
    assert len(page.get("audio")) == 2
    page.selectbox[0].set_value("three").run()
    assert not page.exception and not page.error
    assert charted(page, "payoff-bands")["subject"] != chart["subject"]


def test_an_uploaded_sound_takes_the_clip_s_place_and_a_bad_one_gets_its_sentence(visit, sparse) -> None:
    page = visit("payoff", run=sparse.id)
    page.segmented_control[0].set_value("upload").run()
    assert not page.exception and not has(page, "payoff-bands")
    assert any("Record or upload a word" in each.value for each in page.info)
    assert next(each for each in page.button if each.label == "Measure on this computer").disabled
    file = io.BytesIO()
    soundfile.write(file, 0.3 * np.sin(np.arange(8000) / 2), 8000, format="WAV")
    page.file_uploader[0].upload("sound.wav", file.getvalue()).run()
    assert not page.exception and not page.error and has(page, "payoff-bands")
    page.file_uploader[0].upload("sound.wav", b"this is no sound, whatever its name says\n" * 50).run()
    assert not page.exception
    assert len(page.error) == 1 and has(page, "payoff-sizes")


def test_the_pair_is_trained_by_one_button_and_compared_when_both_have_ended(visit, submitted, ended, charted) -> None:
    page = visit("payoff")
    assert not has(page, "payoff-pair-sizes")
    next(each for each in page.button if each.label == "Train both").click().run()
    assert not page.exception and not page.error
    l1, group = submitted
    assert group == PRESETS["units"] and l1 == group.with_values(penalty="l1", lam=l1.lam)
    for spec in submitted:
        ended(spec)
    page.run()
    assert not page.exception and not page.error
    chart = charted(page, "payoff-pair-sizes")
    assert [each["name"] for each in chart["figure"]["data"]] == ["L1", "group lasso"]
    assert chart["alt"].count("of 128 units left") == 2
    next(each for each in page.button if each.label == "Measure both on this computer").click().run()
    assert not page.exception and not page.error
    assert len(charted(page, "payoff-pair-timing")["figure"]["data"][0]["x"]) == 3
    page.selectbox[0].set_value("three").run()
    assert not page.exception and has(page, "payoff-pair-sizes") and not has(page, "payoff-pair-timing")
