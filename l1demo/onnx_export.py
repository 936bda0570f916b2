"""A trained recogniser as an ONNX file that takes samples and gives the words' probabilities, features and all.

Whoever has onnxruntime needs nothing of the lab. The formulas are ``features``' and ``model``'s, written as a graph, which is run
before it is given away, and refused where it does not hear what the recogniser hears.
"""

import json
from collections.abc import Mapping
from dataclasses import fields
from typing import Any

import numpy as np
import onnx
import torch
from onnx import TensorProto, helper, numpy_helper

from l1demo import features, training
from l1demo.model import Recogniser
from l1demo.spec import FeatureSpec, ModelSpec, RunSpec
from l1demo.text import _
from l1demo.weights import ModelError

OPSET, IR = 17, 8  # the first with STFT, and what belongs to it: onnxruntime reads them since 1.13 of 2022
KNOWN = {"n_mels", "window_ms", "hop_ms", "hidden", "layers"}  # settings of the features and the network that the graph knows
TOLERANCE = 1e-4  # of a probability: more is another network, not rounding
TO_ONNX = [0, 3, 1, 2]  # torch's gates i f g o in ONNX's order i o f c, where c is g


class _Graph:
    """Nodes in the order in which they are added, and the constants that they use."""

    def __init__(self) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.constants: dict[str, np.ndarray] = {}

    def add(self, op: str, output: str, *inputs: str | np.ndarray | float | int | list[int], **attributes: Any) -> str:
        names = [each if isinstance(each, str) else self._constant(f"{output}.{i}", each) for i, each in enumerate(inputs)]
        self.nodes.append(helper.make_node(op, names, [output], output, **attributes))
        return output

    def _constant(self, name: str, value: np.ndarray | float | int | list[int]) -> str:
        self.constants[name] = np.asarray(value, np.int64 if isinstance(value, list | int) else np.float32)  # ONNX's two kinds
        return name


def export(recogniser: Recogniser, spec: RunSpec, words: tuple[str, ...], about: Mapping[str, str] | None = None) -> bytes:
    """Write a recogniser as an ONNX file.

    Its input ``samples`` is float32 (n,): one word, mono, 8 kHz, -1 to 1, without silence around it. Its output ``probabilities``
    is float32 (C,), in the order of the metadata's ``words``.

    Parameters
    ----------
    recogniser : Recogniser
    spec : RunSpec
    words : tuple of str
    about : mapping of str to str, optional
        More metadata, such as the licence of the clips that it learned from.

    Raises
    ------
    ModelError
        Where the description has a setting that the graph does not know, or the graph does not hear what the recogniser hears.
    """
    _refuse_unknown(spec)
    graph = _Graph()
    _network(graph, _frames(graph, spec.features), recogniser, spec)
    proto = helper.make_graph(
        graph.nodes,
        "l1_speech_lab",
        [helper.make_tensor_value_info("samples", TensorProto.FLOAT, ["n"])],
        [helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, [len(words)])],
        [numpy_helper.from_array(value, name) for name, value in graph.constants.items()],
    )
    model = helper.make_model(proto, producer_name="L1 Speech Lab", opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR)
    described = {"words": json.dumps(words, ensure_ascii=False), "spec": spec.to_json(), "rate": str(features.RATE)}
    helper.set_model_props(model, described | {name: text for name, text in (about or {}).items() if text})
    onnx.checker.check_model(model, full_check=True)
    data = model.SerializeToString()
    _compare(data, recogniser, spec)
    return data


def _frames(graph: _Graph, spec: FeatureSpec) -> str:
    """``features.log_mel`` and ``features.normalise`` of one clip: (T, M)."""
    window, hop = round(spec.window_ms * features.RATE / 1000), round(spec.hop_ms * features.RATE / 1000)
    n_fft, filters = features.filterbank(spec.n_mels, window)
    longest = int(features.MAX_SECONDS * features.RATE)
    add = graph.add

    word = add("Slice", "word", "samples", [0], [longest], [0])  # (n,)
    missing = add("Max", "missing", add("Sub", "too_short", [window], add("Shape", "size", word)), [0])
    # To a whole window, and then so far that STFT, whose frames are as long as its FFT, has a frame for each of our windows.
    behind = add("Concat", "behind", [0], add("Add", "padding", missing, [n_fft - window]), axis=0)
    wave = add("Unsqueeze", "wave", add("Pad", "padded", word, behind), [0, 2])  # (1, L, 1)
    taper = np.pad(torch.hann_window(window).numpy(), (0, n_fft - window))
    spectrum = add("STFT", "spectrum", wave, hop, taper, onesided=1)  # (1, T, F, 2)
    squares = add("ReduceSumSquare", "squares", spectrum, axes=[3], keepdims=0)  # (1, T, F)
    power = add("Squeeze", "power", add("Div", "density", squares, float(window)), [0])  # (T, F)
    mel = add("Add", "mel", add("MatMul", "bands", power, filters.numpy()), features.FLOOR)  # (T, M)

    quiet = add("Mul", "quiet", add("ReduceMean", "loudness", mel, keepdims=1), 10 ** (-features.ROOM_DB / 10))
    x = add("Log", "x", add("Add", "in_a_room", mel, quiet))
    band_means = add("ReduceMean", "band_means", x, axes=[0], keepdims=1)  # (1, M)
    mean = add("ReduceMean", "mean", band_means, axes=[1], keepdims=1)
    half = add("Div", "half", add("Add", "means", band_means, mean), 2.0)
    centred = add("Sub", "centred", x, half)
    variance = add("ReduceMean", "variance", add("Mul", "squared", centred, centred), keepdims=1)
    return add("Div", "normalised", centred, add("Sqrt", "deviation", add("Add", "safe", variance, 1e-6)))


def _network(graph: _Graph, frames: str, recogniser: Recogniser, spec: RunSpec) -> None:
    """``model.Recogniser.forward`` and ``training.probabilities`` of one clip: (C,)."""
    weights = {name: w.detach().numpy() for name, w in recogniser.state_dict().items()}
    hidden = recogniser.lstm.hidden_size

    def gates(name: str, layer: int) -> np.ndarray:
        w = weights[f"lstm.{name}_l{layer}"]
        return w.reshape(4, hidden, -1)[TO_ONNX].reshape(1, *w.shape)

    x = graph.add("Unsqueeze", "sequence", frames, [1])  # (T, 1, M)
    for layer in range(recogniser.lstm.num_layers):
        biases = np.concatenate([gates("bias_ih", layer), gates("bias_hh", layer)], 1)  # (1, 8 H)
        inputs = (x, gates("weight_ih", layer), gates("weight_hh", layer), biases)
        lstm = graph.add("LSTM", f"lstm{layer}", *inputs, hidden_size=hidden)  # (T, 1, 1, H)
        x = graph.add("Squeeze", f"heard{layer}", lstm, [1])  # (T, 1, H)
    mean = graph.add("ReduceMean", "over_time", x, axes=[0], keepdims=0)  # (1, H)
    logits = graph.add("Gemm", "logits", mean, weights["out.weight"], weights["out.bias"], transB=1)  # (1, C)
    name, axis = ("Sigmoid", {}) if spec.training.loss == "bce" else ("Softmax", {"axis": 1})
    graph.add("Squeeze", "probabilities", graph.add(name, "shares", logits, **axis), [0])


def _refuse_unknown(spec: RunSpec) -> None:
    for section in (spec.features, spec.model):
        usual: FeatureSpec | ModelSpec = type(section)()
        for field in fields(section):
            if field.name not in KNOWN and getattr(section, field.name) != getattr(usual, field.name):
                raise ModelError(
                    _("The ONNX file cannot have the setting “{name}” of this run; save it as safetensors.").format(
                        name=_(field.metadata["control"].label)
                    )
                )


@torch.no_grad()
def _compare(data: bytes, recogniser: Recogniser, spec: RunSpec) -> None:
    import onnxruntime

    session = onnxruntime.InferenceSession(data, providers=["CPUExecutionProvider"])
    random = np.random.default_rng(0)
    for size in (100, 3000, 12_000):  # shorter than a window, a word, longer than a word
        clip = (3000 * np.sin(np.arange(size) ** 1.5 / 300) + random.normal(0, 100, size)).astype(np.int16)
        x, lengths = features.log_mel([clip], spec.features)
        ours = training.probabilities(recogniser(features.normalise(x, lengths), lengths), spec.training.loss)[0].numpy()
        theirs = session.run(["probabilities"], {"samples": clip.astype(np.float32) / 32768})[0]
        if (gap := float(np.abs(ours - theirs).max())) > TOLERANCE:
            raise ModelError(
                _(
                    "The ONNX file would not hear what this network hears: probabilities differ by {gap:.2g}. "
                    "Save the network as safetensors."
                ).format(gap=gap)
            )
