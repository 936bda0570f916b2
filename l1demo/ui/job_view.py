"""A job on a page: how far it is, a button to cancel it, and at its end what came of it."""

from collections.abc import Callable

import streamlit as st

from l1demo import engine
from l1demo.jobs import CANCELLED, DONE, FAILED, Job
from l1demo.text import _

LOOK = 0.4  # seconds between two looks at a job that is under way


def follow(job: Job | None, key: str, done: Callable[[Job], None] | None = None) -> None:
    """Show a job until it ends, and then its end; nothing where there is none.

    Parameters
    ----------
    job : Job or None
        As the rest of the page was drawn for: when it has ended since, the page is drawn anew.
    key : str
        Of the page's element, one for each place where jobs are shown.
    done : callable, optional
        Draws what came of it.
    """
    if job is None:
        return
    if not job.ended:
        _under_way(job.id, key)
    elif job.state == DONE and done:
        done(job)
    elif job.state == FAILED:
        st.error(job.text, icon=":material/error:")
    elif job.state == CANCELLED:
        st.info(_("Cancelled: {title}. Nothing of it was kept.").format(title=job.title), icon=":material/cancel:")


@st.fragment(run_every=LOOK)
def _under_way(job_id: str, key: str) -> None:
    job = engine.current().job(job_id)
    if job is None or job.ended:
        st.rerun()  # the page, which knows what is to come of it
        return
    st.progress(min(1.0, job.fraction or 0.0), f"{job.title} · {job.text or _('waiting for its turn')}")
    st.button(_("Cancel"), icon=":material/cancel:", key=f"{key}-cancel", on_click=engine.current().cancel, args=(job_id,))
