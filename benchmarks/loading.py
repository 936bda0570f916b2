"""How long a corpus of one's own takes from a ZIP or folder to features, and how much memory it needs.

    python benchmarks/loading.py
    python benchmarks/loading.py --clips 3000 --many 20000 --rate 16000 --repeats 5

The recordings are the built-in digits, written as WAV. Beside ours stands what one would write instead: a loop of soundfile and
torchaudio's MelSpectrogram over the folder's files, which checks nothing, trims nothing and names nothing. Each timing is a process
of its own with one thread of torch, as the workers have; its seconds begin after the imports, and those of the processor stand
beside those of the clock.
"""

import argparse
import io
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--clips", type=int, default=3000, help="of the timing")
    parser.add_argument("--many", type=int, default=20_000, help="of the memory; 0 for none")
    parser.add_argument("--rate", type=int, default=8000, help="Hz of the files")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--measure", nargs=2, metavar=("WAY", "PATH"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.measure:
        print(json.dumps(measure(options.measure[0], Path(options.measure[1]))))
        return
    with tempfile.TemporaryDirectory() as folder:
        archive, files = Path(folder, "clips.zip"), Path(folder, "clips")
        write(archive, files, options.clips, options.rate)
        ways = {"our ZIP": ("ours", archive), "our folder": ("ours", files), "soundfile and MelSpectrogram": ("theirs", files)}
        rows: dict[str, list[dict[str, float]]] = {name: [] for name in ways}
        for _repeat in range(options.repeats):  # in turn, so that whatever else the machine does falls on all of them
            for name, (way, path) in ways.items():
                rows[name].append(in_a_process(way, path))
        report(rows, options.clips, options.rate)
        if options.many:
            many = Path(folder, "many.zip")
            write(many, None, options.many, options.rate)
            row = in_a_process("ours", many)
            print(
                f"{row['clips']:,.0f} clips from a ZIP: {row['peak']:,.0f} MB at most, of which {row['before']:,.0f} MB were there "
                f"before (Python, torch); loading alone {row['loaded']:,.0f} MB; {row['seconds']:.1f} s"
            )


def write(archive: Path, files: Path | None, count: int, rate: int) -> None:
    """Write clips of the built-in digits, again from the first where they are not enough, each with noise of its own."""
    if files:
        files.mkdir()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as out:
        for name, data in recordings(count, rate):
            out.writestr(name, data)
            if files:
                Path(files, name).write_bytes(data)


def recordings(count: int, rate: int) -> Iterator[tuple[str, bytes]]:
    import soundfile

    from l1demo import audio, corpora

    corpus, generator = corpora.load("digits"), np.random.default_rng(0)
    for k in range(count):
        i = k % len(corpus)
        samples = corpus.clip(i) + generator.integers(-2, 3, len(corpus.clip(i)))
        wave = np.clip(samples / 32768, -1, 1).astype(np.float32)
        data = io.BytesIO()
        soundfile.write(data, wave if rate == 8000 else audio.resample(wave, 8000, rate), rate, format="WAV", subtype="PCM_16")
        yield f"{corpus.words[corpus.labels[i]]}_{corpus.speakers[corpus.voices[i]].replace('_', '-')}_{k}.wav", data.getvalue()


def in_a_process(way: str, path: Path) -> dict[str, float]:
    command = [sys.executable, __file__, "--measure", way, str(path)]
    done = subprocess.run(command, env=os.environ | {"OMP_NUM_THREADS": "1"}, stdout=subprocess.PIPE, text=True, check=True)
    return json.loads(done.stdout)


def measure(way: str, path: Path) -> dict[str, float]:
    """Load a corpus and turn it into features; the seconds, and the megabytes of this process at their highest."""
    import resource

    import torchaudio

    from l1demo import features
    from l1demo.corpora import archive
    from l1demo.spec import FeatureSpec

    def peak() -> float:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (2**20 if sys.platform == "darwin" else 2**10)

    before, started, busy = peak(), time.perf_counter(), time.process_time()
    if way == "ours":
        corpus = archive.load(path)
        loaded, between = peak(), time.perf_counter()
        clips = len(features.frames([corpus.clip(i) for i in range(len(corpus))], corpus.labels, FeatureSpec()))
    else:
        import soundfile
        import torch

        loaded = between = 0.0
        mel = torchaudio.transforms.MelSpectrogram(8000, n_fft=256, win_length=200, hop_length=100, n_mels=40, center=False)
        words, found = {}, []
        for file in sorted(path.glob("*.wav")):
            samples, rate = soundfile.read(file, dtype="float32")
            wave = torchaudio.functional.resample(torch.from_numpy(samples), rate, 8000)[:9600]
            found.append((torch.log(mel(wave) + 1e-8).T, words.setdefault(file.name.split("_")[0], len(words))))
        clips = len(torch.nn.utils.rnn.pad_sequence([frames for frames, _label in found], batch_first=True))
    seconds, cpu = time.perf_counter() - started, time.process_time() - busy
    load = between - started if between else seconds
    return {"clips": clips, "seconds": seconds, "cpu": cpu, "load": load, "peak": peak(), "before": before, "loaded": loaded}


def report(rows: dict[str, list[dict[str, float]]], count: int, rate: int) -> None:
    print(f"{count:,} clips of {rate:,} Hz become features; seconds, best and median of {len(next(iter(rows.values())))}")
    theirs = statistics.median(row["cpu"] for row in rows["soundfile and MelSpectrogram"])
    for name, runs in rows.items():
        assert all(run["clips"] == count for run in runs), (name, [run["clips"] for run in runs])
        clock, cpu = [run["seconds"] for run in runs], [run["cpu"] for run in runs]
        print(f"{name:30s} {min(clock):6.2f} {statistics.median(clock):6.2f}", end="")
        print(f"   processor {min(cpu):6.2f} {statistics.median(cpu):6.2f}, {statistics.median(cpu) / theirs:.2f} of theirs")


if __name__ == "__main__":
    main()
