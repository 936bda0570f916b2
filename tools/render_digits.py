"""Render the built-in corpus: every voice says every word; what is no word is left out; the rest is trimmed and packed.

Run from the repository's root on Debian 12 with the packages that docs/data-card.md names::

    python tools/render_digits.py
"""

import argparse
import json
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import soundfile

sys.path.insert(0, str(Path(__file__).parents[1]))

import data_card
from intelligibility import broken, confidence
from spellings import WORDS
from voices import Voice, draw_takes, speak, text, voices

from l1demo.corpora import RATE, builtin
from l1demo.synthesis import polish

QUALITY = 0.6  # of Vorbis as libsndfile counts: 0 is the best, 1 the smallest


@dataclass(frozen=True)
class Rendering:
    """One word said once: ``samples`` is int16 (n,) at 8 kHz; ``take`` counts from 0 within its voice and word."""

    voice: Voice
    word: int
    take: int
    samples: np.ndarray


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--workers", type=int, default=2)
    options = parser.parse_args()
    everyone = voices()
    with ThreadPoolExecutor(options.workers) as pool:
        renderings = [r for of_voice in pool.map(render, everyone) for r in of_voice]
    heard = intelligible(renderings)
    print(f"{len(renderings)} clips rendered in {len(everyone)} voices, {len(heard)} of them intelligible")
    write(heard, "digits")
    data_card.write(rendered=len(renderings), heard=len(heard))


def render(voice: Voice) -> list[Rendering]:
    """Let a voice say every word as often as it has takes; what the engine cannot say is left out."""
    wanted = [(word, i, take) for word in range(len(WORDS)) for i, take in enumerate(draw_takes(voice, word))]
    spoken = speak(voice, [(text(voice, word, i), take) for word, i, take in wanted])
    renderings = []
    for (word, i, take), sound in zip(wanted, spoken, strict=True):
        samples = None if sound is None else polish(*sound, take)
        if samples is not None:
            renderings.append(Rendering(voice, word, i, samples))
    return renderings


def intelligible(renderings: list[Rendering]) -> list[Rendering]:
    """Leave out the words that a voice of another language makes unrecognisable; English voices need no proof of their English."""
    sure = confidence(
        [r.samples for r in renderings],
        np.array([r.word for r in renderings]),
        [f"{r.voice.human} {r.voice.language}" if r.voice.engine == "eSpeak NG" else r.voice.human for r in renderings],
        len(WORDS),
    )
    bad = broken(sure, [(r.voice.name, r.word) for r in renderings], len(WORDS))
    return [r for r, lost in zip(renderings, bad, strict=True) if r.voice.language == "en" or not lost]


def write(renderings: list[Rendering], part: str) -> None:
    """Pack clips into a part of the built-in corpora: ``part``.ogg, and what is known of them into ``part``.json."""
    speakers = list(dict.fromkeys(r.voice for r in renderings))
    number = {voice: i for i, voice in enumerate(speakers)}
    index = {
        "words": WORDS,
        "speakers": [{k: v for k, v in asdict(voice).items() if k not in ("who", "takes")} for voice in speakers],
        "labels": [r.word for r in renderings],
        "voices": [number[r.voice] for r in renderings],
        "takes": [r.take for r in renderings],
        "lengths": [len(r.samples) for r in renderings],
    }
    builtin.index_of(part).write_text(json.dumps(index, ensure_ascii=False, separators=(",", ":")) + "\n", encoding="utf-8")
    samples = np.concatenate([r.samples for r in renderings])
    with soundfile.SoundFile(builtin.sound_of(part), "w", RATE, 1, "VORBIS", format="OGG", compression_level=QUALITY) as file:
        for start in range(0, len(samples), RATE):  # libsndfile 1.2 overflows its stack on long blocks
            file.write(samples[start : start + RATE])
    make_repeatable(builtin.sound_of(part))


def make_repeatable(path: Path) -> None:
    """Give an Ogg file the serial number 1 instead of a random one, so that the same clips are the same bytes."""
    data = bytearray(path.read_bytes())
    at = 0
    while at < len(data):
        segments = data[at + 26]
        size = 27 + segments + sum(data[at + 27 : at + 27 + segments])
        data[at + 14 : at + 18] = (1).to_bytes(4, "little")
        data[at + 22 : at + 26] = bytes(4)
        data[at + 22 : at + 26] = _checksum(data[at : at + size]).to_bytes(4, "little")
        at += size
    path.write_bytes(data)


def _checksum(page: bytes) -> int:
    # RFC 3533: the polynomial 0x04c11db7, most significant bit first, no reflection
    register = 0
    for byte in page:
        register = ((register << 8) & 0xFFFFFFFF) ^ _CRC[(register >> 24) ^ byte]
    return register


def _crc_of(byte: int) -> int:
    register = byte << 24
    for _bit in range(8):
        register = (register << 1) ^ (0x104C11DB7 if register & 0x80000000 else 0)
    return register


_CRC = [_crc_of(byte) for byte in range(256)]

if __name__ == "__main__":
    main()
