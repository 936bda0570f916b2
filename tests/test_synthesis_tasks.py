"""What a visitor types, taken apart; and the job that speaks it."""

from pathlib import Path

import pytest

from l1demo import shelf, synthesis, synthesis_tasks
from l1demo.job_tasks import Tell
from l1demo.synthesis_tasks import WordsError, split_words


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("yes, no", ("yes", "no")),
        (" Yes ,no;  yes,\n good   morning,, NO", ("Yes", "no", "good morning")),
        ("是，不、你好；再见", ("是", "不", "你好", "再见")),
        ("cafe\u0301, cafe\u0301, café, thé", ("café", "thé")),
        ("می\u200cخواهم, نه", ("می\u200cخواهم", "نه")),
        ("[[h@l'oU]], <speak>no</speak>", ("[[h@l'oU]]", "<speak>no</speak>")),
    ],
)
def test_commas_of_any_script_divide_words_and_each_counts_once(text: str, words: tuple[str, ...]) -> None:
    assert split_words(text) == words


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "at least two words"),
        ("yes no", "with a comma between them"),
        ("yes, YES, ,", "at least two words"),
        (", ".join(f"w{i}" for i in range(21)), "These are 21 words; at most 20"),
        ("yes, " + "n" * 41, "has 41 characters; a word has at most 40"),
        ("yes, n\x01o", r"n\\x01o.* cannot be printed"),
        ("yes, n\u202eo", r"n\\u202eo.* cannot be printed"),
        ("yes, \ud800", r"\\ud800.* cannot be printed"),
    ],
)
def test_what_is_no_list_of_words_is_refused_in_a_sentence(text: str, sentence: str) -> None:
    with pytest.raises(WordsError, match=sentence):
        split_words(text)


def test_the_languages_that_are_written_down_are_those_that_are_spoken() -> None:
    assert list(synthesis_tasks.languages().items()) == [(each.code, each.name) for each in synthesis.languages()]


def test_a_job_tells_how_far_it_is_and_keeps_a_corpus_under_its_words(tmp_path: Path) -> None:
    told: list[tuple[float | None, str]] = []
    tell = Tell(lambda fraction, sentence: told.append((fraction, sentence)), lambda: False, tmp_path)
    name = synthesis_tasks.speak_words(tell, ("No", "yes", "…"), "gmw/en-US", 0)
    assert told[0] == (0.0, "looking for voices")
    fractions = [fraction for fraction, _sentence in told if fraction is not None]
    assert fractions == sorted(fractions) and fractions[-1] <= 1.0
    known = shelf.about(name)
    assert (known.kind, known.title) == ("words", "No, yes · English (America)")
    assert known.words == ("no", "yes")
    assert known.per_word == (len(known.speakers), len(known.speakers))  # one take
    assert (known.source, known.licence) == ("eSpeak NG", "GPL-3.0-or-later")
    assert len(known.skipped) == 1
    assert len(shelf.load(name)) == known.clips
