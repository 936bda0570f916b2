"""eSpeak NG's library in a process of its own: what is asked comes as a line of JSON, what it says goes back as samples.

It keeps phases and noise from one word to the next and cannot be reset, so only a new process says the same words as the same
samples; and what crashes it takes nobody along. Run by its path, with nothing but the standard library; ``synthesis`` speaks to it.
"""

import ctypes
import json
import sys
from typing import Any

SYNCHRONOUS = 2  # its callback has had every sample when espeak_Synth returns
DONT_EXIT = 0x8000  # without its data, say so
UTF8 = 1  # and neither SSML (0x10) nor phonemes in [[brackets]] (0x100): what is typed is text
MNEMONICS = 0  # phonemes as it writes them itself; as IPA it drops what tells two tones apart
RATE, PITCH = 1, 3  # its numbers of these two settings
SEED = 1


class _Voice(ctypes.Structure):
    _fields_ = (
        ("name", ctypes.c_char_p),
        ("languages", ctypes.c_void_p),  # each a byte of priority and a code
        ("identifier", ctypes.c_char_p),
        ("gender", ctypes.c_ubyte),
        ("age", ctypes.c_ubyte),
        ("variant", ctypes.c_ubyte),
        ("of_library_1", ctypes.c_ubyte),
        ("of_library_2", ctypes.c_int),
        ("of_library_3", ctypes.c_void_p),
    )


def serve(library: str) -> None:
    """Answer requests on stdin until it ends; the folder of the voices, ``espeak-ng-data``, is in the current one.

    Each answer is a line of JSON: ``{"error"}``, or at first ``{"rate"}``; to ``{"list"}`` the ``voices`` of a kind; to
    ``{"voice", "text"}`` its ``phonemes``; to ``{"voice", "say"}``, a list of texts with their speed and pitch, how many ``bytes``
    of int16 follow for each.
    """
    try:
        espeak = ctypes.CDLL(library)
    except OSError as error:
        _answer({"error": "its library cannot be loaded ({of})", "of": str(error)})
        return
    espeak.espeak_TextToPhonemes.restype = ctypes.c_char_p
    espeak.espeak_ListVoices.restype = ctypes.POINTER(ctypes.POINTER(_Voice))
    espeak.espeak_ng_SetRandSeed.argtypes = [ctypes.c_long]
    espeak.espeak_Synth.argtypes = [
        *(ctypes.c_char_p, ctypes.c_size_t, ctypes.c_uint, ctypes.c_int, ctypes.c_uint, ctypes.c_uint),
        *(ctypes.c_void_p, ctypes.c_void_p),
    ]
    rate = espeak.espeak_Initialize(SYNCHRONOUS, 0, b".", DONT_EXIT)  # relative: a long or foreign path has no room in the library
    if rate <= 0:
        _answer({"error": "the data of its voices was not found"})
        return
    espeak.espeak_ng_SetRandSeed(SEED)
    said: list[bytes] = []

    @ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_int, ctypes.c_void_p)
    def hear(samples: int | None, n: int, _events: int | None) -> int:
        if samples and n > 0:
            said.append(ctypes.string_at(samples, 2 * n))
        return 0

    espeak.espeak_SetSynthCallback(hear)
    _answer({"rate": rate})
    for line in sys.stdin.buffer:
        wanted = json.loads(line)
        if "list" in wanted:
            _answer({"voices": _voices(espeak, wanted["list"])})
            continue
        if espeak.espeak_SetVoiceByName(wanted["voice"].encode()):
            _answer({"error": "it has no voice {of}", "of": wanted["voice"]})
            continue
        if "text" in wanted:
            _answer({"phonemes": _phonemes(espeak, wanted["text"].encode())})
            continue
        sizes, data = [], []
        for typed, speed, pitch in wanted["say"]:
            said.clear()
            espeak.espeak_SetParameter(RATE, speed, 0)
            espeak.espeak_SetParameter(PITCH, pitch, 0)
            text = typed.encode()
            refused = espeak.espeak_Synth(text, len(text) + 1, 0, 1, 0, UTF8, None, None)
            data.append(b"" if refused else b"".join(said))
            sizes.append(len(data[-1]))
        _answer({"bytes": sizes}, b"".join(data))


def _voices(espeak: Any, kind: str) -> list[dict[str, str]]:
    wanted = ctypes.create_string_buffer(b"variant")
    of_kind = ctypes.byref(_Voice(languages=ctypes.addressof(wanted))) if kind == "variants" else None
    found = espeak.espeak_ListVoices(of_kind)
    listed = []
    for voice in found:  # a pointer without end; the last is a null pointer
        if not voice:
            break
        listed.append({"name": voice.contents.name.decode(), "identifier": voice.contents.identifier.decode()})
    return listed


def _phonemes(espeak: Any, text: bytes) -> str:
    left = ctypes.c_char_p(text)
    clauses = []
    while left.value:
        clauses.append((espeak.espeak_TextToPhonemes(ctypes.byref(left), UTF8, MNEMONICS) or b"").decode())
    return " ".join(clauses).strip()


def _answer(head: dict[str, Any], data: bytes = b"") -> None:
    sys.stdout.buffer.write(json.dumps(head).encode() + b"\n" + data)
    sys.stdout.buffer.flush()


if __name__ == "__main__":
    serve(sys.argv[1])
