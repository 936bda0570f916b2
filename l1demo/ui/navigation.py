"""The script that Streamlit runs for every visit: the list of rooms, and the one that is open."""

from pathlib import Path

import streamlit as st

from l1demo.text import _
from l1demo.ui import state

PAGES = Path(__file__).parents[2] / "pages"
SIDEBAR = 200  # pixels: the rooms' names fit, and the charts have the rest

st.set_page_config(page_title="L1 Speech Lab", page_icon="🎧", layout="wide", initial_sidebar_state=SIDEBAR)
page = st.navigation(
    {
        _("Learn"): [
            st.Page(PAGES / "start.py", title=_("Start"), icon=":material/play_circle:", default=True),
        ],
        _("Lab"): [
            st.Page(PAGES / "listen.py", title=_("Listen"), icon=":material/hearing:", help=_("What is sound to a network?")),
            st.Page(PAGES / "data.py", title=_("Data"), icon=":material/library_music:", help=_("Whose voices?")),
            st.Page(PAGES / "words.py", title=_("Any words"), icon=":material/text_fields:", help=_("Which words shall it learn?")),
            st.Page(PAGES / "our_class.py", title=_("Our class"), icon=":material/groups:", help=_("Which voices are ours?")),
            st.Page(PAGES / "train.py", title=_("Train"), icon=":material/tune:", help=_("What does λ do?")),
            st.Page(
                PAGES / "recognise.py", title=_("Recognise"), icon=":material/record_voice_over:", help=_("Does it understand me?")
            ),
        ],
        _("Understand"): [
            st.Page(PAGES / "path.py", title=_("λ path"), icon=":material/timeline:", help=_("Every λ at once")),
            st.Page(PAGES / "overfit.py", title=_("Overfit"), icon=":material/balance:", help=_("Why regularise?")),
            st.Page(
                PAGES / "runs.py", title=_("Runs"), icon=":material/grid_on:", help=_("Which weights are left, and what differs?")
            ),
            st.Page(PAGES / "methods.py", title=_("Methods"), icon=":material/route:", help=_("Why exact zeros?")),
            st.Page(PAGES / "payoff.py", title=_("Payoff"), icon=":material/savings:", help=_("What does sparsity buy?")),
        ],
    }
)
above = st.container()
if st.session_state.get("room") != page.url_path:  # every visit to a room writes its address anew
    st.session_state.room = page.url_path
    st.session_state.pop("written", None)
page.run()
with above:  # after the page, which is what finds out that its address cannot be: the sentence is there at the first look
    state.show_refusal()
