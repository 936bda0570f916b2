"""A control: what a form, a URL and the command line need to know of one setting, and the check of its values.

Which settings there are is spec's.
"""

from dataclasses import dataclass, field
from typing import Any

from l1demo import LabError
from l1demo.text import _


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


def declare(default: Any, name: str, label: str, help: str, later: bool = False, **limits: Any) -> Any:
    """Declare a control. One that came ``later`` is left out of a description at its default, so that older runs keep their id."""
    return field(default=default, metadata={"control": Control(name, type(default), label, help, **limits), "later": later})


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


def check(control: Control, value: Any) -> None:
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
