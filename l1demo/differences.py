"""What runs differ in, in words: their names beside each other, a sentence, and a table. How runs are drawn is charts' affair."""

import functools
from collections.abc import Collection, Iterator, Sequence
from typing import Any

from l1demo import shelf
from l1demo.choices import NAMES
from l1demo.control import Control
from l1demo.corpora import CorpusError
from l1demo.spec import RunSpec, control, controls
from l1demo.text import _

NOTHING = "–"  # where there is no value
FIRST = ("lam", "lam-changes", "penalty", "method", "seed")  # what a run is called by, before all else
SHORT = 3  # settings in a name, unless more are needed to tell runs apart
ZERO_IS_ALL = ("train-clips", "train-voices")
CORPORA = ("corpus", "test", "also")
# None of these has a part in drawing the first weights, the order of clips or their augmentation.
SAME_START = {"lam", "lam-changes", "penalty", "method", "free-epochs", "lr", "lr-falls", "epochs"}


def differing(specs: Sequence[RunSpec]) -> tuple[Control, ...]:
    """Return the controls that don't have the same value in all descriptions, λ and its relatives first."""
    values = [dict(_values(spec)) for spec in specs]
    found = [name for name in values[0] if any(each[name] != values[0][name] for each in values)] if values else []
    return tuple(control(name) for name in sorted(found, key=lambda name: FIRST.index(name) if name in FIRST else len(FIRST)))


def called(spec: RunSpec, names: Collection[str] = ("lam", "seed")) -> str:
    """Call a run by some of its controls, as in “λ = 0.002, seed 1”."""
    values = dict(_values(spec))
    return ", ".join(said for name in names if (said := _said(spec, name, values[name])))


def in_full(spec: RunSpec) -> str:
    """Call a run by λ, its seed and all that is not as usual."""
    usual = dict(_values(RunSpec()))
    unusual = [name for name, given in _values(spec) if given != usual[name]]
    return called(spec, dict.fromkeys(["lam", "seed", *(name for name in unusual if name != "lam-changes")]))


def labels(specs: Sequence[RunSpec], names: Sequence[str]) -> tuple[str, ...]:
    """Name runs that stand beside each other, so that no two have the same name.

    Parameters
    ----------
    specs : sequence of RunSpec
    names : sequence of str, same length
        What a person calls them; where empty, a run is called by what differs.
    """
    apart = [c.name for c in differing(specs)]
    if "lam" in apart and "lam-changes" in apart:
        apart.remove("lam-changes")  # both are said together
    settings = [called(spec, apart[:SHORT]) or in_full(spec) for spec in specs]
    if len(set(settings)) < len(specs):
        settings = [called(spec, apart) or in_full(spec) for spec in specs]
    given = _apart([name or setting for name, setting in zip(names, settings, strict=True)], settings)
    return tuple(_apart(given, [spec.id[:4] for spec in specs]))


def sentence(specs: Sequence[RunSpec]) -> str:
    """Say in which settings runs differ, and whether they had the same start; empty where there are no two."""
    found = differing(specs)
    if not found:
        return ""
    *most, last = (_lower(_plain(c)) for c in found)
    if most:
        said = _("They differ in {most} and {last}.").format(most=", ".join(most), last=last)
    else:
        said = _("They differ in {setting} alone.").format(setting=last)
    if {c.name for c in found} <= SAME_START:
        said += " " + _("They began with the same weights and saw the same clips in the same order.")
    return said


def table(specs: Sequence[RunSpec], names: Sequence[str]) -> list[dict[str, str]]:
    """Set the settings that differ beside each other: a row a setting, a column a run by its name."""
    values = [dict(_values(spec)) for spec in specs]
    return [
        {_("setting"): _plain(c)} | {name: value(c, each[c.name]) for name, each in zip(names, values, strict=True)}
        for c in differing(specs)
    ]


def value(which: Control, given: Any) -> str:
    """Write a control's value as a person reads it."""
    if which.kind is bool:
        return _("on") if given else _("off")
    if which.name in ZERO_IS_ALL and given == 0:
        return _("all")
    if which.name in CORPORA:
        return title(given) or NOTHING
    if which.choices:
        return _(NAMES[given])
    return f"{given:g}" if which.kind is float else f"{given}" or NOTHING


def voices(spec: RunSpec) -> str:
    """Say in a few words whose voices a run heard and how they were divided."""
    corpus = spec.corpus
    heard = " + ".join(title(name) for name in (corpus.name, corpus.also) if name)
    parts = [heard + (f" → {title(corpus.test)}" if corpus.test else ""), _(NAMES[corpus.split])]
    if corpus.hold_out:
        parts.append(_("without {speaker}").format(speaker=corpus.hold_out))
    if corpus.train_voices:
        parts.append(_("{n} voices").format(n=corpus.train_voices))
    if corpus.train_clips:
        parts.append(_("{n} clips").format(n=corpus.train_clips))
    if corpus.label_noise:
        parts.append(_("{share:.0%} wrong labels").format(share=corpus.label_noise))
    return " · ".join(parts)


def title(name: str) -> str:
    """Return what a corpus is called on the screen: the title that the lab keeps with it, or its name."""
    try:
        return _kept_title(name) if shelf.is_name(name) else name
    except CorpusError:  # of a run that was made elsewhere, or outlived its corpus
        return name


@functools.lru_cache(maxsize=1000)
def _kept_title(name: str) -> str:
    return shelf.about(name).title


def _apart(names: list[str], more: Sequence[str]) -> list[str]:
    return [f"{name} ({further})" if names.count(name) > 1 else name for name, further in zip(names, more, strict=True)]


def _values(spec: RunSpec) -> Iterator[tuple[str, Any]]:
    for each, given in controls(spec):
        yield each.name, spec.lam if each.name == "lam" else given  # without a penalty λ is 0, whatever is written there


def _said(spec: RunSpec, name: str, given: Any) -> str:
    which = control(name)
    if name in ("lam", "lam-changes"):
        if spec.changes:
            return _("λ from {first:g} to {last:g}").format(first=spec.lam, last=spec.changes[-1][1])
        return f"λ = {spec.lam:g}"
    shown = value(which, given)
    if name in ("penalty", "method", "split"):
        return _("no penalty") if given == "none" else shown
    return f"{_lower(_plain(which))} {shown}"


def _plain(which: Control) -> str:
    label = _(which.label)
    return label.split(" (")[0] if which.name in ZERO_IS_ALL else label


def _lower(label: str) -> str:
    return label[:1].lower() + label[1:] if label[:2] != label[:2].upper() else label
