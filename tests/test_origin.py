"""Where a run's clips come from, in words."""

from pathlib import Path

import numpy as np
import pytest

from l1demo import origin, shelf
from l1demo.corpora import Corpus
from l1demo.spec import CorpusSpec


def test_the_built_in_digits_name_their_licence() -> None:
    found = origin.of(CorpusSpec())
    assert "GNU General Public Licence" in found["licence"] and "built-in digits" in found["title"]


def test_the_wide_digits_send_to_both_cards() -> None:
    found = origin.of(CorpusSpec(name="digits-wide"))
    assert "more people's voices" in found["title"] and "docs/data-card-wide.md" in found["licence"]


def test_a_corpus_of_the_shelf_has_its_own_words_and_a_path_tells_no_more_than_its_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("L1DEMO_HOME", str(tmp_path))
    zeros = np.zeros(2, np.int64)
    corpus = Corpus(
        "x", ("yes", "no"), ("ann",), np.ones(4000, np.int16), np.array([0, 2000, 4000]), np.array([0, 1]), zeros, zeros
    )
    name = shelf.save(corpus, "own", "Our yes and no", "CC BY 4.0", "recorded by us")
    assert origin.of(CorpusSpec(name=name)) == {"title": "Our yes and no", "licence": "CC BY 4.0", "source": "recorded by us"}
    both = origin.of(CorpusSpec(name=name, test=str(tmp_path / "someone" / "words.zip")))
    assert both == {"title": "Our yes and no; words.zip", "licence": "CC BY 4.0", "source": "recorded by us"}
    shelf.delete(name)
    assert origin.of(CorpusSpec(name=name)) == {"title": name, "licence": "", "source": ""}
