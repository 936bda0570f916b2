"""How well a preset hears people it never met: trained on the built-in voices, tested on another corpus, start to end.

    python benchmarks/strangers.py ../shared/data/fsdd-4-speakers.zip --preset strangers --seeds 3

Every run is a process of its own through the public command line, so the seconds hold everything:
imports, loading, features, training.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).parents[1]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("test", type=Path, help="a folder or ZIP of {label}_{speaker}_{index}.wav")
    parser.add_argument("--preset", default="quick")
    parser.add_argument("--seeds", type=int, default=3)
    options, settings = parser.parse_known_args()  # the rest goes to the command line as it stands: --epochs 30
    rows = [run(options.preset, options.test, seed, settings) for seed in range(options.seeds)]
    for row in rows:
        print("seed {seed}: {accuracy:.1%} right, {zeros:.1%} zeros, {seconds:.1f} s".format(**row))
    accuracies, seconds = [row["accuracy"] for row in rows], [row["seconds"] for row in rows]
    print(
        f"{options.preset}: mean {statistics.mean(accuracies):.1%}, worst {min(accuracies):.1%}, "
        f"slowest {max(seconds):.1f} s on one thread"
    )


def run(preset: str, test: Path, seed: int, settings: list[str]) -> dict[str, float]:
    """Train once; return the seed, the accuracy on ``test``, the fraction of exact zeros, and the whole process's seconds."""
    command = [sys.executable, "-m", "l1demo", "train", "--preset", preset, "--test", str(test.resolve()), "--json"]
    command += ["--seed", str(seed), *settings]
    started = time.perf_counter()
    done = subprocess.run(
        command, cwd=ROOT, env=os.environ | {"OMP_NUM_THREADS": "1"}, stdout=subprocess.PIPE, text=True, check=True
    )
    seconds = time.perf_counter() - started
    summary = json.loads(done.stdout.splitlines()[-1])["summary"]
    return {
        "seed": seed,
        "accuracy": summary["val_accuracy"],
        "zeros": summary["exact_zero_fraction"],
        "seconds": seconds,
    }


if __name__ == "__main__":
    main()
