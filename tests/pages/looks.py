"""How a page without a browser is looked at."""

from typing import Any

from streamlit.testing.v1 import AppTest


def button(page: AppTest, label: str) -> Any:
    """The one button of a label."""
    (found,) = [each for each in page.button if each.label == label]
    return found


def has(page: AppTest, key: str) -> bool:
    """Whether an element of a key is there, of whatever kind."""
    try:
        page.get_by_key(key)
    except KeyError:
        return False
    return True
