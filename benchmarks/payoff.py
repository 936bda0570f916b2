"""What L1 and group lasso buy at equal accuracy: exact zeros, units removed, bytes in each form, and the time of one clip.

    python benchmarks/payoff.py [digits|PATH] [--seeds N] [--l1 λ …] [--group λ …] [NAME=VALUE …]
    python benchmarks/payoff.py ../shared/data/fsdd-4-speakers.zip

Every λ of both penalties is trained from the same starts with the settings of the preset "units", changed by NAME=VALUE. Of each
penalty the largest λ is taken whose accuracy is within one standard error of the best of all; what it buys is printed, and whether
group lasso removes half of the units and its cut network is faster.
"""

import argparse
import math
import statistics
import sys
import time
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

import numpy as np
import torch

from l1demo import checkpoint, corpora, features, forms, payoff, sparsity, training
from l1demo.corpora.division import divide
from l1demo.model import Recogniser
from l1demo.presets import PRESETS
from l1demo.spec import RunSpec

LAMS = {"l1": (3e-4, 1e-3, 2e-3), "group": (3e-4, 5e-4, 7e-4, 1e-3)}
LEAST_REMOVED = 0.5  # of the hidden units, by group lasso


@dataclass(frozen=True)
class Outcome:
    """What came of one λ over all seeds."""

    kind: str
    lam: float
    accuracy: float  # mean over the seeds, as the two below
    zeros: float
    left: float  # units that reach a word
    model: Recogniser  # the first seed's


def main() -> int:
    options = _options()
    torch.set_num_threads(1)
    base = RunSpec.from_query(
        PRESETS["units"].to_query() | {"corpus": options.corpus} | dict(s.split("=", 1) for s in options.settings)
    )
    corpus = corpora.load(base.corpus.name)
    data = training.prepare(divide(corpus, base.corpus, base.seed), base)
    clips, units = len(data.validation), base.model.hidden * base.model.layers
    print(f"{corpus.name}: {len(data.train):,} clips to train on, {clips:,} to validate on; {units} units, {options.seeds} seeds")
    outcomes = [outcome(base.with_values(penalty="none", lam=0.0), data, options.seeds)]
    for kind in LAMS:
        outcomes += [outcome(base.with_values(penalty=kind, lam=lam), data, options.seeds) for lam in getattr(options, kind)]
    best = max(each.accuracy for each in outcomes)
    error = math.sqrt(best * (1 - best) / clips)
    print(f"\nbest accuracy {best:.2%}, its standard error over {clips} clips {error:.2%}")
    chosen = {}
    for kind in LAMS:
        good = [each for each in outcomes if each.kind == kind and each.accuracy >= best - error]
        if not good:
            print(f"no λ of {kind} is within one standard error of it")
            return 1
        chosen[kind] = max(good, key=lambda each: each.lam)
    length = data.validation.lengths[:1]
    clip = features.normalise(data.validation.x[:1, : int(length)], length)
    return report(chosen, clip, units)


def outcome(spec: RunSpec, data: training.Dataset, seeds: int) -> Outcome:
    """Train a description from each seed, and print a line on it."""
    started = time.perf_counter()
    rows, models = [], []
    for seed in range(seeds):
        begun = spec.with_values(seed=seed)
        state = checkpoint.begin(begun, len(data.words))
        rows.append(list(training.train(begun, data, state))[-1])
        models.append(state.model.eval())
    left = [sum(int(used.sum()) for used in sparsity.used_units(model)) for model in models]
    accuracy, zeros = (statistics.mean(row[name] for row in rows) for name in ("val_accuracy", "exact_zero_fraction"))
    print(
        f"{spec.penalty.kind:6} λ {spec.lam:<8g} accuracy {accuracy:.2%}, exact zeros {zeros:.1%}, units left {left}, "
        f"{time.perf_counter() - started:.0f} s",
        flush=True,
    )
    return Outcome(spec.penalty.kind, spec.lam, accuracy, zeros, statistics.mean(left), models[0])


def report(chosen: dict[str, Outcome], x: torch.Tensor, units: int) -> int:
    """Print what each penalty buys, and the bars; return 0 when they are met."""
    faster = False
    for kind, each in chosen.items():
        small = payoff.cut(each.model)[0]
        print(
            f"\n{kind}, λ = {each.lam:g}: accuracy {each.accuracy:.2%}, zeros {each.zeros:.1%}, units left {each.left:g} of {units}"
        )
        matrices = forms.matrices(each.model)
        sizes = {form: len(forms.pack(form, matrices)) for form in forms.FORMS} | {
            "cut": len(forms.pack("dense", forms.matrices(small)))
        }
        print("  bytes: " + ", ".join(f"{form} {size:,}" for form, size in sizes.items()))
        ways = {
            "dense": payoff.fused(each.model),
            "cut": payoff.fused(small),
            "loop dense": payoff.written_out(each.model, sparse=False),
            "loop csr": payoff.written_out(each.model, sparse=True),
        }
        ms = payoff.latencies(ways, x, rounds=300)
        for way, taken in ms.items():
            low, middle, high = np.quantile(taken, (0.25, 0.5, 0.75))
            print(f"  {way:10} {middle:.3f} ms for one clip of {x.shape[1]} frames (quartiles {low:.3f} to {high:.3f})")
        low, middle, high = np.quantile(ms["dense"] / ms["cut"], (0.25, 0.5, 0.75))
        print(f"  cut is {middle:.2f} times as fast as dense (quartiles {low:.2f} to {high:.2f})")
        faster = bool(low > 1)
    removed = 1 - chosen["group"].left / units
    print(f"\ngroup lasso removes at least {LEAST_REMOVED:.0%} of the units: {removed:.0%}, {_met(removed >= LEAST_REMOVED)}")
    print(f"its cut network is faster in three of four rounds: {_met(faster)}")
    return 0 if faster and removed >= LEAST_REMOVED else 1


def _met(bar: bool) -> str:
    return "met" if bar else "NOT met"


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("corpus", nargs="?", default="digits", help="a built-in corpus, or a folder or ZIP of clips")
    parser.add_argument("settings", nargs="*", metavar="NAME=VALUE", help="controls as in an address")
    parser.add_argument("--seeds", type=int, default=1)
    for kind, lams in LAMS.items():
        parser.add_argument(f"--{kind}", type=float, nargs="+", default=lams, metavar="λ")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
