"""The link by which a class joins a set, as text and as a QR code; and what is to be said where others cannot use it."""

import html
import ipaddress
from dataclasses import dataclass
from urllib.parse import quote, urlsplit

import psutil
import segno
import streamlit as st

from l1demo.text import _

PAGE = "our_class"
HOME = {"192.168": 0, "10": 1, "172": 2}  # how likely an address is of a school's network, and not of a virtual machine's


@dataclass(frozen=True)
class Link:
    """A link to a class set.

    Attributes
    ----------
    address : str
    warning : str
        Why others cannot open it or cannot record there, and what to do; empty where they can.
    """

    address: str
    warning: str = ""


def link(class_id: str, base: str | None = None, lan: str | None = None) -> Link:
    """Return the link to a set as others are to open it.

    Parameters
    ----------
    class_id : str
    base : str, optional
        The lab's address as this visitor has it; that of this visit where not given.
    lan : str, optional
        This computer's address in its network; found out where not given, empty where there is none.
    """
    base = (base or st.context.url or "http://localhost:8501").rstrip("/").removesuffix(f"/{PAGE}")
    parts = urlsplit(base)
    path = f"{parts.path}/{PAGE}?set={quote(class_id)}"
    here = f"{parts.scheme}://{parts.netloc}{path}"
    https = _("The README says under “When the microphone is refused” how to put the lab behind HTTPS.")
    if _is_local(parts.hostname or ""):
        lan = lan_address() if lan is None else lan
        if not lan:
            return Link(here, f"{_('This address works on this computer alone, which seems to be in no network.')} {https}")
        port = f":{parts.port}" if parts.port else ""
        there = f"{parts.scheme}://{lan}{port}{path}"
        if parts.scheme == "https":
            return Link(there, _("You are on this computer's own address; for others the link has its address in the network."))
        return Link(
            there,
            _("You are on this computer's own address; for others the link has its address in the network. It opens there, but")
            + " "
            + _("browsers give the microphone to pages on HTTPS only.")
            + f" {https}",
        )
    if parts.scheme != "https":
        return Link(here, _("Others can open it, but browsers give the microphone to pages on HTTPS only.") + f" {https}")
    return Link(here)


def lan_address() -> str:
    """Return this computer's address in its network, empty where it has none; nothing is asked of the network."""
    found = [
        address.address
        for name, addresses in psutil.net_if_addrs().items()
        for address in addresses
        if address.family.name == "AF_INET" and _up(name) and not ipaddress.ip_address(address.address).is_loopback
    ]
    return min(found, key=_unlikely, default="")


def qr_code(address: str) -> str:
    """Return the QR code of an address as HTML: dark on white in every theme, because not every camera reads it the other way."""
    picture = segno.make(address, micro=False).svg_data_uri(scale=4, border=4, dark="#000", light="#fff")
    words = html.escape(_("QR code of the link to this class set"), quote=True)
    return f'<img src="{html.escape(picture, quote=True)}" alt="{words}" style="width:100%;max-width:15rem">'


def _is_local(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


def _up(interface: str) -> bool:
    known = psutil.net_if_stats().get(interface)
    return known is None or known.isup


def _unlikely(address: str) -> int:
    return next((rank for start, rank in HOME.items() if address.startswith(f"{start}.")), len(HOME))
