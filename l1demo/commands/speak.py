"""``python -m l1demo speak``: any words as a corpus, which the lab keeps and every other command takes by its name."""

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from l1demo import shelf, synthesis_tasks
from l1demo.commands import settings
from l1demo.job_tasks import Tell
from l1demo.text import _


def add(commands: Any) -> None:
    """Add the command to the program's parser."""
    command = commands.add_parser("speak", help=_("have words spoken in many voices, as a corpus to train on"))
    command.set_defaults(run=speak)
    command.add_argument("words", nargs="+", metavar="WORD")
    command.add_argument("--language", default="en", metavar="CODE", help=_("as en, cmn or gmw/en-US (default: en)"))
    command.add_argument("--takes", type=int, default=synthesis_tasks.TAKES, help=_("how often each voice says each word"))
    settings.add_json(command)


def speak(options: argparse.Namespace) -> None:
    """Have words spoken and say under which name they are kept.

    Raises
    ------
    LabError
        When they cannot be spoken, or not be kept.
    """
    words = synthesis_tasks.split_words(", ".join(options.words))
    name = synthesis_tasks.speak_words(Tell(_show, lambda: False, Path()), words, options.language, options.takes)
    about = shelf.about(name)
    if options.json:
        facts = {
            "name": name,
            "words": about.words,
            "speakers": len(about.speakers),
            "clips": about.clips,
            "seconds": about.seconds,
        }
        print(json.dumps(facts | {"skipped": about.skipped}, ensure_ascii=False))
        return
    for sentence in about.skipped:
        print(sentence)
    print(
        _("{title}: {clips:,} clips of {n} voices. Train on it: python -m l1demo train --corpus {name}").format(
            title=about.title, clips=about.clips, n=len(about.speakers), name=name
        )
    )


def _show(_fraction: float | None, sentence: str) -> None:
    if sys.stderr.isatty():
        print(f"\r{sentence}\x1b[K", end="\r", file=sys.stderr, flush=True)
