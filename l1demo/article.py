"""The article whose settings are a preset: what its code does with λ, what keeps it from running, and what its formula does.

The article's lines are quoted as they stand, and are never run here.
"""

from collections.abc import Mapping

from l1demo import advice
from l1demo.charts import percent
from l1demo.presets import PRESETS
from l1demo.spec import RunSpec
from l1demo.store import Run
from l1demo.text import N_, _

SHORT = 600  # clips of the short version: a third of the time of all of them, docs/measurements.md

UNUSED = """\
def train(model, input_dim, output_dim, hidden_dim, num_layers, epochs, batch_size, lr, lambda_):
    model.build(input_shape=(None, input_dim))
    optimizer = tf.keras.optimizers.Adam(learning_rate=lr)
    model.compile(optimizer=optimizer, loss=tf.keras.losses.categorical_crossentropy)

    x_train, x_test, y_train, y_test = load_data()

    # 训练模型
    for epoch in range(epochs):
        # 训练集训练
        model.fit(x_train, y_train, batch_size=batch_size, epochs=epochs)

        # 验证集验证
        accuracy = model.evaluate(x_test, y_test)
        print(f'Epoch {epoch+1}, Loss: {loss}, Accuracy: {accuracy}')

    return model
"""
# Where the code stops, each place mended before the next was found, with TensorFlow 2.21 and Keras 3.15: tests/test_article.py.
STOPS: tuple[tuple[str, str], ...] = (
    (
        "model = train(model, input_dim, output_dim, hidden_dim, num_layers, epochs, batch_size, lr, lambda_)",
        N_("No model has been made when it is handed over."),
    ),
    ("return x_train, x_test, y_train, y_test", N_("Nothing but comments stands before it: the data are never loaded.")),
    ("def call(self, x, hidden):", N_("“fit” gives the model x alone, so “hidden” is missing.")),
    (
        "output, state = self.lstm(x, initial_state=hidden)",
        N_("Made without “return_state=True”, the LSTM gives its output alone, which is not two things."),
    ),
    ("print(f'Epoch {epoch+1}, Loss: {loss}, Accuracy: {accuracy}')", N_("“loss” has never been set.")),
)
OTHERWISE: tuple[str, ...] = (
    N_("One LSTM layer is built, whatever “num_layers” says; two layers are trained here."),
    N_("Its loop of 10 epochs calls “fit” with 10 epochs each time, which would be 100; 10 are trained here."),
    N_("It has 64 outputs; here there are as many as words."),
    N_("Its formula is binary cross-entropy, its code's loss categorical; here it is the latter."),
)


def descriptions(clips: int, seed: int = 0) -> dict[str, RunSpec]:
    """Return the article's settings as its code runs them, as its formula says, and with the formula under proximal Adam.

    Raises
    ------
    SpecError
        When the number of clips (0: all) or the seed is out of range.
    """
    formula = PRESETS["article"].with_values(train_clips=clips, seed=seed)
    return {"code": formula.with_values(penalty="none"), "formula": formula, "proximal": formula.with_values(method="proximal")}


def findings(runs: Mapping[str, Run], scale: Mapping[str, float] | None) -> list[str]:
    """Say what happened in the runs that are done, from their numbers.

    Parameters
    ----------
    runs : mapping of str to Run
        By the names of ``descriptions``.
    scale : mapping, optional
        ``norm``, ‖W₀‖₁ of the first weights, and ``guessing``, the loss of guessing, where they are known.
    """
    done = {key: run for key, run in runs.items() if run.ended and run.rows}
    said = []
    if code := done.get("code"):
        said.append(
            _("As the code runs, there is no penalty: the network hears {heard}, and {zeros} of its weights are exactly 0.").format(
                **_shares(code)
            )
        )
    if scale and (formula := done.get("formula")):
        price = formula.spec.lam * scale["norm"]
        said.append(
            _(
                "As the formula says, the first weights cost λ·‖W₀‖₁ = {lam:g} × {norm:,.0f} = {price:.1f}: {times:.0f} times the "
                "loss of guessing, {guessing}."
            ).format(
                lam=formula.spec.lam,
                norm=scale["norm"],
                price=price,
                times=price / scale["guessing"],
                guessing=advice.price_of_guessing(formula, scale["guessing"]),
            )
        )
    for key, how in (("formula", _("With the penalty in the loss")), ("proximal", _("Under proximal Adam"))):
        if run := done.get(key):
            said.append(_came_to(run, how, scale))
    return said


def _came_to(run: Run, how: str, scale: Mapping[str, float] | None) -> str:
    last = run.rows[-1]
    values = {"how": how, "word": last["always"], "loss": last["val_loss"], **_shares(run)}
    if last["always"] and scale and advice.deaf(run, scale["guessing"]):
        return _(
            "{how} it goes deaf: it always says “{word}”, at a validation loss of {loss:.3f}. {zeros} of its weights are exactly "
            "0, another {near} nearly."
        ).format(**values)
    return _("{how} the network hears {heard}. {zeros} of its weights are exactly 0, another {near} nearly.").format(**values)


def _shares(run: Run) -> dict[str, str]:
    last = run.rows[-1]
    return {
        "heard": _("{share} of unseen speakers' words").format(share=percent(last["val_accuracy"])),
        "zeros": percent(last["exact_zero_fraction"]),
        "near": percent(last["near_zero_fraction"] - last["exact_zero_fraction"]),
    }
