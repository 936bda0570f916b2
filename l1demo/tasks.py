"""What workers run. Each is a function of its arguments alone, so that it can be done again when a worker dies.

Torch is imported inside: the server names these functions, and must stay without it.
"""

import contextlib
import faulthandler
import functools
import json
import threading
import traceback
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any

from l1demo import LabError
from l1demo.spec import CorpusSpec, FeatureSpec, RunSpec
from l1demo.text import _

if TYPE_CHECKING:
    from l1demo.corpora import Corpus
    from l1demo.corpora.division import Division
    from l1demo.model import Recogniser
    from l1demo.training import Dataset

_loading = threading.Lock()  # who asks while a corpus is being loaded waits for it, and does not load it once more


def warm() -> None:
    """Train an epoch on noise, so that the first real one does not pay a second for what torch loads on first use."""
    import torch

    from l1demo import training
    from l1demo.features import Frames

    spec, words = RunSpec(), ("one", "two")
    noise = Frames(torch.rand(8, 20, spec.features.n_mels), torch.full((8,), 20), torch.arange(8) % len(words))
    next(training.train(spec, training.Dataset(noise, noise, words)))


def fetch() -> None:
    """Have the default run's corpus and features in memory before anyone asks."""
    dataset_of(RunSpec())


def outcome(function: Callable[..., Any], args: tuple[Any, ...], limit: float | None = None) -> tuple[str, Any]:
    """Run a function and return what came of it, so that no exception's class need be known to the server.

    Parameters
    ----------
    function, args
    limit : float, optional
        Seconds after which this process ends itself, even where the function holds the interpreter. For workers of one thread.

    Returns
    -------
    tuple of str and object
        ``("value", result)``, ``("refused", sentence)`` for the lab's own errors, or ``("crashed", traceback)``.
    """
    with _ended_after(limit):
        try:
            return "value", function(*args)
        except Exception as error:
            return ("refused", str(error)) if isinstance(error, LabError) else ("crashed", traceback.format_exc())


def train_run(
    spec: dict[str, Any], attempt: str, topic: str, state: bytes | None = None, until: int = 0, wait: float = 0.0
) -> dict[str, Any]:
    """Train one run, or go on with it, and send each epoch's row as it comes.

    Parameters
    ----------
    spec : dict
        ``RunSpec.to_dict``'s form.
    attempt, topic : str
        As for ``report``.
    state : bytes, optional
        ``checkpoint.dump``'s bytes to go on from.
    until, wait
        As for ``report``.

    Returns
    -------
    dict
        ``rows`` (list of dict), ``stopped`` (bool: it left before its end), ``weights`` (``weights.dump``'s bytes), ``state``
        (``checkpoint.dump``'s bytes where it left before its end, else None) and ``film`` (``film.frame``'s bytes by epoch).
    """
    described = RunSpec.from_dict(spec)
    return train_on(dataset_of(described), described, attempt, topic, state, until, wait)


def train_on(
    data: "Dataset",
    described: RunSpec,
    attempt: str,
    topic: str,
    state: bytes | None = None,
    until: int = 0,
    wait: float = 0.0,
    train: Callable[..., Iterator[dict[str, Any]]] | None = None,
) -> dict[str, Any]:
    """Do what ``train_run`` does, on clips at hand; ``train`` stands for ``training.train`` in tests."""
    from l1demo import checkpoint, training, weights

    words = data.words
    reached = checkpoint.load(described, len(words), state) if state else checkpoint.begin(described, len(words))
    film: dict[int, bytes] = {}
    rows = (train or training.train)(described, data, reached)
    sent, cut = report(_filmed(rows, reached.model, described, film), attempt, topic, until, wait)
    stopped = cut and "residual" not in sent[-1]
    return {
        "rows": sent,
        "stopped": stopped,
        "weights": weights.dump(reached.model, described, words, reached.stops),
        "state": checkpoint.dump(reached) if stopped else None,
        "film": film,
    }


def _filmed(
    rows: Iterable[dict[str, Any]], model: "Recogniser", described: RunSpec, film: dict[int, bytes]
) -> Iterator[dict[str, Any]]:
    from l1demo import film as films

    matrices = {name: w.detach().numpy() for name, w in model.weights().items()}  # views: they change with the weights
    chosen = films.epochs(described.training.epochs, sum(w.size for w in matrices.values()))
    for row in rows:
        if row["epoch"] in chosen or "residual" in row:
            film[row["epoch"]] = films.frame(matrices)
        yield row


def report(
    rows: Iterable[dict[str, Any]], attempt: str, topic: str, until: int = 0, wait: float = 0.0
) -> tuple[list[dict[str, Any]], bool]:
    """Send rows as they come until they end or the attempt is to leave.

    Parameters
    ----------
    rows : iterable of dict
        With ``epoch``; only a run's last has ``residual``.
    attempt : str
        Names this try at the run in events; a ``distributed.Event`` of this name, when set, has it leave after its epoch.
    topic : str
        The Dask topic of the events ``{"attempt", "row"}``, the row as JSON text.
    until : int
        The epoch after which it leaves by itself; 0 for none.
    wait : float
        Seconds of waiting between epochs, which end when it is asked to leave.

    Returns
    -------
    tuple of list and bool
        The rows, and whether they were cut short.
    """
    from distributed import Event, get_worker

    worker = get_worker()
    leave = Event(attempt)
    sent: list[dict[str, Any]] = []
    for row in rows:
        sent.append(row)
        worker.log_event(topic, {"attempt": attempt, "row": json.dumps(row)})  # text: Dask would make tuples of lists
        waits = wait > 0 and "residual" not in row and not 0 < until <= row["epoch"]
        asked = leave.wait(timeout=wait) if waits else leave.is_set()  # asks the scheduler: 0.4 ms, 0.6 ms beside training
        if asked or 0 < until <= row["epoch"]:
            return sent, True
    return sent, False


def scale(spec: dict[str, Any]) -> dict[str, float]:
    """Return what a run is measured by: ``norm`` of the first weights, ``guessing``, its loss, and ``clips`` of the validation."""
    from l1demo import training

    described = RunSpec.from_dict(spec)
    data = division_of(described)
    return {
        "norm": training.initial_norm(described, len(data.train.words)),
        "guessing": training.loss_of_guessing(described.training.loss, data),
        "clips": len(data.validation),
    }


def pictures(data: bytes, kind: str, features: dict[str, Any]) -> dict[str, Any]:
    """Read a recording and compute what the Listen page shows; see ``listening.pictures``."""
    from l1demo import listening

    return listening.pictures(data, kind, FeatureSpec(**features))


def speakers(name: str) -> dict[str, tuple[str, ...]]:
    """Return for each word of a corpus who says it."""
    loaded = corpus(name)
    said = {word: set(loaded.voices[loaded.labels == i].tolist()) for i, word in enumerate(loaded.words)}
    return {word: tuple(loaded.speakers[voice] for voice in sorted(voices)) for word, voices in said.items()}


def recording(name: str, word: str, speaker: str) -> bytes:
    """Return a clip of a corpus as a WAV file: the first of that word by that speaker.

    Raises
    ------
    CorpusError
        When the corpus has none.
    """
    import io

    import numpy as np
    import soundfile

    from l1demo.corpora import RATE, CorpusError

    loaded = corpus(name)
    chosen = (loaded.labels == loaded.words.index(word)) & (loaded.voices == loaded.speakers.index(speaker))
    if not chosen.any():
        raise CorpusError(_("{speaker} does not say “{word}” in this corpus; choose another.").format(speaker=speaker, word=word))
    out = io.BytesIO()
    soundfile.write(out, loaded.clip(int(np.flatnonzero(chosen)[0])), RATE, format="WAV", subtype="PCM_16")
    return out.getvalue()


def dataset_of(spec: RunSpec) -> "Dataset":
    """Return the clips of a run as the network is to see them; those of the last two are kept.

    Raises
    ------
    CorpusError
        As ``division_of``.
    """
    from l1demo import shelf

    chosen = spec.corpus
    for name in (chosen.name, chosen.test, chosen.also):
        shelf.require(name)
    drawn = chosen.train_clips or chosen.train_voices or chosen.label_noise  # otherwise the division is the same for every seed
    with _loading:
        return _dataset(chosen, spec.features, spec.seed if drawn else 0)


def division_of(spec: RunSpec) -> "Division":
    """Return the clips that a run trains on and those that it validates on.

    Raises
    ------
    CorpusError
        When there are none, or they cannot be divided so.
    """
    from l1demo.corpora.division import divide

    test, also = (corpus(name) if name else None for name in (spec.corpus.test, spec.corpus.also))
    return divide(corpus(spec.corpus.name), spec.corpus, spec.seed, test, also)


def corpus(name: str) -> "Corpus":
    """Return a corpus, of which the last three are kept in memory as long as the lab keeps them at all; see ``corpora.load``."""
    from l1demo import shelf

    shelf.require(name)
    return _corpus(name)


@functools.lru_cache(maxsize=3)
def _corpus(name: str) -> "Corpus":
    from l1demo import corpora

    return corpora.load(name)


@functools.lru_cache(maxsize=2)
def _dataset(chosen: CorpusSpec, features: FeatureSpec, seed: int) -> "Dataset":
    from l1demo import training

    spec = RunSpec(chosen, features, seed=seed)
    return training.prepare(division_of(spec), spec)


@contextlib.contextmanager
def _ended_after(seconds: float | None) -> Iterator[None]:
    if seconds is None:
        yield
        return
    faulthandler.dump_traceback_later(seconds, exit=True)
    try:
        yield
    finally:
        faulthandler.cancel_dump_traceback_later()


def heard_along(data: bytes, sound: bytes) -> dict[str, Any]:
    """Say how probable each word is in a recording to the network at each stop of a λ path.

    Parameters
    ----------
    data : bytes
        A path's weights, as ``weights.dump`` or ``paths.pack`` wrote them.
    sound : bytes
        The recording as a file.

    Returns
    -------
    dict
        ``words`` (tuple of str, length C) and ``probabilities`` (np.ndarray, float, shape (S, C)).
    """
    import numpy as np

    from l1demo import weights

    stops, spec, words = weights.load_stops(data)
    heard = [weights.recognise(recogniser, spec, words, sound) for recogniser in stops]
    return {"words": words, "probabilities": np.array([list(each.values()) for each in heard])}


def recognised(data: bytes, sound: bytes) -> dict[str, Any]:
    """Say what a recogniser hears in a recording at each moment, and which instants mattered; see ``recognition.heard``."""
    from l1demo import recognition

    return recognition.heard(data, sound)


def nearest_clips(data: bytes, sound: bytes, n: int) -> dict[str, Any]:
    """Find the clips of a run's training that are nearest to a recording, as ``recognition.nearest`` measures it.

    Returns
    -------
    dict
        ``words``, ``speakers`` and ``sounds`` (WAV files) of the ``n`` nearest, with their ``distances``, np.ndarray (n,); the
        ``median`` distance of all training clips, and their number ``of``.

    Raises
    ------
    AudioError, ModelError, CorpusError
        When the recording, the recogniser or its corpus cannot be read.
    """
    from l1demo import payoff, recognition, weights

    recogniser, spec, words = weights.load(data)
    x = payoff.frames_of(sound, spec.features)[1]
    part = division_of(spec).train
    recognition.same_words(words, part)
    chosen, distances, median = recognition.nearest(recogniser, x, dataset_of(spec).train, n)
    return {
        "words": [part.words[part.labels[i]] for i in chosen],
        "speakers": [part.speakers[part.voices[i]] for i in chosen],
        "sounds": [payoff.wav(part.clip(i) / 32767) for i in chosen],
        "distances": distances,
        "median": median,
        "of": len(part),
    }


def confusion(data: bytes) -> dict[str, Any]:
    """Say what a recogniser hears in each clip of its run's validation.

    Returns
    -------
    dict
        ``words`` (tuple of str), ``speakers`` (list of str, length N), and ``said``, ``heard`` and ``sure``, np.ndarray (N,) as of
        ``recognition.confusion``.

    Raises
    ------
    ModelError, CorpusError
        When the recogniser or its corpus cannot be read.
    """
    from l1demo import recognition, weights

    recogniser, spec, words = weights.load(data)
    part = division_of(spec).validation
    recognition.same_words(words, part)
    found = recognition.confusion(recogniser, spec, dataset_of(spec).validation)
    return {"words": words, "speakers": [part.speakers[voice] for voice in part.voices], **found}


def validation_clips(spec: dict[str, Any], chosen: tuple[int, ...]) -> list[bytes]:
    """Return some clips of a run's validation as WAV files."""
    from l1demo import payoff

    part = division_of(RunSpec.from_dict(spec)).validation
    return [payoff.wav(part.clip(i) / 32767) for i in chosen]
