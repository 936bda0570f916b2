"""A run, described completely: the same description gives the same numbers on every machine of one kind.

Each control of the lab is declared here once. Forms, URLs, validation and the command line all read this one list, and the
hash of a description is the run's identity.
"""

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass, field, fields, is_dataclass, replace
from typing import Any

from l1demo import LabError
from l1demo.text import N_, _

SCIENCE = 1  # raise it when the same description begins to give other numbers, so that no stored run is taken for a new one


class SpecError(LabError):
    """A description that cannot be run; the message names the field, the value and the range."""


@dataclass(frozen=True)
class Control:
    """What a form, a URL and the command line need to know of one field.

    Attributes
    ----------
    name : str
        In URLs as it stands, on the command line with ``--`` before it.
    kind : type
        ``str``, ``bool``, ``int`` or ``float``.
    label, help : str
        English; translate with ``_`` where shown.
    low, high : float or None
        Inclusive range of a number.
    choices : tuple of str
        All values that a word may take; empty where any text will do.
    step : float or None
        What a form's buttons add to a number.
    """

    name: str
    kind: type
    label: str
    help: str
    low: float | None = None
    high: float | None = None
    choices: tuple[str, ...] = ()
    step: float | None = None


def _control(default: Any, name: str, label: str, help: str, **limits: Any) -> Any:
    return field(default=default, metadata={"control": Control(name, type(default), label, help, **limits)})


@dataclass(frozen=True)
class CorpusSpec:
    """Whose voices: where the clips come from and how they are divided into training and validation."""

    name: str = _control("digits", "corpus", N_("Corpus"), N_("A built-in corpus, or a folder or ZIP of labelled clips."))
    test: str = _control("", "test", N_("Validate on"), N_("Another corpus to validate on; empty for a part of the same one."))
    split: str = _control(
        "speakers",
        "split",
        N_("Split"),
        N_("Validate on speakers never heard in training, or on other recordings of the same speakers."),
        choices=("speakers", "recordings"),
    )
    hold_out: str = _control("", "hold-out", N_("Held-out speaker"), N_("This speaker is kept out of training and validated on."))
    train_clips: int = _control(
        0, "train-clips", N_("Training clips (0: all)"), N_("How many clips to train on."), low=0, high=100_000
    )
    label_noise: float = _control(
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

    n_mels: int = _control(40, "mels", N_("Mel bands"), N_("How many bands the spectrum is divided into."), low=20, high=128)
    window_ms: float = _control(
        32.0, "window", N_("Window (ms)"), N_("How long a piece of sound one frame looks at."), low=8.0, high=64.0, step=2.0
    )
    hop_ms: float = _control(
        16.0, "hop", N_("Hop (ms)"), N_("From the start of one frame to the next."), low=4.0, high=32.0, step=2.0
    )


@dataclass(frozen=True)
class ModelSpec:
    """The recogniser's size."""

    hidden: int = _control(64, "hidden", N_("Hidden units"), N_("The LSTM's memory cells in each layer."), low=16, high=256)
    layers: int = _control(1, "layers", N_("Layers"), N_("LSTM layers, one above the other."), low=1, high=2)


@dataclass(frozen=True)
class PenaltySpec:
    """What is asked of the weights besides a small loss."""

    kind: str = _control(
        "l1",
        "penalty",
        N_("Penalty"),
        N_("L1 adds λΣ|w| to the loss, L2 adds λΣw²; biases are never penalised."),
        choices=("none", "l1", "l2"),
    )
    method: str = _control(
        "proximal",
        "method",
        N_("Method"),
        N_(
            "Proximal: a soft threshold after each step, which reaches exact zeros. "
            "Penalty in the loss: its subgradient, which never rests at 0."
        ),
        choices=("proximal", "subgradient"),
    )
    lam: float = _control(1e-3, "lam", "λ", N_("The weight of the penalty in the objective."), low=0.0, high=10.0)
    free_epochs: int = _control(
        3, "free-epochs", N_("Penalty-free epochs"), N_("The penalty begins after so many epochs."), low=0, high=300
    )


@dataclass(frozen=True)
class TrainingSpec:
    """How the network learns."""

    loss: str = _control(
        "ce",
        "loss",
        N_("Loss"),
        N_("Cross-entropy, binary cross-entropy on one-hot labels, or mean squared error."),
        choices=("ce", "bce", "mse"),
    )
    epochs: int = _control(12, "epochs", N_("Epochs"), N_("Passes over the training clips."), low=1, high=300)
    batch: int = _control(64, "batch", N_("Batch size"), N_("Clips in one step."), low=4, high=1024)
    lr: float = _control(3e-3, "lr", N_("Learning rate"), N_("Adam's step size."), low=1e-6, high=1.0, step=1e-3)
    augment: bool = _control(
        True, "augment", N_("Augmentation"), N_("Vary speed, formants, tilt, noise, reverberation and masks in every epoch.")
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
    seed: int = _control(
        0, "seed", N_("Seed"), N_("The start: first weights, order of clips and augmentation."), low=0, high=2**31 - 1
    )

    def __post_init__(self) -> None:
        for control, value in controls(self):
            _check(control, value)
        if self.features.hop_ms > self.features.window_ms:
            raise SpecError(
                _("hop is {hop:g} ms, longer than the window of {window:g} ms; choose a hop of at most the window").format(
                    hop=self.features.hop_ms, window=self.features.window_ms
                )
            )

    @property
    def lam(self) -> float:
        """The λ that is in force: 0 where there is no penalty."""
        return 0.0 if self.penalty.kind == "none" else self.penalty.lam

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


def parse(control: Control, text: str) -> Any:
    """Read a control's value from text.

    Raises
    ------
    SpecError
        When the text is no value of the control's type.
    """
    if control.kind is bool:
        if text not in ("0", "1"):
            raise SpecError(_("{name} is “{value}”; write 0 or 1").format(name=control.name, value=text[:60]))
        return text == "1"
    try:
        return control.kind(text)
    except ValueError as error:
        wanted = _("a whole number") if control.kind is int else _("a number")
        raise SpecError(
            _("{name} is “{value}”; write {wanted}").format(name=control.name, value=text[:60], wanted=wanted)
        ) from error


def _write(value: Any) -> str:
    return str(int(value)) if isinstance(value, bool) else str(value)


def _check(control: Control, value: Any) -> None:
    accepted = (int, float) if control.kind is float else control.kind
    if not isinstance(value, accepted) or (isinstance(value, bool) and control.kind is not bool):
        raise SpecError(
            _("{name} is {value}; it must be of type {type}").format(
                name=control.name, value=repr(value)[:60], type=control.kind.__name__
            )
        )
    if control.kind is str and not str(value).isprintable():
        raise SpecError(
            _("{name} is {value}; write it in letters that can be printed").format(name=control.name, value=ascii(value)[:60])
        )
    if control.choices and value not in control.choices:
        raise SpecError(
            _("{name} is “{value}”; choose one of {choices}").format(
                name=control.name, value=str(value)[:60], choices=", ".join(control.choices)
            )
        )
    if control.low is None or control.high is None:
        return
    if not control.low <= value <= control.high:  # NaN is neither
        raise SpecError(
            _("{name} is {value}; choose a number from {low:.10g} to {high:.10g}").format(
                name=control.name, value=value, low=control.low, high=control.high
            )
        )


def _to_dict(section: Any) -> dict[str, Any]:
    plain: dict[str, Any] = {}
    for part in fields(section):
        value = getattr(section, part.name)
        if is_dataclass(value):
            plain[part.name] = _to_dict(value)
        else:
            kind = part.metadata["control"].kind
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
