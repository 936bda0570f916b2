"""Every control there and back through dict, JSON and URL; one id for one description; nothing hostile but a SpecError."""

import json
import math
import os
import random
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from l1demo.control import Control, parse
from l1demo.presets import PRESETS
from l1demo.spec import RunSpec, SpecError, control, controls

CONTROLS = [c for c, _value in controls(RunSpec())]
NUMBERS = [c for c in CONTROLS if c.kind in (int, float)]
COMPANION: dict[str, dict[str, Any]] = {  # what another control must be, so that this one can take all its values
    "window": {"hop": 4.0},
    "hop": {"window": 64.0},
    "method": {"penalty": "l2"},
}


def values_of(c: Control) -> list[Any]:
    """Values that a control must take: its ends and what lies between, each choice, any text."""
    if c.choices:
        return list(c.choices)
    if c.kind is bool:
        return [False, True]
    if c.name == "lam-changes":
        return ["", "2:0.0", "3:0.001 12:10.0"]
    if c.kind is str:
        return ["", "a folder/with ümlauts & 数字 100%.zip", "x" * 5000, "=&?#+"]
    assert c.low is not None and c.high is not None
    middle = (c.low + c.high) / 2 if c.kind is float else (c.low + c.high) // 2
    return [c.kind(v) for v in (c.low, middle, c.high)]


def written(name: str, value: Any) -> RunSpec:
    return RunSpec().with_values(**COMPANION.get(name, {}), **{name.replace("-", "_"): value})


CASES = [pytest.param(c, v, id=f"{c.name}-{str(v)[:12]}") for c in CONTROLS for v in values_of(c)]
BESIDE = [
    pytest.param(c, v, id=f"{c.name}-{v!r}")
    for c in NUMBERS
    for v in ((c.low - 1, c.high + 1) if c.kind is int else (math.nextafter(c.low, -math.inf), math.nextafter(c.high, math.inf)))
]


@pytest.mark.parametrize(("c", "value"), CASES)
def test_every_control_survives_dict_json_and_url(c: Control, value: Any) -> None:
    spec = written(c.name, value)
    assert {k.name: v for k, v in controls(spec)}[c.name] == value
    forms = (
        RunSpec.from_dict(json.loads(json.dumps(spec.to_dict()))),
        RunSpec.from_json(spec.to_json()),
        RunSpec.from_query(spec.to_query() | {"run": "0123456789abcdef", "utm_source": "elsewhere"}),
    )
    assert {form.id for form in forms} == {spec.id}
    assert all(form == spec for form in forms)


@pytest.mark.parametrize("c", CONTROLS, ids=lambda c: c.name)
def test_setting_one_control_leaves_the_others_alone_and_makes_another_run(c: Control) -> None:
    before = {k.name: v for k, v in controls(RunSpec())}
    value = next(v for v in values_of(c) if v != before[c.name])
    after = {k.name: v for k, v in controls(written(c.name, value))}
    touched = {c.name, *COMPANION.get(c.name, {})}
    assert {k: v for k, v in after.items() if k not in touched} == {k: v for k, v in before.items() if k not in touched}
    assert after[c.name] == value
    assert written(c.name, value).id != RunSpec().id
    assert set(written(c.name, value).to_query()) <= touched


@pytest.mark.parametrize(("c", "value"), BESIDE)
def test_just_outside_the_range_the_sentence_names_field_value_and_range(c: Control, value: float) -> None:
    text = repr(value)
    for attempt in (
        lambda: RunSpec().with_values(**{c.name.replace("-", "_"): value}),
        lambda: RunSpec.from_query({c.name: text}),
    ):
        with pytest.raises(SpecError) as caught:
            attempt()
        sentence = str(caught.value)
        assert sentence.startswith(f"{c.name} is {value}")
        assert f"from {c.low:.10g} to {c.high:.10g}" in sentence


@pytest.mark.parametrize("c", [c for c in CONTROLS if c.choices], ids=lambda c: c.name)
def test_a_word_that_is_no_choice_is_told_the_choices(c: Control) -> None:
    with pytest.raises(SpecError) as caught:
        RunSpec.from_query({c.name: "banana"})
    assert str(caught.value).startswith(f"{c.name} is “banana”")
    assert all(choice in str(caught.value) for choice in c.choices)


def test_a_hop_longer_than_its_window_is_refused_with_both() -> None:
    with pytest.raises(SpecError, match="hop is 20 ms, longer than the window of 10 ms"):
        RunSpec().with_values(window=10.0, hop=20.0)


def test_the_id_is_the_same_in_every_process_and_whatever_python_s_hash_seed_is() -> None:
    program = (
        "from l1demo.spec import RunSpec; print(RunSpec().with_values(corpus='数字', lam=3e-4).id, RunSpec().id)\n"
        "import sys; assert 'torch' not in sys.modules"
    )
    root = str(Path(__file__).parents[1])
    ids = {
        subprocess.run(
            [sys.executable, "-c", program], env={**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": root},
            capture_output=True, text=True, check=True,
        ).stdout
        for seed in ("0", "1", "4294967295")
    }  # fmt: skip
    assert ids == {f"{RunSpec().with_values(corpus='数字', lam=3e-4).id} {RunSpec().id}\n"}


@pytest.mark.parametrize("zero", [0, 0.0, -0.0])
def test_every_way_to_write_a_lam_of_0_is_one_run(zero: float) -> None:
    spec = RunSpec().with_values(lam=zero)
    assert spec.id == RunSpec().with_values(lam=0.0).id
    assert RunSpec.from_query({"lam": str(zero)}).id == spec.id


def test_no_penalty_means_a_lam_of_0_is_in_force() -> None:
    assert RunSpec().with_values(penalty="none", lam=0.5).lam == 0
    assert RunSpec().with_values(penalty="l2", lam=0.5).lam == 0.5


def test_a_change_of_lam_holds_from_its_epoch_on() -> None:
    spec = RunSpec().with_change(6, 5e-3).with_change(9, 0.0)
    assert [spec.lam_at(epoch) for epoch in (1, 5, 6, 8, 9, 12)] == [1e-3, 1e-3, 5e-3, 5e-3, 0.0, 0.0]
    assert spec.with_values(penalty="none").lam_at(6) == 0.0


def test_a_change_forgets_what_was_planned_after_it_and_at_the_first_epoch_is_another_start() -> None:
    spec = RunSpec().with_change(6, 5e-3).with_change(9, 0.0)
    assert spec.with_change(7, 1.0).changes == ((6, 5e-3), (7, 1.0))
    assert spec.with_change(1, 1.0) == RunSpec().with_values(lam=1.0)


@pytest.mark.parametrize(
    "text", ["x", "1:2", "6:0.1 6:0.2", "9:0 6:0", "6:nan", "6:-1", "6:11", "6", "6:1:2", "13:0.1", ":", "6.5:1"]
)
def test_a_change_that_cannot_be_is_refused(text: str) -> None:
    with pytest.raises(SpecError, match=r"^lam"):
        RunSpec().with_values(lam_changes=text)


def test_changes_written_in_two_ways_are_one_run() -> None:
    assert RunSpec().with_values(lam_changes=" 6:5e-3   9:0").id == RunSpec().with_values(lam_changes="6:0.005 9:0.0").id


def test_decoupled_is_decay_of_squares_alone() -> None:
    with pytest.raises(SpecError, match="decoupled"):
        RunSpec().with_values(method="decoupled")
    assert RunSpec().with_values(method="decoupled", penalty="l2").penalty.method == "decoupled"


def test_a_setting_that_came_later_leaves_older_runs_their_id() -> None:
    later = ("changes", "ends", "fall", "noise", "silence", "stress", "train_voices")
    assert not [name for name in later if f'"{name}"' in RunSpec().to_json()]
    assert RunSpec().id == "c4805a89778591bd"  # of the first release


def test_presets_are_descriptions_and_the_first_is_the_default() -> None:
    assert PRESETS["quick"] == RunSpec()
    assert all(RunSpec.from_query(preset.to_query()) == preset for preset in PRESETS.values())


def test_there_is_one_control_of_a_name_and_its_default_is_of_its_kind() -> None:
    assert len({c.name for c in CONTROLS}) == len(CONTROLS)
    for c, value in controls(RunSpec()):
        assert type(value) is c.kind and c.label and c.help
        assert control(c.name) is c


HOSTILE: list[Any] = [
    *(None, True, [], {}, [[]], "", "nan", "inf", math.nan, math.inf, -math.inf, -1, 10**400, -(10**400)),
    *(1e308, "x" * 1_000_000, "\x00", b"1", {"a": 1}, ["l1"], object(), 1j),
]


@pytest.mark.parametrize("c", [c for c in CONTROLS if c.kind is not str or c.choices], ids=lambda c: c.name)
def test_values_of_a_wrong_kind_are_refused_with_a_short_sentence(c: Control) -> None:
    for value in HOSTILE:
        if c.kind is bool and value is True:
            continue
        with pytest.raises(SpecError) as caught:
            RunSpec().with_values(**{c.name.replace("-", "_"): value})
        assert str(caught.value).startswith(f"{c.name} is ")
        assert len(str(caught.value)) < 700


@pytest.mark.parametrize(
    "text",
    [
        *("", "null", "[]", "3", '"quick"', "{", "NaN", "[" * 100_000, '{"a":' * 100_000, "\ud800"),
        *('{"seed": 1e400}', '{"seed": true}', '{"seed": NaN}', '{"seed": ' + "9" * 400 + "}", '{"seed": ' + "9" * 5000 + "}"),
        *('{"penalty": {"lam": NaN}}', '{"penalty": {"lam": Infinity}}', '{"penalty": {"lam": [1]}}', '{"penalty": 3}'),
        *('{"penalty": {"penalty": {}}}', '{"lam": 1}', '{"model": {"hidden": 64.0}}', '{"training": {"augment": 1}}'),
        *('{"corpus": {"name": 3}}', '{"corpus": null}', '{"__class__": "x"}', '{"": {}}'),
    ],
)
def test_json_of_another_form_is_refused(text: str) -> None:
    with pytest.raises(SpecError):
        RunSpec.from_json(text)


@pytest.mark.parametrize("name", ["seed", "lam", "epochs"])
@pytest.mark.parametrize(
    "text", ["", "banana", "nan", "-inf", "1e999", "9" * 400, "9" * 5000, "1" + "0" * 309, "0x10", "\x00", "١,٥"]
)
def test_an_address_of_another_form_is_refused(name: str, text: str) -> None:
    with pytest.raises(SpecError) as caught:
        RunSpec.from_query({name: text})
    assert str(caught.value).startswith(f"{name} is ")


@pytest.mark.parametrize(
    "values", [None, 3, [], {1: 2, None: 3}, {"seed": {}}, {"corpus": [("name", "x")]}, {"model": {"hidden": {}}}]
)
def test_a_table_of_another_form_is_refused(values: Any) -> None:
    with pytest.raises(SpecError):
        RunSpec.from_dict(values)


def test_an_unknown_setting_is_named() -> None:
    with pytest.raises(SpecError, match="unknown setting: lambda, mu"):
        RunSpec().with_values(mu=1, **{"lambda": 2})


def test_nothing_random_makes_anything_but_a_description_or_a_spec_error() -> None:
    draw = random.Random(0)
    pieces = [*HOSTILE[:-2], 0, 1, 16, 0.5, "l1", "ce", "speakers"]
    names = [*(c.name for c in CONTROLS), "corpus", "features", "model", "penalty", "training", "lam", "name", "kind", "", "é"]

    def table(depth: int) -> Any:
        if depth == 0 or draw.random() < 0.3:
            return draw.choice(pieces)
        return {draw.choice(names): table(depth - 1) for _ in range(draw.randrange(4))}

    def check(build: Any, argument: Any) -> bool:
        try:
            spec = build(argument)
        except SpecError:
            return False
        assert RunSpec.from_json(spec.to_json()).id == spec.id
        return True

    good = RunSpec().to_json()
    built = 0
    for _ in range(2000):
        built += check(RunSpec.from_dict, table(3))
        built += check(RunSpec.from_query, {draw.choice(names): str(draw.choice(pieces))[:5000] for _ in range(3)})
        text = list(good)
        for _ in range(draw.randrange(1, 4)):
            at = draw.randrange(len(text))
            text[at : at + draw.randrange(3)] = draw.choice(['"', "{", "}", "9", "-", "e", "", ",", ":", "null", "é", "\\"])
        built += check(RunSpec.from_json, "".join(text))
    assert 100 < built < 5900  # both happen


@pytest.mark.parametrize(("text", "value"), [("0", False), ("1", True)])
def test_a_switch_is_written_0_or_1(text: str, value: bool) -> None:
    assert parse(control("augment"), text) is value
    for other in ("true", "False", "", "2", "01"):
        with pytest.raises(SpecError, match="write 0 or 1"):
            parse(control("augment"), other)
