"""The ONNX file hears what the recogniser hears: in onnxruntime, from samples alone, at every length and setting."""

import io
import json
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
import soundfile
import torch

from l1demo import corpora, features, model, model_tasks, onnx_export, training, weights
from l1demo.spec import FeatureSpec, RunSpec
from l1demo.weights import ModelError

WORDS = ("zero", "一", "naïve")
SETTINGS: dict[str, dict[str, Any]] = {
    "default": {},
    "two layers, bce": {"layers": 2, "loss": "bce"},
    "mse, small frames": {"mels": 20, "window": 8.0, "hop": 4.0, "loss": "mse", "hidden": 16},
    "more bands than an FFT of the window has": {"mels": 128, "window": 8.0, "hop": 6.0},
    "odd": {"mels": 33, "window": 50.0, "hop": 14.0, "layers": 2, "hidden": 17},
    "longest frames": {"mels": 128, "window": 64.0, "hop": 32.0},
}


def network(spec: RunSpec) -> model.Recogniser:
    recogniser = model.build(spec, len(WORDS)).eval()
    with torch.no_grad():
        for w in recogniser.parameters():
            w *= 5  # so that its answers differ from clip to clip
        recogniser.lstm.weight_hh_l0[torch.rand(recogniser.lstm.weight_hh_l0.shape) < 0.7] = 0
    return recogniser


def session(data: bytes) -> onnxruntime.InferenceSession:
    return onnxruntime.InferenceSession(data, providers=["CPUExecutionProvider"])


@torch.no_grad()
def ours(recogniser: model.Recogniser, spec: RunSpec, clip: np.ndarray) -> np.ndarray:
    heard = features.frames([clip], np.zeros(1, np.int64), spec.features)
    return training.probabilities(recogniser(features.normalise(heard.x, heard.lengths), heard.lengths), spec.training.loss)[
        0
    ].numpy()


def theirs(run: onnxruntime.InferenceSession, clip: np.ndarray) -> np.ndarray:
    return run.run(["probabilities"], {"samples": clip.astype(np.float32) / 32768})[0]


@pytest.fixture(scope="module")
def clips() -> list[np.ndarray]:
    """Real clips of the built-in digits, short ones and long ones."""
    digits = corpora.load("digits")
    by_length = np.argsort(np.diff(digits.starts))
    return [digits.clip(int(i)) for i in by_length[np.linspace(0, len(by_length) - 1, 40).astype(int)]]


@pytest.mark.parametrize("name", SETTINGS)
def test_onnxruntime_hears_the_same_from_samples_alone(name: str, clips: list[np.ndarray]) -> None:
    spec = RunSpec().with_values(**SETTINGS[name])
    recogniser = network(spec)
    run = session(onnx_export.export(recogniser, spec, WORDS))
    window = round(spec.features.window_ms * 8)
    longest = int(features.MAX_SECONDS * features.RATE)
    joined = np.concatenate(clips)
    lengths = (window // 2, window - 1, window, window + 1, longest - 1, longest, longest + 1, 3 * longest)
    whole = [*clips, *(joined[5000 : 5000 + length] for length in lengths)]
    found = np.array([theirs(run, clip) for clip in whole])
    assert found == pytest.approx(np.array([ours(recogniser, spec, clip) for clip in whole]), abs=1e-5)
    assert np.ptp(found, axis=0).max() > 0.1, "the network says the same of every clip: nothing was compared"
    assert theirs(run, joined[:longest]) == pytest.approx(theirs(run, joined[: 2 * longest]), abs=1e-7)


def test_it_hears_a_recording_as_recognise_does(clips: list[np.ndarray]) -> None:
    spec = RunSpec().with_values(hidden=16)
    recogniser = network(spec)
    data = weights.dump(recogniser, spec, WORDS)
    run = session(model_tasks.onnx_file(data))
    file = io.BytesIO()
    soundfile.write(file, clips[20], features.RATE, format="WAV", subtype="PCM_16")
    heard = weights.recognise(*weights.load(data), file.getvalue())
    from l1demo import audio

    trimmed = audio.to_int16(audio.read(file.getvalue(), rate=features.RATE).samples)
    assert theirs(run, trimmed) == pytest.approx(list(heard.values()), abs=1e-5)


def test_the_file_says_what_it_is_and_any_runtime_since_opset_17_reads_it() -> None:
    spec = RunSpec().with_values(hidden=16)
    data = onnx_export.export(network(spec), spec, WORDS, {"licence": "CC BY 4.0", "source": ""})
    onnx.checker.check_model(onnx.load_from_string(data), full_check=True)
    read = onnx.load_from_string(data)
    assert [(each.domain, each.version) for each in read.opset_import] == [("", 17)]
    run = session(data)
    about = run.get_modelmeta().custom_metadata_map
    assert tuple(json.loads(about.pop("words"))) == WORDS
    assert about == {"spec": spec.to_json(), "rate": "8000", "licence": "CC BY 4.0"}
    assert [(each.name, each.type, each.shape) for each in run.get_inputs()] == [("samples", "tensor(float)", ["n"])]
    assert [(each.name, each.shape) for each in run.get_outputs()] == [("probabilities", [3])]


def test_the_licence_of_the_built_in_voices_goes_with_their_network() -> None:
    spec = RunSpec().with_values(hidden=16)
    recogniser = network(spec)
    about = session(model_tasks.onnx_file(weights.dump(recogniser, spec, WORDS))).get_modelmeta().custom_metadata_map
    assert "GNU General Public Licence" in about["licence"]
    brought = weights.dump(recogniser, spec, WORDS, origin={"title": "my voice", "licence": "none"})
    about = session(model_tasks.onnx_file(brought)).get_modelmeta().custom_metadata_map
    assert (about["title"], about["licence"]) == ("my voice", "none")


def test_a_graph_that_hears_otherwise_is_not_given_away(monkeypatch: pytest.MonkeyPatch) -> None:
    spec = RunSpec().with_values(hidden=16)
    plain = features.normalise
    monkeypatch.setattr(features, "normalise", lambda x, lengths: plain(x, lengths) * 1.5)  # features as they may come to be
    with pytest.raises(ModelError, match=r"would not hear what this network hears: probabilities differ by 0\.\d"):
        onnx_export.export(network(spec), spec, WORDS)


def test_a_setting_that_the_graph_does_not_know_is_refused_by_its_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(onnx_export, "KNOWN", onnx_export.KNOWN - {"hop_ms"})
    usual, other = RunSpec().with_values(hidden=16), RunSpec().with_values(hidden=16, hop=8.0)
    assert FeatureSpec().hop_ms == usual.features.hop_ms
    onnx_export.export(network(usual), usual, WORDS)  # at its default it does nothing
    with pytest.raises(ModelError, match=r"“Hop \(ms\)”"):
        onnx_export.export(network(other), other, WORDS)
