"""What a recording may be: its length, rate and channels, and the sentences for one that is not.

Whoever reads a header or decodes asks here: ``containers``, ``decoding``, ``media`` and ``audio``.
"""

from l1demo import LabError
from l1demo.text import _

MAX_BYTES = 10 * 2**20
RATES = (8_000, 96_000)  # Hz
MAX_CHANNELS = 2
MIN_SECONDS, MAX_SECONDS = 0.1, 30.0


class AudioError(LabError):
    """A recording that cannot be used; the message says why, with the number, and what to do."""


def undecodable(container: str) -> AudioError:
    """Return the sentence for a file that begins well and then fails its decoder."""
    return AudioError(
        _("The file begins as {container}, but its sound cannot be decoded: it is damaged, cut off or of an unusual coding. "
          "Export it again as WAV.").format(container=container)
    )  # fmt: skip


def check_shape(rate: int, channels: int) -> None:
    """Refuse a sampling rate or a number of channels outside the limits.

    Raises
    ------
    AudioError
        With the number and the limit.
    """
    if not 1 <= channels <= MAX_CHANNELS:
        raise AudioError(
            _("The file's header claims {n} channels; one (mono) or two (stereo) can be read. Export it as mono.").format(
                n=channels
            )
        )
    if not RATES[0] <= rate <= RATES[1]:
        raise AudioError(
            _("The sampling rate is {rate:,} Hz; rates from {low:,} to {high:,} Hz can be read. Export it at 16,000 Hz.").format(
                rate=rate, low=RATES[0], high=RATES[1]
            )
        )


def check_claim(seconds: float) -> None:
    """Refuse a header that claims more than 30 s.

    Raises
    ------
    AudioError
        With the time that is claimed.
    """
    if seconds > MAX_SECONDS:
        claimed = _("{n:.1f} s").format(n=seconds) if seconds < 3600 else _("{n:,.1f} hours").format(n=seconds / 3600)
        raise AudioError(
            _("The file's header claims {claimed} of sound; at most {most:g} s can be read. Cut out the part you need.").format(
                claimed=claimed, most=MAX_SECONDS
            )
        )


def check_missing(missing: float, promised: float) -> None:
    """Accept a file that holds nearly what its header promises, in seconds.

    Less than 0.1 s may be missing: as long as the shortest recording, so no word is lost with it.

    Raises
    ------
    AudioError
        With what is missing.
    """
    if missing >= MIN_SECONDS:
        raise AudioError(
            _(
                "The file is cut off or damaged: its header promises {promised:.2f} s, but {missing:.2f} s of them are missing; "
                "copy or export it again."
            ).format(promised=promised, missing=missing)
        )


def check_length(n: int, rate: int) -> None:
    """Refuse what was decoded if it is shorter than 0.1 s or longer than 30 s, given in samples.

    Raises
    ------
    AudioError
        With the time there is.
    """
    if n == 0:
        raise AudioError(_("There is no sound in the file: 0 samples; record or export it again."))
    if n < MIN_SECONDS * rate:
        raise AudioError(
            _("The recording is {n:.3f} s long; speak for at least {least:g} s.").format(n=n / rate, least=MIN_SECONDS)
        )
    if n > MAX_SECONDS * rate:
        raise AudioError(_("The recording is longer than {most:g} s; cut out the part you need.").format(most=MAX_SECONDS))
