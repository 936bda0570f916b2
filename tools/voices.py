"""The table of voices: engine, Debian package, licence, and the command by which each one speaks.

Which takes become clips is ``render_digits``'s.
"""

import subprocess
import tempfile
import zlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile
from spellings import SPELLINGS

from l1demo.synthesis import NO_PEOPLE, Take, draw_take, settings

PERMISSIVE = "BSD-like (CMU/CSTR)"


@dataclass(frozen=True)
class Voice:
    """One speaker.

    Attributes
    ----------
    name : str
        ``engine-who``, unique.
    engine, package, licence : str
        As the data card states them; the licence is the one in the Debian package's copyright file.
    who : str
        The engine's own name of the voice.
    language : str
        Whose spelling it reads.
    human : str
        The person whose recordings the voice was made from; the engine's name where there was none.
    takes : int
        Renderings of each word.
    """

    name: str
    engine: str
    package: str
    licence: str
    who: str
    language: str
    human: str
    takes: int


_FESTIVAL = (  # voice, language, package, licence, human
    ("kal_diphone", "en", "festvox-kallpc16k", PERMISSIVE, "kal"),
    ("ked_diphone", "en", "festvox-kdlpc16k", PERMISSIVE, "ked"),
    ("cmu_us_slt_arctic_hts", "en", "festvox-us-slt-hts", PERMISSIVE, "slt"),
    ("czech_dita", "cs", "festvox-czech-dita", "GPL-3+", "dita"),
    ("czech_krb", "cs", "festvox-czech-krb", "GPL-3+", "krb"),
    ("czech_machac", "cs", "festvox-czech-machac", "GPL-3+", "machac"),
    ("czech_ph", "cs", "festvox-czech-ph", "GPL-2+", "ph"),
    ("lp_diphone", "it", "festvox-italp16k", "GPL-2+", "lp"),
    ("pc_diphone", "it", "festvox-itapc16k", "GPL-2+", "pc"),
    ("suo_fi_lj_diphone", "fi", "festvox-suopuhe-lj", "LGPL-2+", "lj"),
    ("hy_fi_mv_diphone", "fi", "festvox-suopuhe-mv", "LGPL-2+", "mv"),
    ("upc_ca_ona_hts", "ca", "festvox-ca-ona-hts", "LGPL-2.1+", "ona"),
    ("msu_ru_nsh_clunits", "ru", "festvox-ru", PERMISSIVE, "nsh"),
    ("telugu_NSK_diphone", "te", "festvox-te-nsk", "GPL-2+", "nsk"),
)
_FESTIVAL_CODES = {"cs": "iso8859-2", "fi": "latin-1", "it": "latin-1", "ca": "latin-1", "en": "ascii"}
_PAUSE_NAMES = {"#", "pau", "SIL", "_", "sil"}
_NOISY_PAUSES = {
    "telugu_NSK_diphone",
    "upc_ca_ona_hts",
}  # their silence is a recorded room, 25 dB below speech: cut by the engine's times
_PACE = {"telugu_NSK_diphone": 1.7}  # says a word in 0.2 s otherwise
_FLITE_PITCH = {"kal": 95.0, "kal16": 95.0, "awb": 120.0, "rms": 95.0, "slt": 170.0}
_ESPEAK_ENGLISH = ["en-us", "en-gb", "en-gb-scotland", "en-029", "en-gb-x-rp", "en-gb-x-gbclan", "en-gb-x-gbcwmd", "en-us-nyc"]
_ESPEAK_NAMES = {"fr": "fr-fr"}


def voices() -> list[Voice]:
    """Return every voice, in a fixed order."""
    return [*_festival(), *_flite(), *_espeak()]


def speak(voice: Voice, takes: list[tuple[str, Take]]) -> list[tuple[np.ndarray, int] | None]:
    """Render words in one voice.

    Parameters
    ----------
    voice : Voice
    takes : list of (str, Take)
        Text in the voice's spelling, and how to say it.

    Returns
    -------
    list of (np.ndarray float32 (n,), int) or None
        Samples and rate; None where the engine gave nothing. ``size`` is left to the caller.
    """
    with tempfile.TemporaryDirectory() as folder:
        files = [Path(folder) / f"{i}.wav" for i in range(len(takes))]
        _ENGINES[voice.engine](voice, takes, files)
        return [_read(file) for file in files]


def text(voice: Voice, word: int, take: int) -> str:
    """Return how a word is written for a voice; an English person's last takes are those of somebody who learned English late."""
    accented = voice.language == "en" and voice.human != "espeak" and 3 * take >= 2 * voice.takes
    return SPELLINGS["en-learner" if accented else voice.language][word]


def draw_takes(voice: Voice, word: int) -> list[Take]:
    """Return the takes of a word; a person's first is the voice as it is."""
    rng = np.random.default_rng(zlib.crc32(f"{voice.name} {word}".encode()))
    drawn = [draw_take(rng) for _ in range(voice.takes)]
    return drawn if voice.human == "espeak" else [Take(1.0, 1.0, 1.0), *drawn[1:]]


def _read(file: Path) -> tuple[np.ndarray, int] | None:
    if not file.exists() or file.stat().st_size < 1000:
        return None
    samples, rate = soundfile.read(file, dtype="float32", always_2d=True)
    return samples[:, 0], rate


def _festival() -> list[Voice]:
    return [
        Voice(f"festival-{who}", "Festival", package, licence, who, language, human, 9)
        for who, language, package, licence, human in _FESTIVAL
    ]


def _flite() -> list[Voice]:
    return [
        Voice(f"flite-{who}", "Flite", "libflite1", PERMISSIVE, who, "en", "kal" if who == "kal16" else who, 9)
        for who in ("kal16", "awb", "rms", "slt")
    ]


def _espeak() -> list[Voice]:
    listed = subprocess.run(["espeak-ng", "--voices=variant"], capture_output=True, text=True, check=True).stdout
    variants = sorted({line.split("!v/")[1].split("  ")[0].strip() for line in listed.splitlines() if "!v/" in line} - NO_PEOPLE)
    foreign = [_ESPEAK_NAMES.get(code, code) for code in SPELLINGS if not code.startswith("en")]
    languages = [_ESPEAK_ENGLISH[i % len(_ESPEAK_ENGLISH)] for i in range(len(variants))] + foreign
    whos = [f"{language}+{variants[i % len(variants)]}" for i, language in enumerate(languages)]
    rows = []
    for who in dict.fromkeys(whos):
        language = who.split("+")[0]
        spelling = "en" if language.startswith("en") else language.split("-")[0]
        takes = 2 if spelling == "en" else 1  # more foreign accents than these made people of every kind harder to understand
        name = f"espeak-{who.replace(' ', '-')}"
        rows.append(Voice(name, "eSpeak NG", "espeak-ng-data", "GPL-3+", who, spelling, "espeak", takes))
    return rows


def _run_festival(voice: Voice, takes: list[tuple[str, Take]], files: list[Path]) -> None:
    pairs = list(zip(takes, files, strict=True))
    _festival_batch(voice, pairs)
    for pair in pairs:
        if not pair[1].exists():  # a word that ends the process took the words after it along
            _festival_batch(voice, [pair])
    if voice.who in _NOISY_PAUSES:
        for file in files:
            _cut_pauses(file)


def _festival_batch(voice: Voice, pairs: list[tuple[tuple[str, Take], Path]]) -> None:
    program = pairs[0][1].with_suffix(".scm")
    lines = [f"(voice_{voice.who})"]
    for (text, take), file in pairs:
        lines.append(f"(Parameter.set 'Duration_Stretch {take.stretch * _PACE.get(voice.who, 1.0):.4f})")
        lines.append(
            f'(unwind-protect (begin (set! u (Utterance Text "{text}")) (utt.synth u) (utt.save.wave u "{file}" \'riff)'
            f' (utt.save.segs u "{file.with_suffix(".segments")}")) nil)'
        )
    program.write_bytes("\n".join(lines).encode(_FESTIVAL_CODES.get(voice.language, "utf-8")))
    subprocess.run(["festival", "-b", str(program)], capture_output=True, check=False)


def _cut_pauses(file: Path) -> None:
    segments = file.with_suffix(".segments")
    if not file.exists() or not segments.exists():
        return
    rows = [
        line.split() for line in segments.read_text(errors="replace").splitlines() if line[:1] in " 0123456789" and line.strip()
    ]
    names, ends = [row[-1] for row in rows], [float(row[0]) for row in rows]
    spoken = [i for i, name in enumerate(names) if name not in _PAUSE_NAMES]
    if not spoken:
        return
    samples, rate = soundfile.read(file, dtype="float32")
    start = ends[spoken[0] - 1] if spoken[0] else 0.0
    soundfile.write(file, samples[int(start * rate) : int(ends[spoken[-1]] * rate)], rate)


def _run_flite(voice: Voice, takes: list[tuple[str, Take]], files: list[Path]) -> None:
    for (text, take), file in zip(takes, files, strict=True):
        pitch = _FLITE_PITCH[voice.who] * take.pitch
        settings = ["--setf", f"duration_stretch={take.stretch:.4f}", "--setf", f"int_f0_target_mean={pitch:.1f}"]
        subprocess.run(["flite", "-voice", voice.who, *settings, "-t", text, "-o", str(file)], check=True)


def _run_espeak(voice: Voice, takes: list[tuple[str, Take]], files: list[Path]) -> None:
    for (text, take), file in zip(takes, files, strict=True):
        speed, pitch = settings(take)
        subprocess.run(["espeak-ng", "-v", voice.who, "-s", str(speed), "-p", str(pitch), "-w", str(file), text], check=True)


_ENGINES = {"Festival": _run_festival, "Flite": _run_flite, "eSpeak NG": _run_espeak}
