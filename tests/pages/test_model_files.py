"""Models out and in, without a browser: what is made when, what is said when it cannot be, and a file that somebody brings."""

import io
import json
import zipfile

import onnxruntime
import pytest
from streamlit.testing.v1 import AppTest

from l1demo import model, model_tasks, standalone, weights
from l1demo.engine import Engine, EngineError
from l1demo.spec import RunSpec
from l1demo.store import Run
from l1demo.ui import model_files

SPEC = RunSpec().with_values(seed=50, epochs=3, free_epochs=1, hidden=16, train_clips=60, augment=False)


@pytest.fixture
def page(visit, engine, ended) -> AppTest:
    """Train, with a run that is done."""
    engine.submit(SPEC, "eve")
    ended(SPEC)
    return visit("train", run=SPEC.id)


@pytest.fixture
def calls(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of what a page asked workers to do."""
    asked: list[str] = []
    call = engine.call
    monkeypatch.setattr(
        engine, "call", lambda function, *args, **how: asked.append(function.__name__) or call(function, *args, **how)
    )
    return asked


def choose(page: AppTest, kind: str) -> AppTest:
    return page.segmented_control(key=f"save-as-{SPEC.id}").set_value(kind).run()


def test_nothing_is_made_before_it_is_asked_for(page: AppTest, calls: list[str]) -> None:
    assert not page.run().exception and not page.download_button
    assert not {"model_file", "onnx_file", "script_file"} & set(calls)


@pytest.mark.parametrize("kind, name", [("model", "l1-lam0.001-seed50.safetensors"), ("onnx", "l1-lam0.001-seed50.onnx")])
def test_a_form_is_made_once_when_it_is_chosen(page: AppTest, calls: list[str], kind: str, name: str) -> None:
    chosen = choose(page, kind).run()
    assert not chosen.exception and not chosen.error
    assert [each.label for each in chosen.download_button] == [f"Save {name}"]
    assert calls.count(f"{kind}_file") == 1


def test_what_a_worker_refuses_is_a_sentence(page: AppTest, engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_args: object, **_how: object) -> None:
        raise EngineError("The run's clips have 900 MB.")

    monkeypatch.setattr(engine, "call", refuse)
    chosen = choose(page, "script")
    assert not chosen.exception and [each.value for each in chosen.error] == ["The run's clips have 900 MB."]
    assert not chosen.download_button


FORMS = """
from l1demo import engine
from l1demo.ui import model_files

model_files.downloads(engine.current().run("{id}"))
"""


@pytest.mark.parametrize("kind, withheld", [("own", True), ("class", True), ("words", False)])
def test_people_s_voices_are_given_to_those_who_have_them_on_their_list(
    engine: Engine, ended, visit, kind: str, withheld: bool
) -> None:
    spec = SPEC.with_values(corpus=f"{kind}-0123456789ab")  # which its training, a fake, does not look for
    engine.submit(spec, "eve")
    ended(spec)
    page = AppTest.from_string(FORMS.format(id=spec.id), default_timeout=60).run()

    def errors() -> list[str]:
        key = f"save-as-{spec.id}"
        return [each.value for each in page.segmented_control(key=key).set_value("script").run().error]

    assert ("not on your list" in errors()[0]) == withheld
    if withheld:
        engine.keep_corpus(spec.corpus.name, page.session_state["visitor"], "Ours")
        assert "not on your list" not in errors()[0]  # but there is no such corpus


def test_settings_that_were_never_run_have_nothing_to_save(visit, page: AppTest) -> None:
    def forms(page: AppTest) -> list[str]:
        return [each.key for each in page.segmented_control if each.key and each.key.startswith("save-as-")]

    assert forms(page) == [f"save-as-{SPEC.id}"]
    assert forms(visit("train", seed="51")) == []


def test_the_files_are_of_the_run(engine: Engine, page: AppTest) -> None:
    run, data = engine.run(SPEC.id), engine.weights(SPEC.id)
    assert run and data
    row = {name: value for name, value in run.rows[-1].items() if not isinstance(value, list | dict)}
    found = weights.check(engine.call(model_tasks.model_file, data, row))
    assert found["id"] == SPEC.id and found["figures"]["val_loss"] == row["val_loss"] and "Licence" in found["origin"]["licence"]
    onnx = engine.call(model_tasks.onnx_file, data, timeout=60.0)
    about = onnxruntime.InferenceSession(onnx, providers=["CPUExecutionProvider"]).get_modelmeta().custom_metadata_map
    assert about["spec"] == SPEC.to_json() and "Licence" in about["licence"]
    script = engine.call(model_tasks.script_file, SPEC.to_dict(), [row], timeout=60.0)
    with zipfile.ZipFile(io.BytesIO(script)) as archive:
        kept = json.loads(archive.read("run.json"))
        assert archive.read("train.py").decode() == standalone.script(SPEC)
    assert kept["id"] == SPEC.id and kept["epochs"][0]["val_loss"] == row["val_loss"]


OPENED = """
from l1demo.ui import model_files
import streamlit as st

if found := model_files.opened():
    data, facts = found
    st.text(f"{len(data)} {facts['words']} {facts['id']}")
"""


def bring(data: bytes) -> AppTest:
    page = AppTest.from_string(OPENED, default_timeout=60).run()
    return page.file_uploader[0].set_value(("m.safetensors", data, "application/octet-stream")).run()


def test_a_model_that_somebody_brings_is_read_on_a_worker(visit) -> None:
    data = weights.dump(model.build(SPEC, 2), SPEC, ("no", "yes"))
    page = bring(data)
    assert not page.exception and page.text[0].value == f"{len(data)} ('no', 'yes') {SPEC.id}"


def test_what_is_no_model_is_a_sentence(visit) -> None:
    page = bring(b"\x80\x04\x95" + bytes(100))
    assert not page.exception and not page.text
    assert "it is a pickle, which may run a program when it is read" in page.error[0].value


@pytest.mark.parametrize(
    "settings, name",
    [
        ({"lam": 3e-5, "seed": 7}, "l1-lam3e-05-seed7.onnx"),
        ({"penalty": "none"}, "none-seed0.onnx"),
        ({"penalty": "group", "lam_changes": "2:0.25"}, "group-lam0.25-seed0.onnx"),
    ],
)
def test_a_file_is_called_by_penalty_lam_and_seed(settings: dict, name: str) -> None:
    spec = RunSpec().with_values(**settings)
    assert model_files.file_name(Run(spec.id, spec, state="done", rows=({"epoch": 1}, {"epoch": 2})), ".onnx") == name
