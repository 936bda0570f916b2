"""A model's way into a file and back, and what is no model of ours."""

import io
import json
import pickle
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import safetensors
import safetensors.torch
import soundfile
import torch

from l1demo import audio, checkpoint, features, model, tasks, training, weights
from l1demo.audio import AudioError
from l1demo.spec import RunSpec
from l1demo.weights import ModelError

SPEC = RunSpec().with_values(hidden=16, mels=20, layers=2, lam=3e-4, seed=3)
WORDS = ("yes", "no", "数字")


@pytest.fixture(scope="module")
def recogniser() -> model.Recogniser:
    recogniser = model.build(SPEC, len(WORDS))
    with torch.no_grad():
        for w in recogniser.weights().values():
            w[torch.rand(w.shape, generator=torch.Generator().manual_seed(0)) < 0.6] = 0
            w *= 4
    return recogniser


@pytest.fixture(scope="module")
def whole(recogniser: model.Recogniser) -> bytes:
    return weights.dump(recogniser, SPEC, WORDS)


def recording() -> bytes:
    file = io.BytesIO()
    samples = np.random.default_rng(0).normal(0, 0.1, 16_000) * np.sin(np.linspace(0, np.pi, 16_000))
    soundfile.write(file, samples, 16_000, format="WAV")
    return file.getvalue()


def with_metadata(recogniser: model.Recogniser, **about: Any) -> bytes:
    usual = {"spec": SPEC.to_json(), "words": json.dumps(WORDS)}
    return safetensors.torch.save(recogniser.state_dict(), {k: v for k, v in (usual | about).items() if v is not None})


def test_a_model_comes_back_whole(recogniser: model.Recogniser, whole: bytes) -> None:
    back, spec, words = weights.load(whole)
    assert (spec, words) == (SPEC, WORDS)
    assert not back.training
    assert all(torch.equal(a, b) for a, b in zip(recogniser.parameters(), back.parameters(), strict=True))


def test_any_reader_of_safetensors_finds_the_full_description(recogniser: model.Recogniser, tmp_path: Path) -> None:
    row = {"epoch": 12, "lam": 3e-4, "val_loss": 0.25, "val_accuracy": 0.9, "matrices": {}, "trace": [[0.0]], "seconds": 1.0}
    given = {"title": "two\nlines", "licence": "CC BY 4.0", "source": ""}
    path = tmp_path / "m.safetensors"
    weights.save(path, weights.dump(recogniser, SPEC, WORDS, figures=row, origin=given))
    with safetensors.safe_open(path, "np") as file:
        about = file.metadata()
        assert set(file.keys()) == set(recogniser.state_dict())
    assert {name: about[name] for name in ("version", "id", "rate", "spec")} == {
        **{"version": "1", "id": SPEC.id, "rate": "8000", "spec": SPEC.to_json()}
    }
    assert json.loads(about["words"]) == list(WORDS)
    checked = weights.check(path.read_bytes())
    zeros = [int((w == 0).sum()) for w in recogniser.weights().values()]
    assert checked == {
        **{"words": WORDS, "spec": SPEC.to_json(), "id": SPEC.id, "origin": {"title": "two lines", "licence": "CC BY 4.0"}},
        "figures": {"epoch": 12, "lam": 3e-4, "val_loss": 0.25, "val_accuracy": 0.9},
        "parameters": sum(p.numel() for p in recogniser.parameters()),
        "exact_zero_fraction": sum(zeros) / sum(w.numel() for w in recogniser.weights().values()),
    }


def test_a_model_saved_before_there_was_a_version_is_read(recogniser: model.Recogniser) -> None:
    checked = weights.check(with_metadata(recogniser))
    assert (checked["words"], checked["figures"], checked["origin"]) == (WORDS, {}, {})


def test_each_stop_of_a_path_comes_back_and_the_last_network_too(recogniser: model.Recogniser) -> None:
    stops = [model.build(SPEC.with_values(seed=seed), len(WORDS)).state_dict() for seed in range(11)]
    data = weights.dump(recogniser, SPEC, WORDS, stops)
    for stop in (0, 1, 10):
        back, _spec, _words = weights.load(data, stop)
        assert all(torch.equal(w, stops[stop][name]) for name, w in back.state_dict().items())
    last, _spec, _words = weights.load(data)
    assert all(torch.equal(w, recogniser.state_dict()[name]) for name, w in last.state_dict().items())
    with pytest.raises(ModelError):
        weights.load(data, 11)


def test_a_word_is_heard_along_the_longest_path_of_the_largest_network(monkeypatch: pytest.MonkeyPatch) -> None:
    spec = RunSpec().with_values(hidden=256, layers=2)
    stops = [model.build(spec.with_values(seed=seed), len(WORDS)).state_dict() for seed in (0, 1)] * 10
    data = weights.dump(
        model.build(spec, len(WORDS)), spec, WORDS, [{name: w.clone() for name, w in stop.items()} for stop in stops]
    )
    assert len(data) > weights.MAX_BYTES
    read, times = safetensors.torch.load, []
    monkeypatch.setattr(safetensors.torch, "load", lambda data: times.append(1) or read(data))
    found = tasks.heard_along(data, recording())
    assert len(times) == 1, "it is read anew for every λ"
    along = [list(weights.recognise(*weights.load(data, stop), recording()).values()) for stop in (0, 1)]
    assert found["words"] == WORDS and found["probabilities"] == pytest.approx(np.array(along * 10))


def test_a_model_is_no_path(whole: bytes) -> None:
    with pytest.raises(ModelError, match="it is no λ path"):
        weights.load_stops(whole)


@pytest.mark.parametrize("loss", ["ce", "bce", "mse"])
def test_what_it_hears_is_the_model_s_own_output(recogniser: model.Recogniser, loss: str) -> None:
    spec = SPEC.with_values(loss=loss)
    heard = weights.recognise(*weights.load(weights.dump(recogniser, spec, WORDS)), recording())
    clip = audio.to_int16(audio.read(recording(), rate=8000).samples)
    x, lengths = features.log_mel([clip], spec.features)
    with torch.no_grad():
        logits = recogniser(features.normalise(x, lengths), lengths)[0]
    assert tuple(heard) == WORDS
    expected = torch.sigmoid(logits) if loss == "bce" else torch.softmax(logits, 0)
    assert list(heard.values()) == pytest.approx(expected.tolist(), abs=1e-6)
    assert loss == "bce" or sum(heard.values()) == pytest.approx(1, abs=1e-6)


def test_a_trained_model_recognises_what_it_was_trained_on() -> None:
    rate, random = 8000, np.random.default_rng(0)
    clips, labels = [], []
    for i in range(40):
        hertz = (400, 1500)[i % 2] * random.uniform(0.95, 1.05)
        tone = 0.3 * np.sin(2 * np.pi * hertz * np.arange(3000) / rate) + random.normal(0, 0.01, 3000)
        clips.append(audio.to_int16(tone.astype(np.float32)))
        labels.append(i % 2)
    spec = RunSpec().with_values(hidden=16, mels=20, epochs=6, lr=0.02, batch=8, lam=0.0, augment=False)
    frames = features.frames(clips, np.array(labels), spec.features)
    reached = checkpoint.begin(spec, 2)
    last = list(training.train(spec, training.Dataset(frames, frames, ("low", "high")), reached))[-1]
    assert last["val_accuracy"] == 1
    loaded = weights.load(weights.dump(reached.model, spec, ("low", "high")))
    for clip, word in zip(clips[:4], ("low", "high") * 2, strict=True):
        file = io.BytesIO()
        soundfile.write(file, clip, rate, format="WAV")
        heard = weights.recognise(*loaded, file.getvalue())
        assert max(heard, key=heard.__getitem__) == word


def test_a_bad_recording_is_an_audio_error(whole: bytes) -> None:
    with pytest.raises(AudioError):
        weights.recognise(*weights.load(whole), b"")


def test_saving_where_nothing_can_be_written_is_told(recogniser: model.Recogniser, tmp_path: Path) -> None:
    whole = weights.dump(recogniser, SPEC, WORDS)
    weights.save(tmp_path / "m.safetensors", whole)
    assert (tmp_path / "m.safetensors").read_bytes() == whole
    for path in (tmp_path, tmp_path / "no" / "m.safetensors"):
        with pytest.raises(ModelError, match="cannot be written"):
            weights.save(path, whole)


class _Trap:
    def __reduce__(self) -> tuple[Any, ...]:
        return pytest.fail, ("a pickle was run",)


def with_header(whole: bytes, change: Callable[[dict[str, Any]], None]) -> bytes:
    (length,) = struct.unpack("<Q", whole[:8])
    header = json.loads(whole[8 : 8 + length])
    change(header)
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + whole[8 + length :]


def overlap(header: dict[str, Any]) -> None:
    header["lstm.bias_hh_l0"]["data_offsets"] = header["lstm.bias_ih_l0"]["data_offsets"]


def of_2_60_rows(header: dict[str, Any]) -> None:
    header["out.weight"]["shape"] = [2**60, 16]


def many_tensors(header: dict[str, Any]) -> None:
    header |= {f"t{i}": {"dtype": "F32", "shape": [0], "data_offsets": [0, 0]} for i in range(10_000)}


def hostile(whole: bytes, recogniser: model.Recogniser) -> dict[str, bytes]:
    (length,) = struct.unpack("<Q", whole[:8])
    archive = io.BytesIO()
    torch.save(recogniser.state_dict(), archive)
    return {
        "empty": b"",
        "eight zeros": bytes(8),
        "text": b"this is no model at all",
        "header of 2**60": struct.pack("<Q", 2**60) + whole[8:],
        "header of 2**64 - 1": b"\xff" * 8 + whole[8:],
        "header longer than the file": struct.pack("<Q", len(whole) + 1) + whole[8:],
        "header one short": struct.pack("<Q", length - 1) + whole[8:],
        "header of no JSON": struct.pack("<Q", 100) + b"x" * 200,
        "header of deep JSON": struct.pack("<Q", 100_000) + b"[" * 100_000,
        "header of a list": struct.pack("<Q", 2) + b"[]",
        "an empty header": struct.pack("<Q", 2) + b"{}",
        "more behind it": whole + b"x",
        "pickle": pickle.dumps(_Trap()),
        "pickle of torch": archive.getvalue(),
        "no metadata": safetensors.torch.save(recogniser.state_dict()),
        "no spec": with_metadata(recogniser, spec=None),
        "no words": with_metadata(recogniser, words=None),
        "spec of no JSON": with_metadata(recogniser, spec="{"),
        "spec of a list": with_metadata(recogniser, spec="[]"),
        "spec of deep JSON": with_metadata(recogniser, spec="[" * 100_000),
        "spec out of range": with_metadata(recogniser, spec=json.dumps(SPEC.to_dict() | {"model": {"hidden": 10**9}})),
        "spec of a number that is no float": with_metadata(recogniser, spec=json.dumps(SPEC.to_dict() | {"seed": 10**400})),
        "spec of another size": with_metadata(recogniser, spec=SPEC.with_values(hidden=17).to_json()),
        "spec of one layer": with_metadata(recogniser, spec=SPEC.with_values(layers=1).to_json()),
        "words of no JSON": with_metadata(recogniser, words="yes, no"),
        "words of a number": with_metadata(recogniser, words="3"),
        "words of deep JSON": with_metadata(recogniser, words="[" * 100_000),
        "no word": with_metadata(recogniser, words="[]"),
        "more words": with_metadata(recogniser, words=json.dumps([*WORDS, "maybe"])),
        "a million words": with_metadata(recogniser, words=json.dumps([""] * 1_000_000)),
        "a word twice": with_metadata(recogniser, words='["yes", "yes", "no"]'),
        "words that are no list": with_metadata(recogniser, words='"abc"'),
        "words that are no words": with_metadata(recogniser, words="[[1], {}, null]"),
        "a tensor less": safetensors.torch.save(dict(list(recogniser.state_dict().items())[1:]), _about(whole)),
        "a tensor more": safetensors.torch.save(recogniser.state_dict() | {"x": torch.zeros(1)}, _about(whole)),
        "NaN": safetensors.torch.save({k: v * torch.nan for k, v in recogniser.state_dict().items()}, _about(whole)),
        "NaN in one weight": safetensors.torch.save(
            recogniser.state_dict() | {"out.bias": torch.tensor([0, torch.nan, 0])}, _about(whole)
        ),
        "overlapping tensors": with_header(whole, overlap),
        "a tensor of 2**60 rows": with_header(whole, of_2_60_rows),
        "ten thousand tensors more": with_header(whole, many_tensors),
        "doubles": safetensors.torch.save({k: v.double() for k, v in recogniser.state_dict().items()}, _about(whole)),
        "half precision": safetensors.torch.save({k: v.half() for k, v in recogniser.state_dict().items()}, _about(whole)),
        "whole numbers": safetensors.torch.save({k: v.int() for k, v in recogniser.state_dict().items()}, _about(whole)),
        "spec of 256 units": with_metadata(recogniser, spec=SPEC.with_values(hidden=256, mels=128).to_json()),
        "spec of a setting to come": with_metadata(recogniser, spec=json.dumps(SPEC.to_dict() | {"wings": 2})),
        "a version to come": with_metadata(recogniser, version="2"),
        "version of a megabyte": with_metadata(recogniser, version="2" * 2**20),
        "HDF5": b"\x89HDF\r\n\x1a\n" + bytes(1000),
        "ONNX": b"\x08\x08\x12\x0dL1 Speech Lab" + bytes(1000),
        "a recording": recording(),
        "another shape": safetensors.torch.save({k: v[None] for k, v in recogniser.state_dict().items()}, _about(whole)),
    }


def _about(whole: bytes) -> dict[str, str]:
    return weights._metadata(whole)


HOSTILE = hostile(weights.dump(model.build(SPEC, 3), SPEC, WORDS), model.build(SPEC, 3))


@pytest.mark.parametrize("name", HOSTILE)
def test_what_is_no_model_is_refused_with_a_sentence(name: str) -> None:
    with pytest.raises(ModelError) as caught:
        weights.load(HOSTILE[name])
    said = str(caught.value)
    assert said.startswith("This is not a model that the lab saved: ")
    assert len(said) < 500 and said.isprintable()
    assert NAMED.get(name, "") in said


NAMED = {  # what a person can mend is told apart
    "pickle": "it is a pickle, which may run a program",
    "pickle of torch": "it is a ZIP archive, as PyTorch's .pt files are",
    "HDF5": "as Keras writes",
    "ONNX": "it is an ONNX file; choose the .safetensors file",
    "a recording": "it is a recording",
    "text": "it is no safetensors file",
    "a version to come": "it has version '2', and this lab reads version 1",
    "spec of a setting to come": "unknown setting: wings",
    "no metadata": "its metadata lack spec, words",
    "doubles": "float64",
    "NaN in one weight": "some weights of out.bias are not finite",
    "spec of 256 units": "its description says",
    "more words": "it names 4 words",
    "a tensor less": "are missing or unknown",
    "a million words": "MB are read",
}


def bold(recogniser: model.Recogniser) -> dict[str, tuple[bytes, str]]:
    """Files that hold a network, from a stranger: what they say of it, and what is said of them."""
    many = model.build(SPEC, 10_000)
    named = {
        **{
            "a control character": "a\x1b[31m",
            "written backwards": "\u202egnihton",
            "a megabyte": "a" * 2**20,
            "nothing": "",
            "a blank": " ",
        },
        **{"a line's end": "a\nb"},
    }
    words = {f"a word of {what}": with_metadata(recogniser, words=json.dumps(["yes", word, "no"])) for what, word in named.items()}
    claimed = {
        **{
            "figures of deep JSON": {"figures": "[" * 100_000},
            "a list of figures": {"figures": "[]"},
            "NaN": {"figures": '{"epoch": NaN}'},
        },
        **{"a figure of text": {"figures": '{"epoch": "<b>"}'}, "a figure of ours": {"figures": '{"charm": 1}'}},
        **{"a figure of 10**400": {"figures": f'{{"epoch": 1{"0" * 400}}}'}, "an origin of numbers": {"origin": '{"title": 3}'}},
        **{
            "an origin of a megabyte": {"origin": json.dumps({"title": "a" * 2**20})},
            "an origin of markup": {"origin": '{"<b>": ""}'},
        },
    }
    return {
        "10,000 words": (
            safetensors.torch.save(
                many.state_dict(), {"spec": SPEC.to_json(), "words": json.dumps([f"w{i}" for i in range(10_000)])}
            ),
            "10,000 words",
        ),
        **{what: (data, "cannot be shown") for what, data in words.items()},
        **{what: (with_metadata(recogniser, **about), "") for what, about in claimed.items()},
    }


BOLD = bold(model.build(SPEC, 3))


@pytest.mark.parametrize("name", BOLD)
def test_what_a_stranger_s_file_says_is_looked_at_before_it_is_shown(name: str) -> None:
    data, reason = BOLD[name]
    with pytest.raises(ModelError) as caught:
        weights.check(data)
    said = str(caught.value)
    assert said.startswith("This is not a model that the lab saved: ") and reason in said
    assert len(said) < 500 and said.isprintable()


def test_a_model_that_is_too_large_is_not_read() -> None:
    with pytest.raises(ModelError, match="has 65 MB; at most 64 MB"):
        weights.load(bytes(65 * 2**20), most=weights.MAX_BYTES)


def test_cut_off_or_changed_anywhere_it_is_a_model_or_a_model_error(whole: bytes) -> None:
    (length,) = struct.unpack("<Q", whole[:8])
    for at in {*range(0, 16), *range(16, 8 + length, 37), 8 + length, *range(8 + length, len(whole), 997), len(whole) - 1}:
        with pytest.raises(ModelError):
            weights.load(whole[:at])
    random = np.random.default_rng(0)
    for _ in range(300):
        changed = bytearray(whole)
        for at in random.integers(0, 8 + length, 3):
            changed[at] = random.integers(256)
        try:
            back, spec, words = weights.load(bytes(changed))
        except ModelError:
            continue
        assert back.out.out_features == len(words) and back.lstm.hidden_size == spec.model.hidden


@pytest.mark.parametrize("n", [0, 1, 7, 8, 9, 100, 10_000])
def test_random_bytes_are_no_model(n: int) -> None:
    with pytest.raises(ModelError):
        weights.load(np.random.default_rng(n).bytes(n))
