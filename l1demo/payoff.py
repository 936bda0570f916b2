"""What sparsity buys: a network without its unused units, the time that a clip takes each way, and what the network still hears.

Numbers only: how they are shown, and what they say, is the page's.
"""

import io
import time
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import soundfile
import torch

from l1demo import audio, features, forms, listening, sparsity, training, weights
from l1demo.model import Recogniser, build
from l1demo.spec import FeatureSpec

ROUNDS, WARM_UP = 100, 5


def sizes(data: bytes) -> dict[str, Any]:
    """Measure what a trained recogniser takes to store, and count what of it could be cut away.

    Parameters
    ----------
    data : bytes
        ``weights.dump``'s result.

    Returns
    -------
    dict
        ``bytes``, for each of ``forms.FORMS`` and for ``cut``, the smaller network's dense form; ``weights`` and ``nonzero``;
        ``biases``, their bytes, which no form counts; ``units`` and ``kept``, one number a layer; and ``deaf``, how many were kept
        though no sound reaches them.

    Raises
    ------
    ModelError
        When the bytes hold no recogniser.
    """
    whole, _spec, _words = weights.load(data)
    small, kept = cut(whole)
    matrices = forms.matrices(whole)
    written = {form: len(forms.pack(form, matrices)) for form in forms.FORMS}
    return {
        "bytes": written | {"cut": len(forms.pack("dense", forms.matrices(small)))},
        "weights": sum(w.size for w in matrices.values()),
        "nonzero": sum(int(np.count_nonzero(w)) for w in matrices.values()),
        "biases": sum(4 * p.numel() for p in whole.parameters() if p.ndim == 1),
        "units": [whole.lstm.hidden_size] * whole.lstm.num_layers,
        "kept": [len(units) for units in kept],
        "deaf": sum(int((~heard[units]).sum()) for heard, units in zip(sparsity.heard_units(whole), kept, strict=True)),
    }


def timing(data: bytes, sound: bytes) -> dict[str, Any]:
    """Measure how long a recogniser takes for one clip: as it is, as it began, cut, and written out with dense and CSR matrices.

    Returns
    -------
    dict
        ``ms``, for each way float64 (rounds,); ``frames`` of the clip; and ``apart``, by how much the cut network's word
        probabilities differ at most from the whole one's.

    Raises
    ------
    AudioError, ModelError
        When the sound, or the recogniser, cannot be read.
    """
    whole, spec, words = weights.load(data)
    x = frames_of(sound, spec.features)[1]
    small = cut(whole)[0]
    ways = {
        "first": fused(build(spec, len(words)).eval()),
        "dense": fused(whole),
        "cut": fused(small),
        "loop dense": written_out(whole, sparse=False),
        "loop csr": written_out(whole, sparse=True),
    }
    return {"ms": latencies(ways, x), "frames": x.shape[1], "apart": _apart(whole, small, x, spec.training.loss)}


def timing_of_pair(l1: bytes, group: bytes, sound: bytes) -> dict[str, np.ndarray]:
    """Measure two recognisers with their unused units cut away beside the first as it is, as ``timing`` does."""
    (whole, spec, _words), (other, *_rest) = weights.load(l1), weights.load(group)
    ways = {"dense": fused(whole), "l1": fused(cut(whole)[0]), "group": fused(cut(other)[0])}
    return latencies(ways, frames_of(sound, spec.features)[1])


def hearing(data: bytes, sound: bytes) -> dict[str, Any]:
    """Compute which mel bands of a clip still reach the network, and the clip as only they let it through.

    Returns
    -------
    dict
        ``seen``, float32 (M, T), the frames; ``hop``, seconds; ``hertz``, float32 (M,), the bands' centres; ``weight``, float32
        (M,), as ``band_weights``; ``whole`` and ``through``, WAV files at 8 kHz.

    Raises
    ------
    AudioError, ModelError
        When the sound, or the recogniser, cannot be read.
    """
    recogniser, spec, _words = weights.load(data)
    samples, x = frames_of(sound, spec.features)
    weight = band_weights(recogniser)
    return {
        "seen": x[0].T.contiguous().numpy(),
        "hop": round(spec.features.hop_ms * features.RATE / 1000) / features.RATE,
        "hertz": listening.mel_centres(spec.features.n_mels, features.RATE),
        "weight": weight,
        "whole": wav(samples),
        "through": wav(through_bands(samples, weight > 0)),
    }


def frames_of(sound: bytes, spec: FeatureSpec) -> tuple[np.ndarray, torch.Tensor]:
    """Read a recording as a word at 8 kHz, float32 (n,), and as the frames that the network sees, (1, T, M)."""
    samples = audio.read(sound, rate=features.RATE).samples[: int(features.MAX_SECONDS * features.RATE)]
    x, lengths = features.log_mel([audio.to_int16(samples)], spec)
    return samples, features.normalise(x, lengths)


@torch.no_grad()
def cut(model: Recogniser) -> tuple[Recogniser, list[torch.Tensor]]:
    """Cut away every hidden unit from which no path of non-zero weights leads to a word.

    Nothing that such a unit does can change an answer, whatever the input, so the outputs stay as they were. A unit that is dead
    because no sound reaches it, but that is used, has to stay: through its biases it counts the time since the word began, and the
    words hear that.

    Returns
    -------
    Recogniser
        As many units in each layer as the layer that keeps most; where another keeps fewer, units of weight and bias 0, which are
        silent, fill it up. At least 1.
    list of torch.Tensor, int64, shape (kept,)
        The units that were kept, one a layer.
    """
    lstm, dtype = model.lstm, model.out.weight.dtype
    kept = [used.nonzero()[:, 0] for used in sparsity.used_units(model)]
    size = max(1, *map(len, kept))
    small = Recogniser(lstm.input_size, size, lstm.num_layers, model.out.out_features).to(dtype).eval()
    for p in small.parameters():
        p.zero_()
    heard = torch.arange(lstm.input_size)
    for layer, units in enumerate(kept):
        for kind, columns in (("ih", heard), ("hh", units)):
            gates = getattr(lstm, f"weight_{kind}_l{layer}").view(4, lstm.hidden_size, -1)  # (4, H, K)
            places = getattr(small.lstm, f"weight_{kind}_l{layer}").view(4, size, -1)
            places[:, : len(units), : len(columns)] = gates[:, units][:, :, columns]
            biases = getattr(lstm, f"bias_{kind}_l{layer}").view(4, -1)
            getattr(small.lstm, f"bias_{kind}_l{layer}").view(4, -1)[:, : len(units)] = biases[:, units]
        heard = units
    small.out.weight[:, : len(heard)] = model.out.weight[:, heard]
    small.out.bias.copy_(model.out.bias)
    return small, kept


def written_out(model: Recogniser, sparse: bool) -> Callable[[torch.Tensor], torch.Tensor]:
    """Return the recogniser as a loop over time that is written out, for clips one at a time; its matrices dense or CSR.

    ``nn.LSTM`` takes no sparse matrices. Beside a loop with CSR matrices only the same loop with dense ones is a fair comparison.

    Returns
    -------
    callable
        From frames, shape (1, T, M), to logits, shape (1, C).
    """

    def shaped(w: torch.Tensor) -> torch.Tensor:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "Sparse CSR tensor support is in beta", UserWarning)
            return w.detach().to_sparse_csr() if sparse else w.detach()

    lstm = model.lstm
    layers = [
        (
            shaped(getattr(lstm, f"weight_ih_l{layer}")),
            shaped(getattr(lstm, f"weight_hh_l{layer}")),
            (getattr(lstm, f"bias_ih_l{layer}") + getattr(lstm, f"bias_hh_l{layer}")).detach()[:, None],
        )
        for layer in range(lstm.num_layers)
    ]
    out, bias = shaped(model.out.weight), model.out.bias.detach()

    def logits(x: torch.Tensor) -> torch.Tensor:
        below = x[0].T  # (M, T)
        for into, across, biases in layers:
            arriving = into @ below + biases  # (4 H, T)
            h = c = torch.zeros(lstm.hidden_size, 1, dtype=x.dtype)
            outputs = []
            for t in range(below.shape[1]):
                i, f, g, o = (arriving[:, t : t + 1] + across @ h).chunk(4)  # (H, 1) each
                c = f.sigmoid() * c + i.sigmoid() * g.tanh()
                h = o.sigmoid() * c.tanh()
                outputs.append(h)
            below = torch.cat(outputs, 1)  # (H, T)
        return (out @ below.mean(1, keepdim=True)).T + bias

    return logits


def fused(model: Recogniser) -> Callable[[torch.Tensor], torch.Tensor]:
    """Return the recogniser as it is trained, through the fused ``nn.LSTM``, for clips one at a time."""
    return lambda x: model(x, torch.tensor([x.shape[1]]))


@torch.inference_mode()
def latencies(
    ways: dict[str, Callable[[torch.Tensor], torch.Tensor]], x: torch.Tensor, rounds: int = ROUNDS
) -> dict[str, np.ndarray]:
    """Measure how long one clip takes each way, in turn, so that what else the machine does falls on all of them.

    Each round has another order, and each way is called once untimed just before, so that none is measured with the memory as
    another left it: of two equal networks one had seemed a third faster.

    Parameters
    ----------
    ways : dict of callable
    x : torch.Tensor, shape (1, T, M)
    rounds : int

    Returns
    -------
    dict of np.ndarray, float64, shape (rounds,)
        Milliseconds; the same index is the same round.
    """
    taken: dict[str, list[float]] = {name: [] for name in ways}
    order = np.random.default_rng(0)
    for turn in range(WARM_UP + rounds):
        for name in order.permutation(list(ways)).tolist():
            ways[name](x)
            started = time.perf_counter()
            ways[name](x)
            if turn >= WARM_UP:
                taken[name].append(1000 * (time.perf_counter() - started))
    return {name: np.array(values) for name, values in taken.items()}


@torch.no_grad()
def band_weights(model: Recogniser) -> np.ndarray:
    """Return Σ|w| of what leads from each mel band into units that reach a word, float32 (M,): exactly 0 where nothing does."""
    used = sparsity.used_units(model)[0]
    gates = model.weights()["lstm.weight_ih_l0"].view(4, model.lstm.hidden_size, -1)  # (4, H, M)
    return gates[:, used].abs().sum((0, 1)).numpy()


def through_bands(samples: np.ndarray, kept: np.ndarray) -> np.ndarray:
    """Filter a clip so that only some mel bands pass.

    Each frequency is multiplied by the part of it that falls into the kept bands' triangles: a filter without delay, which with all
    bands is no filter at all.

    Parameters
    ----------
    samples : np.ndarray, float32, shape (n,)
        At 8 kHz; what is longer than a word is cut, as for the network.
    kept : np.ndarray, bool, shape (M,)

    Returns
    -------
    np.ndarray, float32, shape (n,)
    """
    longest = int(features.MAX_SECONDS * features.RATE)
    wave = torch.from_numpy(samples[:longest].copy())
    n_fft, triangles = features.filterbank(len(kept), longest)  # n_fft is longer still: an echo's end does not meet its beginning
    gain = triangles[:, torch.from_numpy(kept)].sum(1) / triangles.sum(1).clamp(min=1e-9)  # (F,)
    gain[0], gain[-1] = gain[1], gain[-2]  # no triangle reaches the two ends
    return torch.fft.irfft(torch.fft.rfft(wave, n_fft) * gain, n_fft)[: len(wave)].numpy()


@torch.no_grad()
def _apart(whole: Recogniser, small: Recogniser, x: torch.Tensor, loss: str) -> float:
    a, b = (training.probabilities(fused(each)(x), loss) for each in (whole, small))
    return float((a - b).abs().max())


def wav(samples: np.ndarray) -> bytes:
    """Write samples of -1 to 1 at 8 kHz as a WAV file."""
    file = io.BytesIO()
    soundfile.write(file, audio.to_int16(np.clip(samples, -1, 1)), features.RATE, format="WAV", subtype="PCM_16")
    return file.getvalue()
