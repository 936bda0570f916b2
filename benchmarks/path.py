"""A λ path against what it replaces: a cold run at every λ, one after the other and on two processes, and the same in Keras.

    python benchmarks/path.py CORPUS [--stops N] [--seeds N] [--keras-python PATH] [--split recordings] …

Warm and cold validation loss, accuracy and exact zeros are printed for each λ with their standard errors over the seeds, then the
seconds of training, and the bars that the lab sets itself. Times are of processes that each use one thread.
"""

import argparse
import contextlib
import os
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))
os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
from training import keras_epoch

from l1demo import intervals, tasks
from l1demo import path as lam_path
from l1demo.commands import settings
from l1demo.path import Plan
from l1demo.spec import RunSpec

MOST_OF_COLD = 0.5  # of the cold runs' seconds, that a path may take
ZEROS = 0.85  # of the weights, that some λ must leave at exactly 0 within one standard error of the best accuracy


def main() -> int:
    options = _options()
    spec = RunSpec().with_values(
        corpus=options.corpus,
        split=options.split,
        augment=options.augment,
        epochs=options.epochs,
        hidden=options.hidden,
        batch=options.batch,
    )
    words = len(tasks.division_of(spec).train.words)
    plan = Plan(spec, lam_path.stops(spec, words, options.stops), options.seeds)
    size, lams = lam_path.weights_of(spec, words), (0.0, *plan.lams)

    warm_rows = [_train(path) for path in plan.paths]
    warm = lam_path.gather(lams, [lam_path.at_stops(path, rows) for path, rows in zip(plan.paths, warm_rows, strict=True)], size)
    cold_rows = [[_train(run) for run in same] for same in plan.cold]  # [λ][seed]
    by_seed = [[(lam, rows[k][-1]) for lam, rows in zip(lams, cold_rows, strict=True)] for k in range(options.seeds)]
    cold = lam_path.gather(lams, by_seed, size)

    seconds = {"λ path": [_seconds(rows) for rows in warm_rows]}
    one = [[_seconds(rows) for rows in same] for same in cold_rows]  # [λ][seed]
    seconds["cold runs, one after the other"] = [sum(each[k] for each in one) for k in range(options.seeds)]
    if options.processes > 1:
        seconds[f"cold runs on {options.processes} processes"] = [_beside(plan, options.processes)]
    if keras := _keras(spec, options, len(lams)):
        seconds["Keras, one after the other"] = [keras]
    return report(warm, cold, seconds)


def report(warm: lam_path.Path, cold: lam_path.Path, seconds: dict[str, list[float]]) -> int:
    """Print the tables and the bars; return 0 when every bar is met."""
    print(f"\n{'λ':>9}{'warm loss':>19}{'cold loss':>19}{'warm acc':>9}{'cold acc':>9}{'warm 0':>8}{'cold 0':>8}")
    worse = []
    for i, lam in enumerate(warm.lams):
        (a, error_a), (b, error_b) = ((_at(path.val_loss, i)) for path in (warm, cold))
        if a - b > error_b:
            worse.append(f"{lam:g}")
        others = [_at(values, i)[0] for path in ("val_accuracy", "zeros") for values in (getattr(warm, path), getattr(cold, path))]
        print(
            f"{lam:9.2g}{a:10.4f} ±{error_a:.4f} {b:10.4f} ±{error_b:.4f} " + "".join(f"{part:8.1%}" for part in others),
        )
    first = np.mean(seconds["λ path"])
    print(f"\n{'seconds of training, mean over the seeds':44}{'':>4}times the path's")
    for name, values in seconds.items():
        print(f"{name:40}{np.mean(values):8.1f}{np.mean(values) / first:12.2f}")
    best = intervals.best(-warm.val_accuracy)
    middle, zeros = intervals.mean(warm.val_accuracy), intervals.mean(warm.zeros)
    assert best is not None
    bar = middle[best] - intervals.standard_error(warm.val_accuracy)[best]
    sparsest = float(zeros[middle >= bar].max())
    share = first / np.mean(seconds["cold runs, one after the other"])
    bars = [
        (f"the path takes at most {MOST_OF_COLD:.0%} of the cold runs' seconds", f"{share:.0%}", share <= MOST_OF_COLD),
        ("its loss is nowhere worse by more than the cold run's standard error", ", ".join(worse) or "nowhere", not worse),
        (
            f"some λ has {ZEROS:.0%} exact zeros within one standard error of the best accuracy",
            f"{sparsest:.1%}",
            sparsest >= ZEROS,
        ),
    ]
    print()
    for sentence, value, met in bars:
        print(f"{sentence}: {value}, {'met' if met else 'NOT met'}")
    return 0 if all(met for *_rest, met in bars) else 1


def _train(spec: RunSpec) -> list[dict]:
    import torch

    torch.set_num_threads(1)
    return settings.trained(spec)[0]


def _seconds(rows: list[dict]) -> float:
    return sum(row["seconds"] for row in rows)


def _at(values: np.ndarray, i: int) -> tuple[float, float]:
    return float(intervals.mean(values)[i]), float(intervals.standard_error(values)[i])


def _beside(plan: Plan, processes: int) -> float:
    """Seconds for the cold runs of the first seed, spread over processes that have their clips in memory."""
    with ProcessPoolExecutor(processes) as pool:
        list(pool.map(settings.dataset_of, [plan.settings] * processes))
        started = time.perf_counter()
        list(pool.map(_train, [same[0] for same in plan.cold]))
        return time.perf_counter() - started


def _keras(spec: RunSpec, options: argparse.Namespace, runs: int) -> float | None:
    """Seconds that Keras would take for the cold runs of one seed: two epochs are timed after two that compile."""
    with contextlib.ExitStack() as stack:
        if not (epoch := stack.enter_context(keras_epoch(spec, settings.dataset_of(spec), options))):
            return None
        for _warm_up in range(2):
            epoch()
        started = time.perf_counter()
        for _timed in range(2):
            epoch()
        return (time.perf_counter() - started) / 2 * spec.training.epochs * runs


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("corpus", help="a built-in corpus, or a folder or ZIP of clips")
    parser.add_argument("--stops", type=int, default=lam_path.FEWEST)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--split", default="recordings")
    parser.add_argument("--augment", action=argparse.BooleanOptionalAction, default=False)
    parser.add_argument("--epochs", type=int, default=20, help="of a cold run")
    parser.add_argument("--hidden", type=int, default=64)
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--processes", type=int, default=2, help="for the cold runs beside each other; 1 leaves them out")
    parser.add_argument("--threads", type=int, default=1, help="of Keras")
    parser.add_argument("--keras-python", default=sys.executable, help="the Python that has TensorFlow")
    options = parser.parse_args()
    if options.seeds < 2:
        parser.error("a standard error needs two seeds or more")
    return options


if __name__ == "__main__":
    sys.exit(main())
