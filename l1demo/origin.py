"""Where the clips of a run come from, in words that go with them and with what has learned from them: title, licence, source."""

from pathlib import Path

from l1demo import shelf
from l1demo.corpora import CorpusError
from l1demo.spec import CorpusSpec
from l1demo.text import _


def of(chosen: CorpusSpec) -> dict[str, str]:
    """Return ``title``, ``licence`` and ``source`` of a run's corpora, each empty where nothing is known."""
    names = dict.fromkeys(filter(None, (chosen.name, chosen.test, chosen.also)))
    each = [_of_one(name) for name in names]
    return {part: "; ".join(dict.fromkeys(filter(None, (one[part] for one in each)))) for part in ("title", "licence", "source")}


def _of_one(name: str) -> dict[str, str]:
    if name == "digits-wide":
        return {
            "title": _("the built-in digits of L1 Speech Lab with more people's voices, spoken by text-to-speech voices"),
            "licence": _("each voice's own, all of them free; they are in the lab's docs/data-card.md and docs/data-card-wide.md"),
            "source": "",
        }
    if name == "digits":
        return {
            "title": _("the built-in digits of L1 Speech Lab, spoken by text-to-speech voices"),
            "licence": _("GNU General Public Licence, version 3 or later; each voice's own is in the lab's docs/data-card.md"),
            "source": "",
        }
    if shelf.is_name(name):
        try:
            about = shelf.about(name)
        except CorpusError:  # of a run that was made elsewhere, or outlived its corpus
            return {"title": name, "licence": "", "source": ""}
        return {"title": about.title, "licence": about.licence, "source": about.source}
    return {"title": Path(name).name, "licence": "", "source": ""}
