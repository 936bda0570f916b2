"""``python -m l1demo corpora``: what can be trained on; downloads, a local archive, and what is deleted."""

import argparse
import json
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from l1demo import corpora, job_tasks, shelf
from l1demo.commands import settings
from l1demo.corpora import CorpusError, fsdd, speech_commands
from l1demo.job_tasks import Tell
from l1demo.text import _

CLIPS = 500  # of each word of Speech Commands


def add(commands: Any) -> None:
    """Add the command to the program's parser."""
    command = commands.add_parser("corpora", help=_("list what can be trained on, and add to it"))
    command.set_defaults(run=run)
    wanted = command.add_mutually_exclusive_group()
    wanted.add_argument("--download", choices=("fsdd", "speech-commands"), help=_("download a dataset, check it and keep it"))
    wanted.add_argument("--add", type=Path, metavar="FILE", help=_("keep FSDD's ZIP, or words of Speech Commands' .tar.gz"))
    wanted.add_argument("--delete", metavar="NAME", help=_("delete a corpus that the lab keeps"))
    command.add_argument(
        "--words", default="yes,no", metavar="A,B", help=_("which words of Speech Commands; yes,no where not given")
    )
    command.add_argument(
        "--clips",
        type=int,
        default=CLIPS,
        metavar="N",
        help=_("clips of each word of Speech Commands, 0 for all; else {n}").format(n=CLIPS),
    )
    settings.add_json(command)


def run(options: argparse.Namespace) -> None:
    """Download, add or delete what is asked for, and print what there is.

    Raises
    ------
    CorpusError
        When that cannot be done.
    """
    words = tuple(word.strip() for word in options.words.split(","))
    if options.delete:
        if options.delete not in shelf.names():
            raise CorpusError(
                _("The lab keeps no corpus “{name}”; it keeps these: {names}.").format(
                    name=options.delete[:60], names=", ".join(shelf.names()) or "–"
                )
            )
        shelf.delete(options.delete)
    elif options.download or options.add:
        with _telling() as tell:
            name = _download(tell, options.download, words, options.clips) if options.download else _add(tell, options, words)
        _print(name, options.json)
        return
    for name in (*corpora.BUILT_IN, *shelf.names()):
        _print(name, options.json)


def _download(tell: Tell, which: str, words: tuple[str, ...], most: int) -> str:
    if which == "fsdd":
        return job_tasks.download_fsdd(tell, fsdd.address())
    return job_tasks.download_speech_commands(tell, speech_commands.address(), words, most)


def _add(tell: Tell, options: argparse.Namespace, words: tuple[str, ...]) -> str:
    path: Path = options.add
    try:
        if path.name.endswith((".tar.gz", ".tgz")):
            with path.open("rb") as file:
                return job_tasks.keep_speech_commands(speech_commands.read(file, words, options.clips))
        from l1demo.corpora import archive

        corpus = archive.load(path, tell)
        if not path.is_file() or not fsdd.is_whole(path):
            raise CorpusError(
                _("{path} is not the whole of the {title}; train --corpus takes it as it is.").format(path=path, title=fsdd.TITLE)
            )
        return job_tasks.keep_fsdd(corpus)
    except OSError as error:
        raise CorpusError(_("{path} cannot be read: {reason}.").format(path=path, reason=error.strerror or error)) from error


@contextmanager
def _telling() -> Iterator[Tell]:
    def say(fraction: float | None, sentence: str) -> None:
        share = "" if fraction is None else f"{fraction:4.0%} "
        print(f"\r{share}{sentence}\033[K", end="", file=sys.stderr, flush=True)

    with tempfile.TemporaryDirectory(prefix="l1demo-") as scratch:
        try:
            yield Tell(say, lambda: False, Path(scratch))
        finally:
            print(file=sys.stderr)


def _print(name: str, as_json: bool) -> None:
    if shelf.is_name(name):
        about = shelf.about(name)
        facts = {"words": about.words, "speakers": len(about.speakers), "clips": about.clips, "seconds": about.seconds}
    else:
        corpus = corpora.load(name)
        seconds = len(corpus.samples) / corpora.RATE
        facts = {"words": corpus.words, "speakers": len(corpus.speakers), "clips": len(corpus), "seconds": seconds}
    facts = {"name": name, **facts}
    if as_json:
        print(json.dumps(facts, ensure_ascii=False))
        return
    print(
        _("{name}: {clips:,} clips of {speakers:,} voices, {minutes:.0f} min: {words}").format(
            **{**facts, "words": ", ".join(facts["words"])}, minutes=facts["seconds"] / 60
        )
    )
