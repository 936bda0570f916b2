"""The one door for sentences that a visitor reads: English is the key, a gettext catalogue translates it."""

import gettext
import re
from pathlib import Path

_catalogue = gettext.translation("l1demo", Path(__file__).parent / "locale", fallback=True)


def _(sentence: str) -> str:
    """Translate a sentence into the visitor's language; English where the catalogue has none."""
    return _catalogue.gettext(sentence)


def N_(sentence: str) -> str:
    """Mark a sentence for translation where it is declared; ``_`` translates it where it is shown."""
    return sentence


def plain(text: str) -> str:
    """Return what a person typed so that Markdown shows it as it is: no link, no picture, no emphasis."""
    return re.sub(r"([!-/:-@\[-`{-~])", r"\\\1", text)
