"""Write docs/data-card.md from the packed corpus, so that its counts cannot go stale. ``render_digits`` calls it last."""

import subprocess
from pathlib import Path

import numpy as np
from spellings import SPELLINGS

from l1demo.corpora import RATE, builtin

CARD = Path(__file__).parents[1] / "docs" / "data-card.md"
PACKAGES = "espeak-ng flite festival festlex-cmu festlex-poslex festival-ca festival-czech festival-te"

TEMPLATE = Path(__file__).with_name("data_card.md")


def write(rendered: int, heard: int) -> None:
    """Write the card of the corpus that lies packed; ``rendered`` and ``heard`` count clips before and after the filter."""
    corpus, everyone = builtin.load(), builtin.voices()
    count = np.bincount(corpus.voices, minlength=len(everyone))
    humans = [(v, n) for v, n in zip(everyone, count, strict=True) if v.engine != "eSpeak NG"]
    machines = [(v, n) for v, n in zip(everyone, count, strict=True) if v.engine == "eSpeak NG"]
    by_language: dict[str, list] = {language: [] for language in SPELLINGS}
    for v, n in machines:
        by_language[v.language].append((v.name.removeprefix("espeak-"), n))
    packages = sorted({(v.package, v.licence, v.engine) for v in everyone})
    CARD.parent.mkdir(exist_ok=True)
    CARD.write_text(
        TEMPLATE.read_text(encoding="utf-8").format(
            voices=len(everyone),
            clips=len(corpus),
            minutes=len(corpus.samples) / RATE / 60,
            ogg=builtin.sound_of("digits").stat().st_size,
            json=builtin.index_of("digits").stat().st_size,
            humans=len(humans),
            people=len({v.human for v, _n in humans}),
            women=len({v.human for v, _n in humans} & {"slt", "dita", "lp", "lj", "ona"}),
            espeak=len(machines),
            takes=int(corpus.takes.max()) + 1,
            peak=0.6,
            dropped=rendered - heard,
            rendered=rendered,
            packages=" ".join([PACKAGES, *sorted({v.package for v, _n in humans if v.package.startswith("festvox")})]),
            package_table=table(
                ["Package", "Version", "Engine", "Licence"], [[p, version(p), engine, licence] for p, licence, engine in packages]
            ),
            human_table=table(
                ["Voice", "Engine", "Package", "Licence", "Spelling", "Person", "Clips"],
                [[v.name, v.engine, v.package, v.licence, v.language, v.human, n] for v, n in humans],
            ),
            espeak_version=version("espeak-ng-data"),
            espeak_table=table(
                ["Spelling", "Voices (language + variant)", "Clips"],
                [[k, ", ".join(name for name, _n in rows), sum(n for _name, n in rows)] for k, rows in by_language.items() if rows],
            ),
            word_table=table(list(corpus.words), [np.bincount(corpus.labels).tolist()]),
        ),
        encoding="utf-8",
    )


def version(package: str) -> str:
    return subprocess.run(["dpkg-query", "-W", "-f=${Version}", package], capture_output=True, text=True, check=True).stdout


def table(head: list[str], rows: list[list]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(str(cell) for cell in line) + " |" for line in lines)
