import pytest

from l1demo import class_charts, class_training
from l1demo.class_rules import ClassSet, Clip

WORDS = ("no", "yes", "<b>")
SET = ClassSet("id", "teacher", "3b", WORDS, 0.0, True)


def clips(**counts: int) -> list[Clip]:
    """So many clips of each word, in turn by voices a, b, c, …"""
    return [Clip(f"{word}{i}", f"{i % 10}", f"Voice {i % 10}", word, 0.5, "", 0.0) for word, n in counts.items() for i in range(n)]


def test_too_few_clips_have_their_sentence() -> None:
    assert "now 0 of the words" in class_training.missing([])
    assert "now 1 of the words" in class_training.missing(clips(no=8, yes=1))
    assert class_training.missing(clips(no=2, yes=2)) == ""


def test_a_word_with_one_clip_is_left_out_and_named() -> None:
    few = clips(no=3, yes=8, maybe=1)
    assert {clip.word for clip in class_training.usable(few)} == {"no", "yes"}
    advice = class_training.advice(few, ("no", "yes", "maybe", "*never*"))
    assert r"fewer than 2 clips: maybe, \*never\*." in advice
    assert "suggested 8 clips: no." in advice
    assert class_training.advice(clips(no=8, yes=9), ("no", "yes")) == ""


@pytest.mark.parametrize(("n", "epochs", "batch"), [(4, 100, 16), (120, 40, 16), (499, 12, 16), (600, 32, 64), (1500, 13, 64)])
def test_a_run_has_about_as_many_steps_whatever_the_number_of_clips(n: int, epochs: int, batch: int) -> None:
    spec = class_training.settings("class-0123456789ab", clips(no=n, yes=n))
    assert (spec.training.epochs, spec.training.batch) == (epochs, batch)
    assert (spec.corpus.name, spec.corpus.also, spec.training.augment) == ("class-0123456789ab", "", True)
    assert spec.penalty.free_epochs < epochs


def test_strangers_are_the_validation_where_there_are_enough_of_them_for_every_word() -> None:
    def split(chosen: list[Clip]) -> str:
        return class_training.settings("class-0123456789ab", chosen).corpus.split

    assert split(clips(no=4, yes=4)) == "recordings"
    assert split(clips(no=10, yes=10)) == "speakers"
    assert split(clips(no=10, yes=4)) == "recordings"  # who says “yes” might all be strangers


def test_the_chart_says_which_word_has_the_fewest_clips() -> None:
    chart = class_charts.words(SET, clips(no=9, yes=3))
    (bars,) = chart.figure["data"]
    assert (bars["x"], bars["y"]) == (["no", "yes", "&lt;b&gt;"], [9, 3, 0])
    assert chart.alt == "Clips: 12, voices: 9. “<b>” has the fewest: 0 of the 8 that are suggested."
    assert class_charts.finding(SET, clips(**dict.fromkeys(WORDS, 8))).endswith("Every word has the 8 that are suggested, or more.")
    assert class_charts.finding(SET, []) == "No clip has been recorded yet."
