"""What is sound to a network? A recording as the ear hears it, beside the frames that the network sees."""

import hashlib
from dataclasses import asdict
from typing import Any

import streamlit as st

from l1demo import engine, sound_charts, tasks
from l1demo.engine import EngineError
from l1demo.spec import FeatureSpec
from l1demo.text import _
from l1demo.ui import controls, live, sound_source, state

KINDS = {
    "log-mel": (_("Log-mel"), _("dB")),
    "linear": (_("Linear frequency"), _("dB")),
    "mel": (_("Mel"), _("% of the loudest")),
    "mfcc": (_("MFCC"), _("coefficient")),
}


@st.cache_data(max_entries=50, show_spinner=False)
def pictures(data: bytes, kind: str, features: FeatureSpec) -> dict[str, Any]:
    return engine.current().call(tasks.pictures, data, kind, asdict(features))


def show_level(about: dict[str, Any]) -> None:
    st.caption(
        _("{container}, {rate:,} Hz, {channels} channel(s), {seconds:.2f} s · peak {peak:.1f} dBFS, mean {rms:.1f} dBFS").format(
            container=about["format"],
            rate=about["rate"],
            channels=about["channels"],
            seconds=about["seconds"],
            peak=about["peak_dbfs"],
            rms=about["rms_dbfs"],
        )
    )
    for sentence in about["verdicts"]:
        st.warning(sentence, icon=":material/volume_mute:")


def show_pictures(data: bytes, kind: str, features: FeatureSpec) -> None:
    found = pictures(data, kind, features)
    st.audio(data)  # not of what cannot be read: the browser would show a broken player
    subject = hashlib.sha256(data).hexdigest()[:12]
    show_level(found["about"])
    live.chart(sound_charts.waveform(found["low"], found["high"], found["seconds"], subject), "listen-wave", 150)
    ear, network = st.columns(2)
    name, unit = KINDS[kind]
    rows = [f"{h:,.0f} Hz" for h in found["hertz"]] if kind != "mfcc" else [str(int(n)) for n in found["hertz"]]
    with ear:
        st.subheader(_("What the ear hears"), anchor=False)
        title = _("frequency") if kind != "mfcc" else _("coefficient")
        alt = _("{name} spectrogram: {n} columns, {hop:.1f} ms apart.").format(
            name=name, n=found["level"].shape[1], hop=1000 * found["hop"]
        )
        live.chart(
            sound_charts.picture(found["level"], found["hop"], rows, title, unit, alt, f"{subject}{kind}"), "listen-ear", 320
        )
    with network:
        st.subheader(_("What the network sees"), anchor=False)
        seen = found["seen"]
        rows = [f"{h:,.0f} Hz" for h in found["seen_hertz"]]
        alt = _("{t} frames of {m} numbers at 8 kHz, without silence and without loudness: {n:,} numbers in all.").format(
            t=seen.shape[1], m=seen.shape[0], n=seen.size
        )
        view = sound_charts.picture(seen, found["seen_hop"], rows, _("mel band"), _("deviations"), alt, subject, centred=True)
        live.chart(view, "listen-network", 320)


st.title(_("Listen"), anchor=False)
side, main = st.columns([1, 3], gap="medium")
with side:
    try:
        sound = sound_source.choose()
    except EngineError as error:
        sound = None
        st.error(str(error), icon=":material/error:")
    kind = st.selectbox(_("Spectrogram"), list(KINDS), format_func=lambda kind: KINDS[kind][0])
    for name in ("window", "hop", "mels"):
        controls.widget(name)
with main:
    if sound is None:
        st.info(_("Record or upload a word: its picture stands here at once."), icon=":material/arrow_back:")
    else:
        try:
            show_pictures(sound, kind, state.spec().features)
        except EngineError as error:
            st.error(str(error), icon=":material/error:")
