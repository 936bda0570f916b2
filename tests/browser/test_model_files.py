"""The three files of a run, as a browser saves them: they are what their names say."""

import io
import json
import zipfile
from collections.abc import Callable
from pathlib import Path

import onnxruntime
from playwright.sync_api import Page, expect

from l1demo import weights

ENDINGS = {"Model": ".safetensors", "ONNX": ".onnx", "PyTorch script": ".zip"}


def test_a_run_s_files_are_saved_and_can_be_used(visit: Callable[..., Page], done_run: str) -> None:
    page = visit(f"/train?run={done_run}")
    page.get_by_text("Save this model").click()
    saved: dict[str, bytes] = {}
    for form in ("Model", "ONNX", "PyTorch script"):
        page.get_by_role("radio", name=form, exact=True).click()
        with page.expect_download() as download:
            page.get_by_role("button", name=f"Save l1-lam0.003-seed0{ENDINGS[form]}").click()
        saved[download.value.suggested_filename] = Path(download.value.path()).read_bytes()
    expect(page.get_by_test_id("stAlertContentError")).to_have_count(0)
    model, onnx, script = (saved[f"l1-lam0.003-seed0{ending}"] for ending in (".safetensors", ".onnx", ".zip"))
    found = weights.check(model)
    assert found["id"] == done_run and found["figures"]["epoch"] == 12
    about = onnxruntime.InferenceSession(onnx, providers=["CPUExecutionProvider"]).get_modelmeta().custom_metadata_map
    assert about["spec"] == found["spec"]
    with zipfile.ZipFile(io.BytesIO(script)) as archive:
        kept = json.loads(archive.read("run.json"))
    assert kept["id"] == done_run and len(kept["epochs"]) == 12
    assert kept["epochs"][-1]["val_loss"] == found["figures"]["val_loss"]
