"""Named descriptions of runs, to start from."""

from l1demo.spec import RunSpec

PRESETS: dict[str, RunSpec] = {
    "quick": RunSpec(),
    # hears people whom it never met: benchmarks/strangers.py, and docs/measurements.md on what each of its settings gives
    "strangers": RunSpec().with_values(
        corpus="digits-wide", mels=24, hidden=96, epochs=50, ends="quiet", stress=6.0, silence=0.48, frame_noise=0.4, lam=0.0
    ),
    # more units than it needs, of which group lasso takes most: benchmarks/payoff.py
    "units": RunSpec().with_values(hidden=128, epochs=40, penalty="group", lam=3e-4, split="recordings", augment=False),
    # as an article on L1 in speech recognition has them, its formula taken at its word: l1demo/article.py
    "article": RunSpec().with_values(
        mels=128, hidden=256, layers=2, lam=0.01, method="subgradient", lr=0.001, batch=32, epochs=10, free_epochs=0, augment=False
    ),
}
