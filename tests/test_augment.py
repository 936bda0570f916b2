"""What each effect does to frames, by arithmetic that can be checked, and that a generator's state decides everything."""

import math

import pytest
import torch

from l1demo.augment import (
    add_noise,
    add_to_frames,
    augment,
    colour,
    crop,
    cut_quiet,
    formants,
    loudness,
    mask,
    present,
    reverberate,
    speed,
)


@pytest.fixture
def clips():
    generator = torch.Generator().manual_seed(0)
    lengths = torch.tensor([30, 12, 1, 25])
    x = torch.randn(4, 30, 40, generator=generator) - 8
    return x * present(x, lengths), lengths


def each(lengths, value):
    return torch.full((len(lengths),), float(value))


def power(x, lengths):
    return ((x.exp() * present(x, lengths)).sum((1, 2)) / (lengths * x.shape[2])).double()


def test_the_same_state_gives_the_same_clips_and_another_gives_others(clips):
    one, two, three = (augment(*clips, torch.Generator().manual_seed(seed)) for seed in (3, 3, 4))
    assert torch.equal(one[0], two[0]) and torch.equal(one[1], two[1])
    assert one[0].shape != three[0].shape or not torch.equal(one[0], three[0])


@pytest.mark.parametrize("settings", [{}, {"ends": "quiet", "stress": 20.0, "silent_frames": 40.0}])
def test_augmented_clips_are_finite_zero_after_their_end_and_keep_their_own_tensors_unchanged(clips, settings):
    before = clips[0].clone()
    for seed in range(20):
        x, lengths = augment(*clips, torch.Generator().manual_seed(seed), **settings)
        assert torch.isfinite(x).all() and (lengths >= 1).all() and x.shape[1] == lengths.max()
        assert not (x * ~present(x, lengths)).any()
    assert torch.equal(clips[0], before)


def test_speed_1_is_the_identity_and_speed_2_halves(clips):
    x, lengths = clips
    same, same_lengths = speed(x, lengths, each(lengths, 1))
    assert torch.equal(same_lengths, lengths)
    assert torch.allclose(same, x, atol=1e-4)
    assert speed(x, lengths, each(lengths, 2))[1].tolist() == [15, 6, 1, 12]


def test_speed_keeps_a_straight_line_straight():
    ramp = torch.arange(21.0)[None, :, None].expand(1, 21, 3)
    faster, lengths = speed(ramp, torch.tensor([21]), torch.tensor([2.1]))
    assert torch.allclose(faster[0, :, 0], torch.linspace(0, 20, int(lengths[0])), atol=1e-4)


def test_sway_keeps_the_ends_and_hurries_the_beginning():
    ramp = torch.arange(21.0)[None, :, None].expand(1, 21, 3)
    swayed, _lengths = speed(ramp, torch.tensor([21]), torch.tensor([1.0]), torch.tensor([0.5]))
    assert swayed[0, [0, -1], 0].tolist() == pytest.approx([0, 20], abs=1e-4)
    assert (swayed[0, 1:-1, 0] > ramp[0, 1:-1, 0]).all()
    assert (swayed[0].diff(dim=0) > 0).all()


def test_crop_cuts_from_both_ends_and_adds_where_it_is_negative(clips):
    x, lengths = clips
    cut, kept = crop(x, lengths, each(lengths, 2), each(lengths, 3))
    assert kept.tolist() == [25, 7, 1, 20]
    assert torch.equal(cut[0, :25], x[0, 2:27])
    longer, kept = crop(x, lengths, each(lengths, -2), each(lengths, -1))
    assert kept.tolist() == [33, 15, 4, 28]
    assert torch.equal(longer[1, 2:14], x[1, :12]) and (longer[1, [0, 1, 14]] < -15).all()


def test_stress_raises_one_end_as_much_as_it_lowers_the_other(clips):
    x, lengths = clips
    waves = torch.zeros(4, 3)
    waves[:, 0] = 6.0
    change = (loudness(x, lengths, waves) - x) * 10 / math.log(10)  # dB
    assert change[0, [0, 29]].mean(1).tolist() == pytest.approx([6, -6], abs=1e-3)
    assert change[1, [0, 11]].mean(1).tolist() == pytest.approx([6, -6], abs=1e-3)
    assert not loudness(x, lengths, waves)[1, 12:].any()
    assert torch.allclose(loudness(x, lengths, torch.zeros(4, 3)), x)


def test_silence_goes_on_after_half_of_the_clips():
    x, lengths = torch.full((1000, 30, 24), -8.0), torch.full((1000,), 30)
    plain, silent = (augment(x, lengths, torch.Generator().manual_seed(1), silent_frames=most)[1] for most in (0.0, 20.0))
    added = silent - plain
    assert added.min() == 0 and added.max() == 20
    assert 0.45 < (added > 0).double().mean() < 0.55


def test_quiet_ends_are_cut_where_they_fall_below_the_loudest_frame():
    steps = torch.tensor([-30.0, -20, -10, 0, -3, -12, -25, -40])  # dB
    x = (steps * math.log(10) / 10)[None, :, None].expand(2, 8, 5).clone()
    lengths = torch.tensor([8, 6])
    x[1, 6:] = 0  # louder than all, but after the clip's end

    def cut(front: float, back: float, margin: float = 0.0):
        y, kept = cut_quiet(x, lengths, each(lengths, front), each(lengths, back), each(lengths, margin), each(lengths, margin))
        return [y[i, :n, 0].mul(10 / math.log(10)).round().int().tolist() for i, n in enumerate(kept)]

    assert cut(15, 5) == [[-10, 0, -3], [-10, 0, -3]]
    assert cut(15, 5, 1.9) == [[-20, -10, 0, -3, -12], [-20, -10, 0, -3, -12]]
    assert cut(50, 50, 1.0) == [steps.int().tolist(), steps[:6].int().tolist()]


def test_formants_1_is_the_identity_and_a_factor_moves_a_peak_by_it(clips):
    x, _lengths = clips
    assert torch.allclose(formants(x, torch.ones(4)), x, atol=1e-4)
    mel = torch.arange(1, 41) * 2595 * math.log10(1 + 4000 / 700) / 41
    hertz = 700 * (10 ** (mel / 2595) - 1)
    peak = torch.exp(-(((hertz - 1200) / 150) ** 2)).expand(1, 1, 40)
    moved = formants(peak, torch.tensor([1.2]))[0, 0]
    assert float(hertz[moved.argmax()]) == pytest.approx(1440, rel=0.05)


def test_a_tilt_of_6_db_is_6_db_between_the_middle_and_the_top():
    flat = torch.zeros(1, 2, 41)
    tilted = colour(flat, torch.tensor([6.0]), torch.zeros(1, 3))[0, 0] * 10 / math.log(10)
    assert float(tilted[40] - tilted[20]) == pytest.approx(6, abs=1e-4)
    assert float(tilted[20] - tilted[0]) == pytest.approx(6, abs=1e-4)


@pytest.mark.parametrize("snr", [0.0, 10.0])
@pytest.mark.parametrize("tilt", [-12.0, 0.0])
def test_noise_at_a_given_ratio_raises_the_power_by_it(snr, tilt):
    lengths = torch.tensor([200, 150])
    x = torch.randn(2, 200, 40, generator=torch.Generator().manual_seed(1))
    noisy = add_noise(x, lengths, each(lengths, snr), each(lengths, tilt), torch.Generator().manual_seed(2))
    assert torch.allclose(power(noisy, lengths), power(x, lengths) * (1 + 10 ** (-snr / 10)), rtol=0.03)


def test_noise_on_frames_has_its_deviation_and_ends_with_the_clip():
    lengths = torch.tensor([200, 150])
    noise = add_to_frames(torch.zeros(2, 200, 40), lengths, 0.4, torch.Generator().manual_seed(0))
    assert float(noise[0].std()) == pytest.approx(0.4, rel=0.03)
    assert float(noise[1, :150].std()) == pytest.approx(0.4, rel=0.03) and not noise[1, 150:].any()


def test_the_tail_of_a_click_falls_by_the_decay():
    x = torch.full((1, 6, 4), -50.0)
    x[0, 1] = 0.0
    wet = reverberate(x, torch.tensor([6]), torch.tensor([0.5]), torch.tensor([0.2])).exp()
    assert wet[0, :, 0].tolist() == pytest.approx([0, 1, 0.2, 0.1, 0.05, 0.025], abs=1e-6)


def test_a_dry_room_adds_nothing(clips):
    x, lengths = clips
    dry = reverberate(x, lengths, each(lengths, 0.5), each(lengths, 0)) * present(x, lengths)
    assert torch.allclose(dry, x, atol=1e-2)


def test_a_mask_hides_only_its_bands_and_frames_behind_the_mean(clips):
    x, lengths = clips
    hidden = mask(x, lengths, each(lengths, 5), each(lengths, 3), each(lengths, 10), each(lengths, 2))
    mean = x[0].mean(0)
    assert hidden.shape == x.shape
    assert torch.allclose(hidden[0, :, 5:8], mean[5:8].expand(30, 3), atol=1e-5)
    assert torch.allclose(hidden[0, 10:12], mean.expand(2, 40), atol=1e-5)
    untouched = torch.ones(30, 40, dtype=torch.bool)
    untouched[:, 5:8] = untouched[10:12] = False
    assert torch.equal(hidden[0][untouched], x[0][untouched])
