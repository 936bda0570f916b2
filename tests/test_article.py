"""The article: what is quoted stands in its code, the code is as it is said to be, and the findings are the runs' numbers."""

import ast
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from l1demo import article
from l1demo.presets import PRESETS
from l1demo.spec import RunSpec
from l1demo.store import DONE, RUNNING, Run

CODE = Path(__file__).with_name("article_code.txt").read_text(encoding="utf-8")  # the article's, as it stands
TREE = ast.parse(CODE)
SCALE = {"norm": 28_750.0, "guessing": math.log(10)}
MENDED = (  # the stops in their order: what is said there, the place, and the place mended
    (
        "name 'model' is not defined",
        "model = train(",
        "model = SimpleRNN(input_dim, output_dim, hidden_dim, num_layers)\nmodel = train(",
    ),
    ("name 'x_train' is not defined", "return x_train, x_test, y_train, y_test", "x, y = made()\n    return x, x, y, y"),
    ("missing a required argument: 'hidden'", "def call(self, x, hidden):", "def call(self, x, hidden=None):"),
    (
        "SimpleRNN.call",
        """output, state = self.lstm(x, initial_state=hidden)
        output = self.dense(output)
        return output, state""",
        "return self.dense(self.lstm(x))",
    ),
    ("name 'loss' is not defined", "{loss}", "{accuracy}"),
)


def function(name: str) -> ast.FunctionDef:
    (found,) = [node for node in ast.walk(TREE) if isinstance(node, ast.FunctionDef) and node.name == name]
    return found


def read(node: ast.AST) -> set[str]:
    return {each.id for each in ast.walk(node) if isinstance(each, ast.Name) and isinstance(each.ctx, ast.Load)}


def set_in(node: ast.AST) -> set[str]:
    names = {each.id for each in ast.walk(node) if isinstance(each, ast.Name) and isinstance(each.ctx, ast.Store)}
    return names | {each.arg for each in ast.walk(node) if isinstance(each, ast.arg)}


def calls(name: str) -> list[ast.Call]:
    return [node for node in ast.walk(TREE) if isinstance(node, ast.Call) and ast.unparse(node.func) == name]


def test_every_quoted_line_stands_in_the_article_s_code() -> None:
    assert article.UNUSED in CODE
    assert all(line in CODE for line, _why in article.STOPS)


def test_lam_is_handed_over_and_nothing_uses_it() -> None:
    train = function("train")
    assert "lambda_" in {each.arg for each in train.args.args}
    assert "lambda_" not in read(train)
    assert "regularizer" not in CODE


def test_the_stops_are_where_they_are_said_to_be() -> None:
    assert "model" not in {name for node in TREE.body[:-1] for name in set_in(node) if isinstance(node, ast.Assign)}
    assert "model" in read(TREE.body[-1])
    assert {"x_train", "y_train"} <= read(function("load_data")) and not set_in(function("load_data"))
    assert not function("call").args.defaults and [each.arg for each in function("call").args.args] == ["self", "x", "hidden"]
    (lstm,) = calls("tf.keras.layers.LSTM")  # one layer, without its state: keras.io/api/layers/recurrent_layers/lstm
    assert "return_state" not in {keyword.arg for keyword in lstm.keywords}
    assert "loss" in read(function("train")) and "loss" not in set_in(TREE)


def test_what_is_otherwise_different_is_so() -> None:
    (fit,) = calls("model.fit")
    (loop,) = [node for node in ast.walk(function("train")) if isinstance(node, ast.For)]
    assert ast.unparse(loop.iter) == "range(epochs)" and fit in ast.walk(loop)
    assert {keyword.arg: ast.unparse(keyword.value) for keyword in fit.keywords}["epochs"] == "epochs"
    assert "categorical_crossentropy" in CODE


def test_the_code_stops_at_each_place_when_the_one_before_is_mended() -> None:
    pytest.importorskip("tensorflow")

    def made() -> tuple[Any, Any]:  # frames and, for each of them, a word
        random = np.random.default_rng(0)
        return random.normal(size=(64, 5, 128)).astype("float32"), np.eye(64, dtype="float32")[random.integers(64, size=(64, 5))]

    def run_it() -> None:
        exec(compile(code, "article", "exec"), {"__name__": "article", "made": made})

    code = CODE.replace("epochs = 10", "epochs = 1")
    for (line, _why), (said, place, mended) in zip(article.STOPS, MENDED, strict=True):
        assert place in line or line in place
        with pytest.raises(Exception, match=said):
            run_it()
        code = code.replace(place, mended)
    run_it()


def test_the_preset_is_the_article_s_settings() -> None:
    numbers = {
        ast.unparse(node.targets[0]): node.value.value
        for node in TREE.body
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant)
    }
    spec = PRESETS["article"]
    assert spec.features.n_mels == numbers["input_dim"] and spec.model.hidden == numbers["hidden_dim"]
    assert (spec.model.layers, spec.training.epochs) == (numbers["num_layers"], numbers["epochs"])
    assert (spec.training.batch, spec.training.lr, spec.lam) == (numbers["batch_size"], numbers["lr"], numbers["lambda_"])
    assert (spec.penalty.kind, spec.penalty.method, spec.penalty.free_epochs) == ("l1", "subgradient", 0)


def test_the_three_runs_differ_in_what_lam_does_alone() -> None:
    specs = article.descriptions(600)
    alike = {"penalty": "l1", "method": "subgradient"}
    assert {spec.with_values(**alike) for spec in specs.values()} == {PRESETS["article"].with_values(train_clips=600)}
    assert [spec.lam for spec in specs.values()] == [0, 0.01, 0.01]
    assert specs["proximal"].penalty.method == "proximal"


def run(spec: RunSpec, **values: Any) -> Run:
    row = {"epoch": 10, "train_loss": 0.02, "val_loss": 0.4, "val_accuracy": 0.875, "always": "", "penalised": spec.lam > 0}
    row |= {"exact_zero_fraction": 0.0, "near_zero_fraction": 0.0625, "dead_units": [0, 0], "units": [256, 256]}
    return Run(spec.id, spec, state=DONE, rows=(row | values,))


def test_the_findings_are_the_numbers_of_the_runs() -> None:
    deaf = {"train_loss": 2.303, "val_loss": 2.304, "val_accuracy": 0.1, "always": "nine"}
    specs = article.descriptions(600)
    runs = {
        "code": run(specs["code"]),
        "formula": run(specs["formula"], **deaf, near_zero_fraction=0.75),
        "proximal": run(specs["proximal"], **deaf, exact_zero_fraction=1.0, near_zero_fraction=1.0, dead_units=[256, 256]),
    }
    code, price, formula, proximal = article.findings(runs, SCALE)
    assert "hears 87.5 % of unseen speakers' words, and 0.0 % of its weights are exactly 0" in code
    assert "0.01 × 28,750 = 287.5: 125 times the loss of guessing, ln 10 = 2.303" in price
    assert "always says “nine”, at a validation loss of 2.304. 0.0 % of its weights are exactly 0, another 75.0 %" in formula
    assert "100.0 % of its weights are exactly 0, another 0.0 %" in proximal


def test_a_network_that_hears_is_not_called_deaf_and_runs_under_way_are_not_spoken_of() -> None:
    specs = article.descriptions(600)
    hears = {key: run(spec) for key, spec in specs.items()}
    assert all("deaf" not in said for said in article.findings(hears, SCALE))
    under_way = {"code": replace(hears["code"], state=RUNNING)}
    assert article.findings(under_way, SCALE) == []
    assert len(article.findings(hears, None)) == 3  # while the scale is not known
