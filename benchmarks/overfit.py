"""In how many seeds does L1 help? The Overfit page's default demo, or another experiment of it, seed by seed.

    python benchmarks/overfit.py --seeds 10
    python benchmarks/overfit.py --experiment voices --seeds 3
    python benchmarks/overfit.py --corpus FSDD.zip

Everything runs in this process on one thread; the seconds are those of the processor for the three runs of a seed.
"""

import argparse
import os
import statistics
import sys
import time
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")  # as in the workers; before torch is imported
sys.path.insert(0, str(Path(__file__).parents[1]))

from l1demo import corpora, overfit, training
from l1demo.corpora.division import divide
from l1demo.spec import RunSpec

MOST = 0.9  # of the seeds, in which the validation loss with λ must be the lower one


def main() -> int:
    parser = argparse.ArgumentParser(description="In how many seeds does L1 help?")
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--corpus", default="digits")
    parser.add_argument("--experiment", choices=list(overfit.EXPERIMENTS), default="wrong")
    parser.add_argument("--lam", type=float)
    options = parser.parse_args()
    spec = overfit.EXPERIMENTS[options.experiment].with_values(corpus=options.corpus)
    spec = spec if options.lam is None else spec.with_values(lam=options.lam)
    corpus = corpora.load(options.corpus)
    lams = [each.lam for each in overfit.trio(spec)]
    print("seed  " + "".join(f"{f'λ={lam:g}':>26}" for lam in lams) + "   lower by  seconds")
    print("      " + f"{'val loss   acc.  zeros':>26}" * len(lams))
    better, seconds = [], []
    for seed in range(options.seeds):
        started = time.process_time()
        rows = train(spec.with_values(seed=seed), corpus)
        seconds.append(time.process_time() - started)
        better.append(rows[0]["val_loss"] - rows[1]["val_loss"])
        cells = "".join(f"{row['val_loss']:>12.3f} {row['val_accuracy']:>6.1%} {row['exact_zero_fraction']:>6.1%}" for row in rows)
        seen = "".join(f"  seen {row['seen_accuracy']:.1%}" for row in rows[:1] if "seen_accuracy" in row)
        print(f"{seed:>4}  {cells} {better[-1]:>+10.3f} {seconds[-1]:>8.1f}{seen}", flush=True)
    helped = sum(each > 0 for each in better)
    print(
        f"λ = {lams[1]:g} had the lower validation loss in {helped} of {len(better)} seeds, by {statistics.mean(better):.3f} "
        f"on average; {statistics.mean(seconds):.1f} s of one processor for the three"
    )
    met = helped >= MOST * len(better)
    print(f"it has it in {MOST:.0%} of the seeds or more: {'met' if met else 'NOT met'}")
    return 0 if met else 1


def train(spec: RunSpec, corpus: corpora.Corpus) -> list[dict]:
    """Return the last rows of the three runs of a seed."""
    data = training.prepare(divide(corpus, spec.corpus, spec.seed), spec)
    return [list(training.train(each, data))[-1] for each in overfit.trio(spec)]


if __name__ == "__main__":
    sys.exit(main())
