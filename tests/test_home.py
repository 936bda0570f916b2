from pathlib import Path

import pytest

from l1demo import home


def test_home_is_where_it_is_said_to_be(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("L1DEMO_HOME", str(tmp_path))
    assert home.data_folder() == tmp_path
    monkeypatch.delenv("L1DEMO_HOME")
    assert home.data_folder().name == "l1-speech-lab"
