"""More voices, rooms and microphones than the corpus has: random changes to log-mel frames, before they are normalised.

Each effect is a function of its own on a padded batch and takes its strengths from outside, one value a clip; ``augment`` draws the
strengths. What the changed clips are used for is ``training``'s.
"""

import math

import torch

from l1demo.features import RATE

_LOW, _TOP = -18.5, 2595 * math.log10(1 + RATE / 2 / 700)  # the log power of silence; mel of the highest frequency


def augment(
    x: torch.Tensor,
    lengths: torch.Tensor,
    generator: torch.Generator,
    ends: str = "anywhere",
    stress: float = 0.0,
    silent_frames: float = 0.0,
) -> tuple[torch.Tensor, torch.Tensor]:
    """Change every clip of a batch in all ways at once, each by a random amount.

    Parameters
    ----------
    x : torch.Tensor, float32, shape (B, T, M)
        Natural logarithm of the mel power.
    lengths : torch.Tensor, int64, shape (B,)
    generator : torch.Generator
        The same state gives the same result.
    ends : str
        "anywhere", or "quiet": first cut where the clip is quieter than 5 to 30 dB below its loudest frame, which takes the weak
        consonants off. People's recordings have often lost them so.
    stress : float
        Decibels by which parts of a clip become louder or softer: a voice has one stress of its own in a word.
    silent_frames : float
        Of silence, at most, after half of the clips: how long a recording goes on is not to tell a word that ends in a
        stop's silence from others.

    Returns
    -------
    x : torch.Tensor, shape (B, T', M)
        Zero after each clip's end.
    lengths : torch.Tensor, shape (B,)
    """
    size, mels = len(x), x.shape[2]

    def uniform(low: float, high: float, *shape: int) -> torch.Tensor:
        return low + (high - low) * torch.rand(size, *shape, generator=generator)

    def some(share: float) -> torch.Tensor:
        return torch.rand(size, generator=generator) < share

    x, lengths = speed(x, lengths, torch.exp(uniform(-0.3, 0.3)), uniform(-0.5, 0.5))
    if stress:
        x = loudness(x, lengths, uniform(-stress, stress, 3))
    if ends == "quiet":
        x, lengths = cut_quiet(x, lengths, uniform(5, 30), uniform(5, 30), uniform(0, 2), uniform(0, 2))
        x, lengths = crop(x, lengths, uniform(-3, 3), uniform(-3, 3))
    else:
        x, lengths = crop(x, lengths, uniform(-2, 6), uniform(-2, 6))
    if silent_frames:
        x, lengths = crop(x, lengths, torch.zeros(size), uniform(-silent_frames, 0) * some(0.5))
    x = formants(x, torch.exp(uniform(-0.16, 0.16)))
    x = colour(x, uniform(-9, 9), uniform(-3, 3, 3))
    decay = uniform(0.3, 0.8)
    x = reverberate(x, lengths, decay, uniform(0.0, 0.5) * some(0.5))
    x = add_noise(x, lengths, uniform(3, 45), uniform(-15, 5), generator)
    band, frame = uniform(0, mels), uniform(0, 1) * lengths
    x = mask(x, lengths, band, uniform(0, 0.2) * mels, frame, uniform(0, 0.2) * lengths)
    return x * present(x, lengths), lengths


def present(x: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
    """Return which frames lie before a clip's end: bool, shape (B, T, 1)."""
    return (torch.arange(x.shape[1]) < lengths[:, None])[..., None]


def speed(
    x: torch.Tensor, lengths: torch.Tensor, factor: torch.Tensor, sway: torch.Tensor | None = None
) -> tuple[torch.Tensor, torch.Tensor]:
    """Say every clip ``factor`` times as fast, between frames interpolated linearly.

    ``sway`` from -1 to 1 hurries its first half and drags its second, or the other way round.
    """
    shorter = (lengths / factor).round().long().clamp(min=1)
    u = torch.arange(int(shorter.max())) / (shorter[:, None] - 1).clamp(min=1)  # (B, T'), 0 to 1 within the clip
    if sway is not None:
        u = u + sway[:, None] * torch.sin(math.pi * u) / math.pi
    at = u.clamp(0, 1) * (lengths[:, None] - 1)  # (B, T')
    left = at.floor().long()
    right = torch.minimum(left + 1, lengths[:, None] - 1)
    weight = (at - left)[..., None]
    row = torch.arange(len(x))[:, None]
    y = torch.lerp(x[row, left], x[row, right], weight)
    return y * present(y, shorter), shorter


def crop(x: torch.Tensor, lengths: torch.Tensor, front: torch.Tensor, back: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Cut frames off both ends of every clip, but no more than a third at each; less than zero adds silence."""
    front, back = (torch.minimum(cut.round().long(), lengths // 3) for cut in (front, back))
    kept = lengths - front - back
    at = torch.arange(int(kept.max())) + front[:, None]  # (B, T')
    inside = (at >= 0) & (at < lengths[:, None])
    y = x[torch.arange(len(x))[:, None], at.clamp(0, x.shape[1] - 1)]
    return y.masked_fill(~inside[..., None], _LOW) * present(y, kept), kept


def loudness(x: torch.Tensor, lengths: torch.Tensor, waves: torch.Tensor) -> torch.Tensor:
    """Make parts of every clip louder or softer, by cosines in time with 1 to K half-periods over the clip.

    Parameters
    ----------
    x : torch.Tensor, shape (B, T, M)
    lengths : torch.Tensor, shape (B,)
    waves : torch.Tensor, shape (B, K)
        Decibels of the cosines.
    """
    u = torch.arange(x.shape[1]) / (lengths[:, None] - 1).clamp(min=1)  # (B, T), 0 to 1 within the clip
    halves = torch.arange(1, 1 + waves.shape[1])
    curve = (waves[:, None] * torch.cos(math.pi * halves * u.clamp(max=1)[..., None])).sum(2)  # (B, T)
    return (x + curve[..., None] * (math.log(10) / 10)).clamp(min=_LOW) * present(x, lengths)


def cut_quiet(
    x: torch.Tensor,
    lengths: torch.Tensor,
    front: torch.Tensor,
    back: torch.Tensor,
    front_margin: torch.Tensor,
    back_margin: torch.Tensor,
) -> tuple[torch.Tensor, torch.Tensor]:
    """Cut every clip before the first frame and after the last that is within ``front`` and ``back`` dB of its loudest.

    The margins are whole frames, rounded down, that stay beyond these.
    """
    level = x.exp().sum(2).log() * (10 / math.log(10))  # (B, T), dB
    level = level.masked_fill(~present(x, lengths)[..., 0], -math.inf)
    loudest = level.amax(1, keepdim=True)
    first = (level >= loudest - front[:, None]).int().argmax(1)  # of several largest, the first
    last = x.shape[1] - 1 - (level >= loudest - back[:, None]).int().flip(1).argmax(1)
    first = (first - front_margin.long()).clamp(min=0)
    last = torch.minimum(last + back_margin.long(), lengths - 1)
    kept = last - first + 1
    at = (torch.arange(int(kept.max())) + first[:, None]).clamp(max=x.shape[1] - 1)  # (B, T')
    return x[torch.arange(len(x))[:, None], at] * present(at, kept), kept


def formants(x: torch.Tensor, factor: torch.Tensor) -> torch.Tensor:
    """Raise every clip's frequencies by ``factor``, as a shorter vocal tract does; the highest band is repeated above the top."""
    mels = x.shape[2]
    centre = torch.arange(1, mels + 1) * _TOP / (mels + 1)  # mel
    hertz = 700 * (10 ** (centre / 2595) - 1)
    source = 2595 * torch.log10(1 + hertz / factor[:, None] / 700) * (mels + 1) / _TOP - 1  # (B, M), in bands
    source = source.clamp(0, mels - 1)
    weights = (1 - (source[:, None, :] - torch.arange(mels)[:, None]).abs()).clamp(min=0)  # (B, M from, M to)
    return torch.bmm(x, weights)


def colour(x: torch.Tensor, tilt: torch.Tensor, waves: torch.Tensor) -> torch.Tensor:
    """Colour every clip like a microphone.

    Parameters
    ----------
    x : torch.Tensor, shape (B, T, M)
    tilt : torch.Tensor, shape (B,)
        Decibels from the middle to the highest band.
    waves : torch.Tensor, shape (B, K)
        Decibels of the cosines with 1 to K half-periods over the bands.
    """
    across = torch.linspace(0, 1, x.shape[2])
    curve = tilt[:, None] * (2 * across - 1)
    curve = curve + waves @ torch.cos(math.pi * torch.arange(2, 2 + waves.shape[1])[:, None] * across)
    return x + curve[:, None] * (math.log(10) / 10)


def reverberate(x: torch.Tensor, lengths: torch.Tensor, decay: torch.Tensor, share: torch.Tensor) -> torch.Tensor:
    """Add a tail to every frame: ``share`` of its power in the next frame, ``decay`` times as much in each frame after it."""
    power = x.exp() * present(x, lengths)
    tail = torch.zeros_like(power[:, 0])
    wet = torch.empty_like(power)
    for t in range(x.shape[1]):
        wet[:, t] = tail
        tail = decay[:, None] * tail + share[:, None] * power[:, t]
    return (power + wet + math.exp(_LOW)).log()


def add_noise(
    x: torch.Tensor, lengths: torch.Tensor, snr: torch.Tensor, tilt: torch.Tensor, generator: torch.Generator
) -> torch.Tensor:
    """Add stationary noise, whose power in a frame and band is uniform from half to one and a half times its mean.

    Parameters
    ----------
    x : torch.Tensor, shape (B, T, M)
    lengths : torch.Tensor, shape (B,)
    snr : torch.Tensor, shape (B,)
        Decibels from the clip's mean power to the noise's.
    tilt : torch.Tensor, shape (B,)
        Decibels from the lowest band to the highest.
    generator : torch.Generator
    """
    power = x.exp() * present(x, lengths)
    mean = power.sum((1, 2)) / (lengths * x.shape[2])  # (B,)
    shape = 10 ** (tilt[:, None] * torch.linspace(0, 0.1, x.shape[2]))  # (B, M)
    shape = shape / shape.mean(1, keepdim=True)
    level = (mean * 10 ** (-snr / 10))[:, None] * shape  # (B, M)
    ripple = 0.5 + torch.rand(x.shape, generator=generator)  # a frame's power of noise is never quite its mean
    return (power + level[:, None] * ripple + math.exp(_LOW)).log()


def add_to_frames(x: torch.Tensor, lengths: torch.Tensor, noise: float, generator: torch.Generator) -> torch.Tensor:
    """Add normal noise of standard deviation ``noise`` to frames that are normalised already.

    On average over the noise the loss is, to second order, that of the plain frames and a penalty on the network's slopes: C. M.
    Bishop, "Training with noise is equivalent to Tikhonov regularization", Neural Computation 7 (1995), 108-116.
    """
    return x + noise * torch.randn(x.shape, generator=generator) * present(x, lengths)


def mask(
    x: torch.Tensor,
    lengths: torch.Tensor,
    band: torch.Tensor,
    bands: torch.Tensor,
    frame: torch.Tensor,
    frames: torch.Tensor,
) -> torch.Tensor:
    """Hide ``bands`` mel bands from ``band`` on and ``frames`` frames from ``frame`` on behind the clip's mean of each band.

    Park et al., SpecAugment (2019), with one mask of each kind.
    """
    kept = present(x, lengths)
    mean = (x * kept).sum(1, keepdim=True) / lengths[:, None, None]  # (B, 1, M)
    m, t = torch.arange(x.shape[2]), torch.arange(x.shape[1])
    hidden = ((m >= band[:, None]) & (m < (band + bands)[:, None]))[:, None]
    hidden = hidden | ((t >= frame[:, None]) & (t < (frame + frames)[:, None]))[..., None]
    return torch.where(hidden, mean, x)
