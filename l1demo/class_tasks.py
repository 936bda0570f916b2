"""What workers run for class sets: read a recording, make a corpus. As in ``tasks``, what is heavy is imported inside."""

from collections.abc import Sequence
from typing import Any

from l1demo.job_tasks import Tell
from l1demo.text import _


def heard(data: bytes) -> dict[str, Any]:
    """Make of a recording the clip that is kept; see ``class_clips.heard``."""
    from l1demo import class_clips

    return class_clips.heard(data)


def corpus(tell: Tell, title: str, clips: Sequence[tuple[str, str, bytes]]) -> str:
    """Put a corpus of clips onto the shelf, as a job, and return its name; see ``class_clips.corpus``."""
    from l1demo import class_clips, shelf

    licence, source = _("the speakers' own: not to be passed on without them"), _("recorded in the lab by the class itself")
    return shelf.save(class_clips.corpus(clips, tell), "class", title, licence, source)
