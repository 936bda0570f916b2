"""What is said of a recording against plain ``nn.LSTM``, a network without memory, and training's own numbers; one preparation."""

import io
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch

from l1demo import audio, checkpoint, corpora, features, model, payoff, recognition, tasks, training, weights
from l1demo.corpora import CorpusError
from l1demo.features import Frames
from l1demo.model import Recogniser
from l1demo.spec import RunSpec

SPEC = RunSpec().with_values(mels=20, hidden=16, layers=2, seed=3)
WORDS = ("no", "perhaps", "yes")


@pytest.fixture(scope="module")
def recogniser() -> Recogniser:
    torch.manual_seed(0)
    built = model.build(SPEC, len(WORDS)).eval()
    with torch.no_grad():
        for w in built.parameters():
            w.mul_(3)  # so that the words differ
    return built


def frames(n: int, t: int, seed: int = 0, mels: int = 20) -> torch.Tensor:
    return torch.randn(n, t, mels, generator=torch.Generator().manual_seed(seed))


def clips(n: int, seed: int = 0) -> Frames:
    generator = torch.Generator().manual_seed(seed)
    lengths = torch.randint(3, 30, (n,), generator=generator)
    x = frames(n, 30, seed)
    x[torch.arange(30) >= lengths[:, None]] = 0
    return Frames(x, lengths, torch.randint(3, (n,), generator=generator))


def wav(samples: np.ndarray, rate: int = features.RATE) -> bytes:
    file = io.BytesIO()
    soundfile.write(file, samples, rate, format="WAV", subtype="PCM_16")
    return file.getvalue()


def spoken(rate: int = features.RATE, seed: int = 0) -> np.ndarray:
    """A rising tone with silence around it, and a little noise."""
    time = np.arange(round(0.6 * rate)) / rate
    tone = 0.4 * np.sin(2 * np.pi * (300 + 900 * time) * time * (1 + seed / 10)) * np.hanning(len(time))
    around = np.zeros(round(0.4 * rate))
    return np.concatenate([around, tone, around]) + np.random.default_rng(seed).normal(0, 1e-4, round(1.4 * rate))


def without_memory(words: int = 4, hidden: int = 6, mels: int = 20) -> Recogniser:
    """A recogniser whose hidden state is tanh(tanh(W x)) of the frame alone: its forget gate is shut, its other gates are open."""
    torch.manual_seed(1)
    built = Recogniser(mels, hidden, 1, words).eval()
    with torch.no_grad():
        for name, w in built.lstm.named_parameters():
            gates = w.view(4, hidden, -1)  # input, forget, cell, output
            gates[[0, 1, 3]] = 0
            if "bias" in name or "_hh_" in name:
                gates[2] = 0
            if "bias_ih" in name:
                gates[[0, 3]], gates[1] = 50.0, -50.0
    return built


@pytest.mark.parametrize("loss", ["ce", "bce"])
@torch.no_grad()
def test_each_moment_s_probabilities_are_those_of_the_mean_so_far(recogniser: Recogniser, loss: str) -> None:
    spec, x = SPEC.with_values(loss=loss), frames(1, 40)
    seconds, found = recognition.over_time(recogniser, spec, x)
    h, _last = recogniser.lstm(x)
    logits = recogniser.out(h[0].cumsum(0) / torch.arange(1, 41)[:, None])
    expected = logits.sigmoid() if loss == "bce" else logits.softmax(1)
    assert found == pytest.approx(expected.numpy(), abs=1e-5)
    assert np.ptp(found, axis=0).max() > 0.1, "nothing changes over time, so nothing was tested"
    assert seconds[[0, 1, -1]] == pytest.approx([0.032, 0.048, 0.032 + 39 * 0.016])


def test_of_a_long_word_with_short_steps_there_are_moments_enough_and_the_last_is_the_whole(recogniser: Recogniser) -> None:
    spec, x = SPEC.with_values(hop=4), frames(1, 293)
    seconds, found = recognition.over_time(recogniser, spec, x)
    assert found.shape == (recognition.STEPS, 3) and (np.diff(seconds) > 0).all()
    with torch.no_grad():
        assert found[-1] == pytest.approx(recogniser(x, torch.tensor([293])).softmax(1)[0].numpy(), abs=1e-6)
    assert seconds[-1] == pytest.approx(0.032 + 292 * 0.004)


@torch.no_grad()
def test_a_hidden_stretch_costs_a_network_without_memory_just_its_own_frames() -> None:
    network, spec, x = without_memory(), SPEC.with_values(layers=1), 3 * frames(1, 30)
    network.out.weight.mul_(20)
    found = recognition.occlusion(network, spec, x, word=2)
    cell = network.lstm.weight_ih_l0.view(4, 6, 20)[2]

    def log(frames: torch.Tensor) -> torch.Tensor:
        return network.out((frames @ cell.T).tanh().tanh().mean(0)).log_softmax(0)[2]

    expected = []
    for t in range(30):
        changed = x[0].clone()
        changed[max(0, t - 2) : t + 3] = x[0].mean(0)  # five frames of 16 ms are 80 ms
        expected.append(float(log(x[0]) - log(changed)))
    assert found == pytest.approx(expected, abs=1e-5)
    assert np.abs(found).max() > 0.1


def spoken_at(network: Recogniser, frames: slice) -> torch.Tensor:
    """Silence but for some frames, to which the first hidden unit answers."""
    x = torch.zeros(1, 300, 20)
    x[0, frames] = 2 * network.lstm.weight_ih_l0.detach().view(4, 6, 20)[2, 0]
    return x


@torch.no_grad()
def test_only_where_something_is_said_does_hiding_matter() -> None:
    network = without_memory()
    network.out.weight[1], network.out.bias[:] = 2000 * torch.eye(6)[0], 0
    found = recognition.occlusion(network, SPEC.with_values(layers=1), spoken_at(network, slice(40, 41)), word=1)
    around = np.arange(38, 43)  # the five places from which the stretch covers it
    assert (found[around] > 0.1).all()
    assert np.abs(np.delete(found, around)).max() < found.max() / 5


@torch.no_grad()
def test_a_word_that_becomes_impossible_has_a_finite_drop() -> None:
    network = without_memory(words=2)
    network.out.weight[0], network.out.weight[1] = 20_000 * torch.eye(6)[0], 0
    network.out.bias[:] = torch.tensor([-200.0, 0])
    found = recognition.occlusion(network, SPEC.with_values(layers=1), spoken_at(network, slice(40, 45)), word=0)
    assert np.isfinite(found).all() and found.argmax() == 42 and found[42] > 110  # in single precision it would be infinite


@torch.no_grad()
def test_many_clips_are_answered_as_each_by_itself(recogniser: Recogniser) -> None:
    many = clips(150)
    logits, means = recognition.answers(recogniser, many)
    for i in (0, 7, 149):
        x = features.normalise(many.x[i : i + 1, : many.lengths[i]], many.lengths[i : i + 1])
        assert torch.allclose(logits[i], recogniser(x, many.lengths[i : i + 1])[0], atol=1e-5)
        assert torch.allclose(means[i], recogniser.lstm(x)[0][0].mean(0), atol=1e-5)
    assert not recogniser.out._forward_pre_hooks


@torch.no_grad()
def test_the_nearest_clips_are_those_whose_mean_hidden_state_is_nearest(recogniser: Recogniser) -> None:
    many, x = clips(80), frames(1, 20, seed=9)
    chosen, distances, median = recognition.nearest(recogniser, x, many, 6)
    here = recogniser.lstm(x)[0][0].mean(0)
    there = [
        recogniser.lstm(features.normalise(many.x[i : i + 1, :n], torch.tensor([n])))[0][0].mean(0)
        for i, n in enumerate(many.lengths.tolist())
    ]
    far = np.array([float(torch.linalg.vector_norm(each - here)) for each in there])
    assert chosen.tolist() == far.argsort()[:6].tolist()
    assert distances == pytest.approx(np.sort(far)[:6], abs=1e-5)
    assert median == pytest.approx(np.sort(far)[39], abs=1e-5)


def test_a_training_clip_is_nearest_to_itself(recogniser: Recogniser) -> None:
    many = clips(80)
    x = features.normalise(many.x[33:34, : many.lengths[33]], many.lengths[33:34])
    chosen, distances, _median = recognition.nearest(recogniser, x, many, 1)
    assert chosen.tolist() == [33] and distances[0] == pytest.approx(0, abs=1e-5)


def test_what_is_confused_adds_up_to_the_accuracy_of_the_training() -> None:
    spec = SPEC.with_values(epochs=1, augment=False, layers=1)
    data, state = training.Dataset(clips(60), clips(90, seed=1), WORDS), checkpoint.begin(spec, len(WORDS))
    (last,) = training.train(spec, data, state)
    found = recognition.confusion(state.model, spec, data.validation)
    assert (found["said"] == found["heard"]).mean() == pytest.approx(last["val_accuracy"])
    assert found["said"].tolist() == data.validation.labels.tolist()
    logits, _means = recognition.answers(state.model, data.validation)
    assert found["sure"] == pytest.approx(logits.softmax(1).max(1).values.detach().numpy(), abs=1e-6)


def test_what_the_page_is_given_is_what_the_parts_give(recogniser: Recogniser) -> None:
    data, sound = weights.dump(recogniser, SPEC, WORDS), wav(spoken())
    found = recognition.heard(data, sound)
    x = payoff.frames_of(sound, SPEC.features)[1]
    assert found["words"] == WORDS
    assert dict(zip(WORDS, found["probabilities"][-1], strict=True)) == pytest.approx(
        weights.recognise(recogniser, SPEC, WORDS, sound), abs=1e-6
    )
    best = int(found["probabilities"][-1].argmax())
    assert found["drop"] == pytest.approx(recognition.occlusion(recogniser, SPEC, x, best))
    assert found["seen"].shape == (20, len(found["drop"])) == (20, len(found["seconds"]))
    samples, rate = soundfile.read(io.BytesIO(found["whole"]))
    assert 0 <= len(samples) / rate - found["seconds"][-1] < found["hop"]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A corpus of one's own: each word by three speakers, at 16 kHz, with silence around it."""
    for word in WORDS:
        for i, speaker in enumerate(("ann", "bo", "cy")):
            sound = spoken(16_000, seed=10 * WORDS.index(word) + i)
            (tmp_path / f"{word}_{speaker}_0.wav").write_bytes(wav(sound, 16_000))
    return tmp_path


def seen_in_training(folder: Path, spec: RunSpec) -> dict[str, torch.Tensor]:
    """The frames of each validation clip as training measures them, by the name of its file."""
    part = tasks.division_of(spec).validation
    ready = training._Measured(spec, training.prepare(tasks.division_of(spec), spec)).validation
    return {
        f"{part.words[part.labels[i]]}_{part.speakers[part.voices[i]]}_0.wav": ready.x[i, : ready.lengths[i]]
        for i in range(len(part))
    }


def seen_in_recognising(recogniser: Recogniser, spec: RunSpec, sound: bytes) -> torch.Tensor:
    """The frames that reach the recogniser from a recording."""
    given: list[torch.Tensor] = []
    hook = recogniser.register_forward_pre_hook(lambda _network, told: given.append(told[0][0]))
    weights.recognise(recogniser, spec, WORDS, sound)
    hook.remove()
    return given[0]


@pytest.mark.parametrize("values", [{}, {"mels": 64, "window": 24, "hop": 10}])
def test_a_recording_is_prepared_for_recognising_as_for_training(
    folder: Path, values: dict[str, float], monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = RunSpec().with_values(corpus=str(folder), hold_out="bo", **values)
    recogniser = model.build(spec, len(WORDS)).eval()
    before = seen_in_training(folder, spec)
    assert sorted(before) == sorted(f"{word}_bo_0.wav" for word in WORDS)
    for changed in (False, True):  # and who changes the preparation changes it for both
        if changed:
            monkeypatch.setattr(features, "ROOM_DB", 5.0)
            monkeypatch.setattr(features, "FLOOR", 1e-5)
        for name, trained in seen_in_training(folder, spec).items():
            sound = (folder / name).read_bytes()
            for recognised in (
                seen_in_recognising(recogniser, spec, sound),
                payoff.frames_of(sound, spec.features)[1][0],
                torch.from_numpy(recognition.heard(weights.dump(recogniser, spec, WORDS), sound)["seen"].T),
            ):
                assert recognised.shape == trained.shape
                assert torch.allclose(recognised, trained, atol=1e-4)
            assert torch.allclose(trained, before[name], atol=1e-4) != changed


@torch.no_grad()
def test_a_clip_of_the_built_in_corpus_is_the_same_word_as_a_wav_file() -> None:
    spec = RunSpec()
    part, ready = tasks.division_of(spec).validation, tasks.dataset_of(spec).validation
    recogniser = model.build(spec, len(part.words)).eval()
    logits = recognition.answers(recogniser, ready)[0].softmax(1)
    untouched = [i for i in range(len(part)) if len(audio.trim(part.clip(i), features.RATE)) == len(part.clip(i))]
    assert len(untouched) > len(part) / 2
    for i in untouched[::50]:
        heard = weights.recognise(recogniser, spec, part.words, payoff.wav(part.clip(i) / 32767))
        assert list(heard.values()) == pytest.approx(logits[i].tolist(), abs=1e-4)


def test_a_clip_comes_out_of_the_corpus_sample_for_sample() -> None:
    spec = RunSpec()
    part = tasks.division_of(spec).validation
    for i, sound in zip((3, 500), tasks.validation_clips(spec.to_dict(), (3, 500)), strict=True):
        assert soundfile.read(io.BytesIO(sound), dtype="int16")[0].tolist() == part.clip(i).tolist()


def test_the_nearest_and_the_confused_clips_are_those_of_the_run_s_own_division(folder: Path) -> None:
    spec = RunSpec().with_values(corpus=str(folder), hold_out="bo")
    data = weights.dump(model.build(spec, len(WORDS)), spec, WORDS)
    sound = (folder / "yes_cy_0.wav").read_bytes()
    found = tasks.nearest_clips(data, sound, 2)
    assert (found["words"][0], found["speakers"][0]) == ("yes", "cy")
    assert found["distances"][0] == pytest.approx(0, abs=1e-4) and found["of"] == 6
    part = corpora.load(str(folder))
    clip = next(i for i in range(9) if part.words[part.labels[i]] == "yes" and part.speakers[part.voices[i]] == "cy")
    assert soundfile.read(io.BytesIO(found["sounds"][0]), dtype="int16")[0].tolist() == part.clip(clip).tolist()
    confused = tasks.confusion(data)
    assert confused["speakers"] == ["bo"] * 3 and sorted(confused["said"]) == [0, 1, 2]


def test_a_corpus_that_has_other_words_by_now_is_refused(folder: Path) -> None:
    spec = RunSpec().with_values(corpus=str(folder), hold_out="bo")
    data = weights.dump(model.build(spec, 3), spec, ("a", "b", "c"))
    with pytest.raises(CorpusError, match="has other words now"):
        tasks.confusion(data)
    with pytest.raises(CorpusError, match="has other words now"):
        tasks.nearest_clips(data, wav(spoken()), 2)
