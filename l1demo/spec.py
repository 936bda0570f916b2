"""A run, described completely: the same description gives the same numbers on every machine of one kind.

Each control of the lab is declared here once. Forms, URLs, validation and the command line all read this one list, and the
hash of a description is the run's identity.
"""

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass, field, fields, is_dataclass, replace
from typing import Any

from l1demo.control import Control, SpecError, check, declare, parse
from l1demo.text import N_, _

SCIENCE = 1  # raise it when the same description begins to give other numbers, so that no stored run is taken for a new one


@dataclass(frozen=True)
class CorpusSpec:
    """Whose voices: where the clips come from and how they are divided into training and validation."""

    name: str = declare("digits", "corpus", N_("Corpus"), N_("A built-in corpus, or a folder or ZIP of labelled clips."))
    test: str = declare("", "test", N_("Validate on"), N_("Another corpus to validate on; empty for a part of the same one."))
    split: str = declare(
        "speakers",
        "split",
        N_("Split"),
        N_(
            "Validate on speakers never heard in training, on other recordings of the same speakers, or on both, each by itself. "
            "With both, the unseen speakers are the validation. Official is the split that a corpus's makers gave."
        ),
        choices=("speakers", "recordings", "both", "official"),
    )
    hold_out: str = declare("", "hold-out", N_("Held-out speaker"), N_("This speaker is kept out of training and validated on."))
    train_clips: int = declare(
        0, "train-clips", N_("Training clips (0: all)"), N_("How many clips to train on."), low=0, high=100_000
    )
    train_voices: int = declare(
        0,
        "train-voices",
        N_("Training voices (0: all)"),
        N_("How many speakers to train on."),
        low=0,
        high=10_000,
        later=True,
    )
    also: str = declare(
        "", "also", N_("Train also on"), N_("Another corpus whose clips join the training; empty for none."), later=True
    )
    label_noise: float = declare(
        0.0,
        "label-noise",
        N_("Wrong labels"),
        N_("The fraction of training labels replaced by a wrong word."),
        low=0.0,
        high=1.0,
        step=0.05,
    )


@dataclass(frozen=True)
class FeatureSpec:
    """What the network sees of a clip: log-mel frames."""

    n_mels: int = declare(40, "mels", N_("Mel bands"), N_("How many bands the spectrum is divided into."), low=20, high=128)
    window_ms: float = declare(
        32.0, "window", N_("Window (ms)"), N_("How long a piece of sound one frame looks at."), low=8.0, high=64.0, step=2.0
    )
    hop_ms: float = declare(
        16.0, "hop", N_("Hop (ms)"), N_("From the start of one frame to the next."), low=4.0, high=32.0, step=2.0
    )


@dataclass(frozen=True)
class ModelSpec:
    """The recogniser's size."""

    hidden: int = declare(64, "hidden", N_("Hidden units"), N_("The LSTM's memory cells in each layer."), low=16, high=256)
    layers: int = declare(1, "layers", N_("Layers"), N_("LSTM layers, one above the other."), low=1, high=2)


@dataclass(frozen=True)
class PenaltySpec:
    """What is asked of the weights besides a small loss."""

    kind: str = declare(
        "l1",
        "penalty",
        N_("Penalty"),
        N_(
            "L1 adds λΣ|w| to the loss, L2 adds λΣw², group lasso λ√n times the length of the n weights of each hidden unit; "
            "biases are never penalised."
        ),
        choices=("none", "l1", "l2", "group"),
    )
    method: str = declare(
        "proximal",
        "method",
        N_("Method"),
        N_(
            "Proximal: a soft threshold after each of Adam's steps, which reaches exact zeros. "
            "Penalty in the loss: its subgradient, which never rests at 0. The others are for the lesson on methods."
        ),
        choices=("proximal", "subgradient", "sgd", "unscaled", "decoupled"),
    )
    lam: float = declare(1e-3, "lam", "λ", N_("The weight of the penalty in the objective."), low=0.0, high=10.0)
    free_epochs: int = declare(
        3, "free-epochs", N_("Penalty-free epochs"), N_("The penalty begins after so many epochs."), low=0, high=300
    )
    changes: str = declare(
        "",
        "lam-changes",
        N_("Changes of λ"),
        N_("From which epoch on λ is another, as in 6:0.005 9:0.02; empty where it stays."),
        later=True,
    )

    def __post_init__(self) -> None:
        object.__setattr__(self, "changes", " ".join(f"{epoch}:{lam!r}" for epoch, lam in _read_changes(self.changes)))


@dataclass(frozen=True)
class TrainingSpec:
    """How the network learns."""

    loss: str = declare(
        "ce",
        "loss",
        N_("Loss"),
        N_("Cross-entropy, binary cross-entropy on one-hot labels, or mean squared error."),
        choices=("ce", "bce", "mse"),
    )
    epochs: int = declare(12, "epochs", N_("Epochs"), N_("Passes over the training clips."), low=1, high=300)
    batch: int = declare(64, "batch", N_("Batch size"), N_("Clips in one step."), low=4, high=1024)
    lr: float = declare(3e-3, "lr", N_("Learning rate"), N_("The step size of Adam, or of SGD."), low=1e-6, high=1.0, step=1e-3)
    augment: bool = declare(
        True, "augment", N_("Augmentation"), N_("Vary speed, formants, tilt, noise, reverberation and masks in every epoch.")
    )
    ends: str = declare(
        "anywhere",
        "ends",
        N_("Ends of clips"),
        N_("Augmentation cuts a clip short anywhere, or where it is quieter than a random level: weak first and last sounds go."),
        choices=("anywhere", "quiet"),
        later=True,
    )
    stress: float = declare(
        0.0,
        "stress",
        N_("Stress (dB)"),
        N_("Augmentation makes one part of a clip louder and another softer, by three slow waves of up to so many decibels each."),
        low=0.0,
        high=20.0,
        step=1.0,
        later=True,
    )
    silence: float = declare(
        0.0,
        "silence",
        N_("Silence after the word (s)"),
        N_("Augmentation lets half of the clips go on for up to so many seconds after the word, with the room's echo and noise."),
        low=0.0,
        high=1.0,
        step=0.02,
        later=True,
    )
    noise: float = declare(
        0.0,
        "frame-noise",
        N_("Noise on the frames"),
        N_("Augmentation adds normal noise to what the network sees, of so many standard deviations of a clip."),
        low=0.0,
        high=2.0,
        step=0.1,
        later=True,
    )
    fall: str = declare(
        "once",
        "lr-falls",
        N_("Learning rate falls"),
        N_("Over the second half of the run, or over the second half of each λ's epochs, as along a λ path."),
        choices=("once", "each"),
        later=True,
    )


@dataclass(frozen=True)
class RunSpec:
    """Everything that decides a run's numbers.

    Raises
    ------
    SpecError
        When built with a value out of its range; the message names the field, the value and the range.
    """

    corpus: CorpusSpec = field(default_factory=CorpusSpec)
    features: FeatureSpec = field(default_factory=FeatureSpec)
    model: ModelSpec = field(default_factory=ModelSpec)
    penalty: PenaltySpec = field(default_factory=PenaltySpec)
    training: TrainingSpec = field(default_factory=TrainingSpec)
    seed: int = declare(
        0, "seed", N_("Seed"), N_("The start: first weights, order of clips and augmentation."), low=0, high=2**31 - 1
    )

    def __post_init__(self) -> None:
        for control, value in controls(self):
            check(control, value)
        if self.penalty.method == "decoupled" and self.penalty.kind not in ("none", "l2"):
            raise SpecError(_("method is “decoupled”, which is weight decay; choose it with the penalty L2"))
        if (last := max((0, *(epoch for epoch, _lam in self.changes)))) > self.training.epochs:
            raise SpecError(
                _("lam-changes names epoch {epoch}, but the run has {epochs}; change λ before its end").format(
                    epoch=last, epochs=self.training.epochs
                )
            )
        if self.features.hop_ms > self.features.window_ms:
            raise SpecError(
                _("hop is {hop:g} ms, longer than the window of {window:g} ms; choose a hop of at most the window").format(
                    hop=self.features.hop_ms, window=self.features.window_ms
                )
            )

    @property
    def lam(self) -> float:
        """The λ that the run begins with: 0 where there is no penalty."""
        return 0.0 if self.penalty.kind == "none" else self.penalty.lam

    @property
    def changes(self) -> tuple[tuple[int, float], ...]:
        """From which epoch on λ is another: pairs of epoch and λ, rising in epoch."""
        return _read_changes(self.penalty.changes)

    def lam_at(self, epoch: int) -> float:
        """Return the λ of an epoch (from 1): 0 where there is no penalty."""
        return 0.0 if self.penalty.kind == "none" else [self.lam, *(lam for since, lam in self.changes if since <= epoch)][-1]

    def with_change(self, epoch: int, lam: float) -> "RunSpec":
        """Return the description of a run that is this one before an epoch, and goes on with another λ from it.

        Raises
        ------
        SpecError
            When λ is out of range, or the run ends before.
        """
        kept = [f"{since}:{value!r}" for since, value in self.changes if since < epoch]
        if epoch == 1:
            return self.with_values(lam=lam, lam_changes="")
        return self.with_values(lam_changes=" ".join([*kept, f"{epoch}:{float(lam)!r}"]))

    def with_values(self, **values: Any) -> "RunSpec":
        """Return a copy with some controls set, by control name with ``_`` for ``-`` (``lam=0``, ``train_clips=150``).

        Raises
        ------
        SpecError
            For an unknown name or a value out of range.
        """
        wanted = {name.replace("_", "-"): value for name, value in values.items()}
        parts: dict[str, Any] = {}
        for part in fields(self):
            if "control" in part.metadata:
                parts[part.name] = wanted.pop(part.metadata["control"].name, getattr(self, part.name))
                continue
            section = getattr(self, part.name)
            changes = {f.name: wanted.pop(n) for f in fields(section) if (n := f.metadata["control"].name) in wanted}
            parts[part.name] = replace(section, **changes)
        if wanted:
            raise SpecError(_("unknown setting: {names}").format(names=", ".join(sorted(wanted))))
        return RunSpec(**parts)

    def to_dict(self) -> dict[str, Any]:
        """Return nested dicts of plain values, fit for JSON."""
        return _to_dict(self)

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> "RunSpec":
        """Build from ``to_dict``'s form; what is missing takes its default.

        Raises
        ------
        SpecError
            For an unknown name, a value of the wrong type, or one out of range.
        """
        return _from_dict(cls, values)

    def to_json(self) -> str:
        """Return the canonical text: sorted names, no spaces."""
        return json.dumps(self.to_dict(), sort_keys=True, separators=(",", ":"), ensure_ascii=False)

    @classmethod
    def from_json(cls, text: str) -> "RunSpec":
        """Build from ``to_json``'s text.

        Raises
        ------
        SpecError
            For text that is not JSON of this form.
        """
        try:
            values = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise SpecError(_("a run's description must be JSON: {error}").format(error=error)) from error
        return cls.from_dict(values)

    @property
    def id(self) -> str:
        """The run's identity: 16 hexadecimal digits, equal for equal descriptions on every machine and Python."""
        return hashlib.sha256(f"{SCIENCE} {self.to_json()}".encode()).hexdigest()[:16]

    def to_query(self) -> dict[str, str]:
        """Return the controls that differ from their defaults, as the URL writes them."""
        usual = {control.name: value for control, value in controls(RunSpec())}
        return {c.name: _write(value) for c, value in controls(self) if value != usual[c.name]}

    @classmethod
    def from_query(cls, query: dict[str, str]) -> "RunSpec":
        """Build from ``to_query``'s form; names that are no control are left to others.

        Raises
        ------
        SpecError
            For a value that does not parse or is out of range.
        """
        given = {c.name.replace("-", "_"): parse(c, query[c.name]) for c, _usual in controls(cls()) if c.name in query}
        return cls().with_values(**given)


def _read_changes(text: str) -> tuple[tuple[int, float], ...]:
    limits = next(f.metadata["control"] for f in fields(PenaltySpec) if f.name == "lam")
    try:
        pairs = [(int(epoch), float(lam)) for epoch, lam in (pair.split(":") for pair in text.split())]
    except (AttributeError, ValueError) as error:
        raise SpecError(
            _("lam-changes is {value}; write epochs with their λ, as in 6:0.005 9:0.02").format(value=repr(text)[:60])
        ) from error
    for _epoch, lam in pairs:
        check(limits, lam)
    epochs = [epoch for epoch, _lam in pairs]
    if epochs != sorted(set(epochs)) or any(epoch < 2 for epoch in epochs):
        raise SpecError(_("lam-changes is “{value}”; its epochs must rise, and begin with 2 or more").format(value=text[:60]))
    return tuple(pairs)


def controls(spec: RunSpec) -> Iterator[tuple[Control, Any]]:
    """Yield every control with the value it has in ``spec``, in the order of declaration."""
    for part in fields(spec):
        value = getattr(spec, part.name)
        if is_dataclass(value):
            yield from ((f.metadata["control"], getattr(value, f.name)) for f in fields(value))
        else:
            yield part.metadata["control"], value


def control(name: str) -> Control:
    """Return the control of that name.

    Raises
    ------
    KeyError
        When there is none.
    """
    return {c.name: c for c, _value in controls(RunSpec())}[name]


def _write(value: Any) -> str:
    return str(int(value)) if isinstance(value, bool) else str(value)


def _to_dict(section: Any) -> dict[str, Any]:
    plain: dict[str, Any] = {}
    for part in fields(section):
        value = getattr(section, part.name)
        if is_dataclass(value):
            plain[part.name] = _to_dict(value)
        else:
            kind = part.metadata["control"].kind
            if part.metadata["later"] and value == part.default:
                continue
            plain[part.name] = kind(value) or kind()  # 0, 0.0 and -0.0 are one λ, so one run
    return plain


def _from_dict(cls: type, values: Any) -> Any:
    if not isinstance(values, dict):
        raise SpecError(_("{name} must be a table of settings, not {value}").format(name=cls.__name__, value=repr(values)[:60]))
    known = {f.name: f for f in fields(cls)}
    if unknown := sorted(set(values) - set(known), key=str):
        raise SpecError(_("unknown setting: {names}").format(names=", ".join(map(str, unknown))))
    sections: dict[str, Any] = {n: known[n].type for n in values if "control" not in known[n].metadata}
    return cls(**{n: _from_dict(sections[n], value) if n in sections else value for n, value in values.items()})
