"""The cut network against the whole one, loops against ``nn.LSTM``, and the filter on tones."""

import io
import itertools

import numpy as np
import pytest
import soundfile
import torch

from l1demo import features, payoff, sparsity, weights
from l1demo.features import RATE
from l1demo.model import Recogniser
from l1demo.spec import RunSpec


def masked(layers: int, zeros: float, seed: int = 0, hidden: int = 24) -> Recogniser:
    """A recogniser of which some weights are 0, and whole units are cut off from words or from sound."""
    torch.manual_seed(seed)
    model = Recogniser(20, hidden, layers, 5).eval()
    with torch.no_grad():
        for w in model.weights().values():
            w[torch.rand(w.shape) < zeros] = 0
        for layer in range(layers):
            above = getattr(model.lstm, f"weight_ih_l{layer + 1}") if layer + 1 < layers else model.out.weight
            above[:, 3:11] = 0  # these tell nothing upwards,
            getattr(model.lstm, f"weight_hh_l{layer}")[:, 5:9] = 0  # and these not even each other
            for kind in ("ih", "hh"):
                getattr(model.lstm, f"weight_{kind}_l{layer}").view(4, hidden, -1)[:, 20:] = 0  # these hear nothing
    return model


@pytest.mark.parametrize("layers", [1, 2])
@pytest.mark.parametrize("zeros", [0.0, 0.6, 0.9, 0.97])
@pytest.mark.parametrize("seed", range(4))
def test_the_cut_network_answers_as_the_whole_one(layers: int, zeros: float, seed: int) -> None:
    model = masked(layers, zeros, seed)
    small, kept = payoff.cut(model)
    assert [len(units) for units in kept] == [int(used.sum()) for used in sparsity.used_units(model)]
    assert small.lstm.hidden_size == max(1, *map(len, kept)) < model.lstm.hidden_size
    lengths = torch.tensor([40, 25, 1])
    x = 3 * torch.randn(3, 40, 20)
    with torch.no_grad():
        assert (small(x, lengths) - model(x, lengths)).abs().max() <= 1e-6
        exact, double = payoff.cut(model.double())[0](x.double(), lengths), model(x.double(), lengths)
    assert (exact - double).abs().max() <= 1e-14


def test_a_unit_that_no_sound_reaches_but_a_word_hears_is_kept_because_it_counts_the_time() -> None:
    model = masked(1, 0.0)
    _small, (kept,) = payoff.cut(model)
    (heard,), (alive,) = sparsity.heard_units(model), sparsity.alive_units(model)
    deaf = [int(unit) for unit in kept if not heard[unit]]
    assert deaf == [20, 21, 22, 23] and not alive[deaf].any()
    with torch.no_grad():
        before = model(torch.zeros(1, 9, 20), torch.tensor([9]))
        model.out.weight[:, deaf] = 0
        assert not torch.allclose(model(torch.zeros(1, 9, 20), torch.tensor([9])), before, atol=1e-4)


def test_a_network_of_zeros_is_cut_to_nothing_and_still_answers() -> None:
    model = masked(2, 1.0)
    small, kept = payoff.cut(model)
    assert [len(units) for units in kept] == [0, 0] and small.lstm.hidden_size == 1
    x = torch.randn(1, 9, 20)
    with torch.no_grad():
        assert torch.equal(small(x, torch.tensor([9])), model(x, torch.tensor([9])))


@pytest.mark.parametrize("layers", [1, 2])
@pytest.mark.parametrize("sparse", [False, True])
@pytest.mark.parametrize("zeros", [0.0, 0.8, 1.0])
@torch.inference_mode()
def test_the_written_out_loop_is_the_fused_one(layers: int, sparse: bool, zeros: float) -> None:
    model, x = masked(layers, zeros), torch.randn(1, 30, 20)
    assert torch.allclose(payoff.written_out(model, sparse)(x), payoff.fused(model)(x), atol=1e-5)


def test_each_way_is_measured_in_every_round() -> None:
    called: list[str] = []
    ways = {name: lambda x, name=name: called.append(name) or x for name in "abc"}
    found = payoff.latencies(ways, torch.zeros(1, 1, 1), rounds=30)
    assert {name: len(ms) for name, ms in found.items()} == dict.fromkeys("abc", 30)
    assert all((ms > 0).all() for ms in found.values())
    assert called[::2] == called[1::2]  # each untimed, then timed
    rounds = [tuple(called[i : i + 6 : 2]) for i in range(0, len(called), 6)]
    assert len(rounds) == 30 + payoff.WARM_UP
    assert set(rounds) == set(itertools.permutations("abc"))


def test_a_band_s_weight_is_what_leads_into_units_that_reach_a_word() -> None:
    model = masked(1, 0.0)
    with torch.no_grad():
        model.lstm.weight_ih_l0[:, 4] = 0
        model.lstm.weight_ih_l0[6, 4] = 1.0  # into a unit that no word hears
    found = payoff.band_weights(model)
    used = sparsity.used_units(model)[0].repeat(4)
    assert found.shape == (20,) and found[4] == 0 and (np.delete(found, 4) > 0).all()
    assert found == pytest.approx(model.lstm.weight_ih_l0[used].abs().sum(0).detach().numpy(), rel=1e-5)


def noise(n: int = 6000) -> np.ndarray:
    return np.random.default_rng(0).normal(0, 0.1, n).astype(np.float32)


def decibel(samples: np.ndarray) -> float:
    return float(10 * np.log10(np.square(samples, dtype=np.float64).mean() + 1e-30))


@pytest.mark.parametrize("bands", [20, 40, 128])
def test_all_bands_give_the_clip_back_and_none_gives_silence(bands: int) -> None:
    clip = noise()
    assert decibel(payoff.through_bands(clip, np.ones(bands, bool)) - clip) - decibel(clip) < -60
    assert not payoff.through_bands(clip, np.zeros(bands, bool)).any()
    assert len(payoff.through_bands(noise(20_000), np.ones(bands, bool))) == features.MAX_SECONDS * RATE


def test_a_removed_band_is_gone_and_the_others_stay() -> None:
    edges = 700 * (10 ** (np.linspace(0, 2595 * np.log10(1 + RATE / 2 / 700), 42) / 2595) - 1)  # HTK mel, in Hz
    time = np.arange(8000) / RATE
    for band in (8, 20, 33):
        kept = np.ones(40, bool)
        kept[band] = False
        for at, falls in ((edges[band + 1], True), (edges[band - 2], False), (edges[band + 4], False)):
            tone = (np.sin(2 * np.pi * at * time) * np.hanning(8000)).astype(np.float32)
            change = decibel(payoff.through_bands(tone, kept)) - decibel(tone)
            assert change < -20 if falls else abs(change) < 0.5, (band, at, change)


def test_the_energy_between_removed_bands_falls_by_more_than_20_db() -> None:
    kept = np.ones(40, bool)
    kept[10:16] = False
    edges = 700 * (10 ** (np.linspace(0, 2595 * np.log10(1 + RATE / 2 / 700), 42) / 2595) - 1)
    hertz = np.fft.rfftfreq(8000, 1 / RATE)
    inside = (hertz > edges[11]) & (hertz < edges[16])  # from the first's centre to the last's
    before, after = (np.abs(np.fft.rfft(wave, 8000)[inside]) ** 2 for wave in (noise(), payoff.through_bands(noise(), kept)))
    assert 10 * np.log10(after.sum() / before.sum()) < -20


def test_what_the_page_is_given_is_what_the_parts_give() -> None:
    spec = RunSpec().with_values(mels=20, hidden=24, layers=2)
    model = masked(2, 0.9)
    data = weights.dump(model, spec, ("a", "b", "c", "d", "e"))
    file = io.BytesIO()
    soundfile.write(file, noise(), RATE, format="WAV")
    found = payoff.sizes(data)
    small, kept = payoff.cut(model)
    assert found["kept"] == [len(units) for units in kept] and found["units"] == [24, 24]
    assert found["deaf"] == sum(
        int((used & ~heard).sum()) for used, heard in zip(sparsity.used_units(model), sparsity.heard_units(model), strict=True)
    )
    assert found["bytes"]["cut"] == 4 * sum(w.numel() for w in small.weights().values()) < found["bytes"]["dense"]
    assert found["nonzero"] == sum(int((w != 0).sum()) for w in model.weights().values())
    assert found["biases"] == 4 * (2 * 2 * 4 * 24 + 5)

    timed = payoff.timing(data, file.getvalue())
    assert timed["apart"] <= 1e-6 and {len(ms) for ms in timed["ms"].values()} == {payoff.ROUNDS}

    heard = payoff.hearing(data, file.getvalue())
    assert heard["seen"].shape == (20, timed["frames"]) and heard["hertz"].shape == heard["weight"].shape == (20,)
    through, rate = soundfile.read(io.BytesIO(heard["through"]), dtype="float32")
    whole, _rate = soundfile.read(io.BytesIO(heard["whole"]), dtype="float32")
    assert rate == RATE
    assert through == pytest.approx(payoff.through_bands(whole, heard["weight"] > 0), abs=2e-4)  # of 16 bits
