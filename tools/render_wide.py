"""Render what ``digits-wide`` adds to the built-in digits: more voices made from people say every word.

Run from the repository's root on Debian 12 with the packages and engines that docs/data-card-wide.md names::

    python tools/render_wide.py ENGINES
"""

import argparse
import sys
import tempfile
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))

import data_card_wide
from intelligibility import broken, confidence
from render_digits import Rendering, write
from spellings import WORDS
from voices import Voice, draw_takes
from wide_voices import everyone, speak, text

from l1demo.corpora import builtin
from l1demo.synthesis import polish


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("engines", type=Path, help="the folder that the engines were installed to")
    engines = parser.parse_args().engines.resolve()
    renderings = [r for voice in everyone() for r in render(voice, engines)]
    heard = intelligible(renderings)
    print(f"{len(renderings)} clips rendered, {len(heard)} of them intelligible")
    write(heard, "digits-wide")
    data_card_wide.write(engines, rendered=len(renderings), heard=len(heard))


def render(voice: Voice, engines: Path) -> list[Rendering]:
    """Let a voice say every word as often as it has takes; what is too long or too short for a word is left out."""
    wanted = [(word, i, take) for word in range(len(WORDS)) for i, take in enumerate(draw_takes(voice, word))]
    with tempfile.TemporaryDirectory() as scratch:
        spoken = speak(voice, [(text(voice, word, i), take) for word, i, take in wanted], engines, Path(scratch))
    polished = [(word, i, polish(*sound, take)) for (word, i, take), sound in zip(wanted, spoken, strict=True)]
    return [Rendering(voice, word, i, samples) for word, i, samples in polished if samples is not None]


def intelligible(renderings: list[Rendering]) -> list[Rendering]:
    """Leave out as ``render_digits`` does; the recognisers that judge learn from the voices of ``digits``, too."""
    digits, known = builtin.load(), builtin.voices()
    people = [known[v].human if known[v].engine != "eSpeak NG" else f"{known[v].human} {known[v].language}" for v in digits.voices]
    sure = confidence(
        [*(digits.clip(i) for i in range(len(digits))), *(r.samples for r in renderings)],
        np.concatenate([digits.labels, [r.word for r in renderings]]),
        [*people, *(r.voice.human for r in renderings)],
        len(WORDS),
    )[len(digits) :]
    bad = broken(sure, [(r.voice.name, r.word) for r in renderings], len(WORDS))
    return [r for r, lost in zip(renderings, bad, strict=True) if r.voice.language == "en" or not lost]


if __name__ == "__main__":
    main()
