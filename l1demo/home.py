"""Where the lab keeps its files."""

import os
from pathlib import Path

import platformdirs


def data_folder() -> Path:
    """Return the folder: ``L1DEMO_HOME``, or the platform's for a user's data."""
    return Path(os.environ.get("L1DEMO_HOME") or platformdirs.user_data_path("l1-speech-lab", appauthor=False))
