"""A home of its own and an impatient network for tests of downloads."""

from pathlib import Path

import pytest

from l1demo.corpora import download
from l1demo.job_tasks import Tell


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("L1DEMO_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(download, "PATIENCE", 0.3)
    monkeypatch.setattr(download, "PAUSE", 0.001)
    return tmp_path


@pytest.fixture
def tell(tmp_path: Path) -> Tell:
    """Tells nobody, and is never cancelled."""
    (tmp_path / "scratch").mkdir()
    return Tell(lambda fraction, sentence: None, lambda: False, tmp_path / "scratch")
