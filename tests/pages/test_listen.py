"""Listen: the built-in clip, uploads good and bad, and the settings of the picture."""

import io

import numpy as np
import pytest
import soundfile

PICTURES = ("listen-wave", "listen-ear", "listen-network")


def sound(container: str = "WAV", rate: int = 44_100, channels: int = 2, seconds: float = 0.6) -> bytes:
    file = io.BytesIO()
    wave = 0.3 * np.sin(2 * np.pi * 600 * np.arange(round(rate * seconds)) / rate)
    soundfile.write(file, np.repeat(wave[:, None], channels, 1), rate, format=container)
    return file.getvalue()


def header_of_hours() -> bytes:
    data = bytearray(sound(channels=1))
    data[40:44] = (400_000_000).to_bytes(4, "little")
    return bytes(data)


def shown(page) -> list[str]:
    """The keys of the pictures that stand on the page."""
    found = []
    for key in PICTURES:
        try:
            page.get_by_key(key)
            found.append(key)
        except KeyError:
            continue
    return found


def uploading(visit):
    page = visit("listen")
    page.segmented_control[0].set_value("upload").run()
    assert not page.exception
    return page


def test_a_built_in_clip_is_shown_at_once(visit) -> None:
    page = visit("listen")
    assert not page.exception and not page.error
    assert shown(page) == list(PICTURES)
    assert any(caption.value.startswith("WAV, 8,000 Hz, 1 channel(s)") for caption in page.caption)
    assert len(page.get("audio")) == 1


def test_every_kind_of_spectrogram_and_every_setting_is_drawn(visit) -> None:
    page = visit("listen")
    for kind in ("linear", "mel", "mfcc", "log-mel"):
        (box,) = [each for each in page.selectbox if each.label == "Spectrogram"]
        box.set_value(kind).run()
        assert not page.exception and not page.error
        assert shown(page) == list(PICTURES)
    for name, value in (("mels", 128), ("hop", 4.0), ("window", 8.0), ("window", 64.0), ("hop", 32.0), ("mels", 20)):
        page.number_input(key=f"set-{name}").set_value(value).run()
        assert not page.exception and not page.error and not page.warning
        assert shown(page) == list(PICTURES)


def test_other_words_and_voices_can_be_heard(visit) -> None:
    page = visit("listen")
    word, voice = [next(each for each in page.selectbox if each.label == label) for label in ("Word", "Voice")]
    assert word.options == ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"]
    word.set_value("three")
    voice.set_value(voice.options[-1]).run()
    assert not page.exception and not page.error
    assert shown(page) == list(PICTURES)


@pytest.mark.parametrize("container", ["WAV", "FLAC", "OGG", "MP3"])
def test_a_good_file_is_shown(visit, container) -> None:
    page = uploading(visit)
    assert "Record or upload" in page.info[0].value
    page.file_uploader[0].upload(f"sound.{container.lower()}", sound(container)).run()
    assert not page.exception and not page.error
    assert shown(page) == list(PICTURES)
    assert any(caption.value.startswith(f"{container}, 44,100 Hz, 2 channel(s), 0.6") for caption in page.caption)


BAD = {
    "empty": b"",
    "text": b"this is no sound, whatever its name says\n" * 50,
    "truncated": sound(channels=1)[:3000],
    "silent": b"".join([sound(channels=1)[:44], bytes(52_920)]),
    "a header of hours": header_of_hours(),
    "short": sound(seconds=0.05),
    "long": sound("FLAC", 8000, 1, seconds=31),
    "a picture": b"\x89PNG\r\n\x1a\n" + bytes(1000),
}


@pytest.mark.parametrize("name", BAD)
def test_a_bad_file_shows_its_sentence_and_the_page_is_usable(visit, name) -> None:
    page = uploading(visit)
    page.file_uploader[0].upload("sound.wav", BAD[name]).run()
    assert not page.exception
    sentences = [error.value for error in page.error]
    assert len(sentences) == 1, sentences
    assert "Traceback" not in sentences[0] and len(sentences[0]) < 300
    assert "listen-ear" not in shown(page)
    page.segmented_control[0].set_value("clip").run()
    assert not page.exception and not page.error
    assert shown(page) == list(PICTURES)


def test_the_microphone_can_be_chosen_at_both_rates(visit) -> None:
    page = visit("listen")
    page.segmented_control[0].set_value("record").run()
    assert not page.exception
    for rate in (8_000, 16_000):
        page.segmented_control[1].set_value(rate).run()
        page.audio_input[0].upload("speech.wav", sound(rate=rate, channels=1)).run()
        assert not page.exception and not page.error
        assert any(caption.value.startswith(f"WAV, {rate:,} Hz, 1 channel(s)") for caption in page.caption)
    assert any("HTTPS or localhost" in caption.value for caption in page.caption)
