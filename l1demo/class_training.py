"""What can be trained on a class's clips: which of them, whether they are enough, and with which settings."""

from collections import Counter, defaultdict
from collections.abc import Sequence

from l1demo.class_rules import ENOUGH, MIN_WORDS, Clip
from l1demo.spec import RunSpec
from l1demo.text import _, plain

LEAST = 2  # clips of a word: one to train on and one to validate on
VOICES = 5  # from so many on a fifth is kept unheard: corpora.division
STEPS, SMALL, LARGE = 600, 16, 64  # steps of Adam, and clips in one where there are fewer or more than MANY
MANY = 1000
FEWEST_EPOCHS, MOST_EPOCHS = 12, 100
FREE = 0.1  # of all epochs are without penalty


def usable(clips: Sequence[Clip]) -> list[Clip]:
    """Return the clips of words that have at least ``LEAST``."""
    of = Counter(clip.word for clip in clips)
    return [clip for clip in clips if of[clip.word] >= LEAST]


def missing(clips: Sequence[Clip]) -> str:
    """Say what has to be recorded before anything can be trained; empty where nothing has."""
    ready = {clip.word for clip in usable(clips)}
    if len(ready) >= MIN_WORDS:
        return ""
    return _(
        "Training needs at least {words} words with {clips} clips each; now {n} of the words have so many. {enough} clips of each "
        "word are a good beginning."
    ).format(words=MIN_WORDS, clips=LEAST, n=len(ready), enough=ENOUGH)


def advice(clips: Sequence[Clip], words: Sequence[str]) -> str:
    """Say in Markdown what will be weak or left out where training begins now; empty where nothing is."""
    of = Counter(clip.word for clip in clips)
    left_out = [word for word in words if of[word] < LEAST]
    few = [word for word in words if LEAST <= of[word] < ENOUGH]
    sentences = []
    if left_out:
        sentences.append(
            _("Left out, because there are fewer than {n} clips: {words}.").format(n=LEAST, words=", ".join(map(plain, left_out)))
        )
    if few:
        sentences.append(_("Fewer than the suggested {n} clips: {words}.").format(n=ENOUGH, words=", ".join(map(plain, few))))
    return " ".join(sentences)


def settings(corpus: str, clips: Sequence[Clip]) -> RunSpec:
    """Describe a run on a corpus of these clips: about as many steps whether there are ten clips or thousands.

    It validates on voices that were never heard where there are enough of them, else on other recordings of the same.
    """
    voices = defaultdict(set)
    for clip in clips:
        voices[clip.word].add(clip.session)
    everybody = len({clip.session for clip in clips})
    strangers = everybody >= VOICES and all(2 * len(who) >= everybody for who in voices.values())
    batch = SMALL if len(clips) < MANY else LARGE
    epochs = max(FEWEST_EPOCHS, min(MOST_EPOCHS, round(STEPS * batch / len(clips))))
    return RunSpec().with_values(
        corpus=corpus,
        split="speakers" if strangers else "recordings",
        batch=batch,
        epochs=epochs,
        free_epochs=max(RunSpec().penalty.free_epochs, round(FREE * epochs)),
    )
