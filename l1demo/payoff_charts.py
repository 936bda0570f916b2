"""What sparsity buys, to Plotly figures and sentences: bytes, milliseconds, and the mel bands that still reach a network."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from l1demo.charts import TRAIN, VALIDATION, WEIGHT, ZERO, Chart, packed, percent
from l1demo.text import N_, _

FORMS = {
    "dense": N_("dense"),
    "cut": N_("dense, unused units cut away"),
    "csr32": N_("CSR, 32-bit columns"),
    "csr16": N_("CSR, 16-bit columns"),
    "bitmask": N_("bitmask"),
    "gzip": N_("dense, gzip"),
    "bitmask gzip": N_("bitmask, gzip"),
}
WAYS = {
    "first": N_("fused, with no weight 0"),
    "dense": N_("fused, as trained"),
    "cut": N_("fused, unused units cut away"),
    "loop dense": N_("step by step, dense"),
    "loop csr": N_("step by step, CSR"),
}
PAIR = {"dense": N_("L1, as trained"), "l1": N_("L1, unused units cut away"), "group": N_("group lasso, unused units cut away")}
COLOURS = {"first": WEIGHT, "dense": WEIGHT, "l1": TRAIN, "cut": ZERO, "group": ZERO, "loop csr": VALIDATION}


def sizes(found: Mapping[str, Any], subject: str) -> Chart:
    """Draw the bytes of a network's weights in each form; ``found`` is ``payoff.sizes``'s result."""
    written = {form: found["bytes"][form] for form in FORMS}
    dense = written["dense"]
    colours = [ZERO if size < dense else VALIDATION if size > dense else WEIGHT for size in written.values()]
    bars = _bars([_(name) for name in FORMS.values()], list(written.values()), list(map(_size, written.values())))
    layout = _layout(_("bytes"), subject)
    layout["xaxis"] |= {"range": [0, 1.3 * max(written.values())]}  # room for the numbers
    return Chart({"data": [bars | {"marker": {"color": colours}}], "layout": layout}, smallest(found), subject)


def smallest(found: Mapping[str, Any]) -> str:
    """Say which form is the smallest, and by how much."""
    written = found["bytes"]
    best = min(FORMS, key=written.__getitem__)
    if written[best] >= written["dense"]:
        return _("Dense, the weights take {dense:,} bytes, and no other form takes less.").format(dense=written["dense"])
    return _("Dense, the weights take {dense:,} bytes; “{form}” is the smallest form, with {n:,} bytes: {part} of that.").format(
        dense=written["dense"], form=_(FORMS[best]), n=written[best], part=percent(written[best] / written["dense"])
    )


def timing(ms: Mapping[str, np.ndarray], names: Mapping[str, str], subject: str) -> Chart:
    """Draw the median milliseconds of each way, with a line from the first to the third quartile.

    Parameters
    ----------
    ms : mapping of np.ndarray, shape (rounds,)
    names : mapping of str
        ``WAYS`` or ``PAIR``.
    subject : str
    """
    low, middle, high = (np.array([np.quantile(ms[way], q) for way in names]) for q in (0.25, 0.5, 0.75))
    bars = _bars([f"{_(name)}<br>{value:.3f} ms" for name, value in zip(names.values(), middle, strict=True)], middle.tolist())
    bars |= {
        "marker": {"color": [COLOURS.get(way, TRAIN) for way in names]},
        "error_x": {"type": "data", "array": packed(high - middle), "arrayminus": packed(middle - low), "color": WEIGHT},
    }
    alt = _("The median of {n} measurements of each, and a thin line that holds half of them: {parts}.").format(
        n=len(ms["dense"]), parts="; ".join(f"{_(name)} {value:.3f} ms" for name, value in zip(names.values(), middle, strict=True))
    )
    return Chart({"data": [bars], "layout": _layout(_("milliseconds for one clip"), subject)}, alt, subject)


def timing_findings(ms: Mapping[str, np.ndarray], apart: float, found: Mapping[str, Any]) -> list[str]:
    """Say what got faster and what did not, from the numbers; ``found`` is ``payoff.sizes``'s result."""
    return [_of_zeros(ms, found), _of_csr(ms), _of_cut(ms, apart, found)]


def pair(found: Sequence[Mapping[str, Any]], accuracies: Sequence[float], subject: str) -> Chart:
    """Draw the bytes of two networks, of L1 and of group lasso: dense, as a bitmask, and dense without their unused units."""
    forms = ("dense", "bitmask", "cut")
    names = (_("L1"), _("group lasso"))
    traces = [
        _bars([_(FORMS[form]) for form in forms], [each["bytes"][form] for form in forms])
        | {"name": name, "marker": {"color": colour}}
        for each, name, colour in zip(found, names, (TRAIN, ZERO), strict=True)
    ]
    layout = _layout(_("bytes"), subject) | {
        "showlegend": True,
        "legend": {"orientation": "h", "x": 0, "y": 1, "yanchor": "bottom"},
    }
    layout["margin"] = layout["margin"] | {"t": 24}
    said = [
        _("{name}: accuracy {accuracy}, {zeros} of the weights 0, {kept} of {all} units left").format(
            name=name,
            accuracy=percent(accuracy),
            zeros=percent(1 - each["nonzero"] / each["weights"]),
            kept=sum(each["kept"]),
            all=sum(each["units"]),
        )
        for each, name, accuracy in zip(found, names, accuracies, strict=True)
    ]
    return Chart({"data": traces, "layout": layout}, "; ".join(said) + ".", subject)


def pair_finding(ms: Mapping[str, np.ndarray]) -> str:
    """Say whether what group lasso left is faster than what L1 left, both without their unused units."""
    times, low, high = _times_as_fast(ms["group"], ms["l1"])
    if low > 1:
        return _("Cut, the network of group lasso is {times:.2f} times as fast as that of L1.").format(times=times)
    if high < 1:
        return _("Cut, the network of group lasso takes {times:.2f} times as long as that of L1.").format(times=1 / times)
    return _("Cut, the two networks take equally long, as far as can be measured here.")


def units_finding(found: Mapping[str, Any]) -> str:
    """Say how many units could be cut away exactly, and why a dead one had to stay."""
    units, kept = sum(found["units"]), sum(found["kept"])
    if kept == units:
        said = _("From each of the {all} hidden units a path of weights that are not 0 leads to a word: none can be cut away.")
    else:
        said = _("{n} of {all} hidden units reach no word by any path of weights that are not 0: they can be cut away exactly.")
    said = said.format(n=units - kept, all=units)
    if found["deaf"]:
        more = (
            _(
                "One more dead unit has to stay: no sound reaches it, but words hear it, and through its biases it counts the time "
                "since the word began."
            )
            if found["deaf"] == 1
            else _(
                "{n} more dead units have to stay: no sound reaches them, but words hear them, and through their biases they count "
                "the time since the word began."
            )
        )
        said += " " + more.format(n=found["deaf"])
    if kept == 0:
        said += " " + _(
            "The smaller network still has one unit in each layer, all its weights 0, because an LSTM cannot have fewer; its words "
            "are answered from the biases alone."
        )
    return said


def bands(seen: np.ndarray, hop: float, hertz: np.ndarray, weight: np.ndarray, subject: str) -> Chart:
    """Draw a clip as the network sees it, the bands that no longer reach it in grey, and beside it the weight of each band.

    Parameters
    ----------
    seen : np.ndarray, float32, shape (M, T)
    hop : float
        Seconds from frame to frame.
    hertz, weight : np.ndarray, float32, shape (M,)
        The bands' centres, and Σ|w| of what leads from each into the network.
    subject : str
    """
    rows = [f"{h:,.0f} Hz" for h in hertz]
    reached = weight > 0
    shape = {"type": "heatmap", "x0": hop / 2, "dx": hop, "y": rows, "zmid": 0, "showscale": False}
    shape |= {"hovertemplate": "%{x:.3f} s<br>%{y}<br>%{z:.1f}<extra></extra>", "hoverongaps": False}
    traces = [
        shape | {"z": packed(np.where(reached[:, None], seen, np.float32(np.nan))), "colorscale": "RdBu"},
        shape | {"z": packed(np.where(reached[:, None], np.float32(np.nan), seen)), "colorscale": "Greys", "opacity": 0.4},
        {"type": "bar", "orientation": "h", "y": rows, "x": packed(weight), "xaxis": "x2", "marker": {"color": ZERO}}
        | {"hovertemplate": "%{y}: %{x:.2f}<extra></extra>"},
    ]
    layout = {
        "margin": {"l": 72, "r": 12, "t": 8, "b": 40},
        "showlegend": False,
        "uirevision": subject,
        "bargap": 0.1,
        "xaxis": {"title": {"text": _("time (s)")}, "domain": [0, 0.68]},
        "xaxis2": {"title": {"text": "Σ|w|"}, "domain": [0.73, 1], "rangemode": "tozero", "nticks": 4},
        "yaxis": {"type": "category", "title": {"text": _("mel band")}, "nticks": 8, "tickangle": 0},
    }
    return Chart({"data": traces, "layout": layout}, _bands_finding(hertz, weight), subject)


def _of_zeros(ms: Mapping[str, np.ndarray], found: Mapping[str, Any]) -> str:
    if found["nonzero"] == found["weights"]:
        return _("No weight of this network is 0, so there is nothing to gain from zeros.")
    times, low, _high = _times_as_fast(ms["dense"], ms["first"])
    said = _("With {zeros} of the weights 0, a clip takes the fused network {now:.3f} ms; with none 0, {first:.3f} ms: ").format(
        zeros=percent(1 - found["nonzero"] / found["weights"]), now=np.median(ms["dense"]), first=np.median(ms["first"])
    )
    if low > 1:
        return said + _("{times:.2f} times as fast.").format(times=times)
    if found["nonzero"] == 0:
        return said + _("zeros do not make it faster even where there is nothing else, because each is multiplied all the same.")
    return said + _("zeros that lie scattered in a matrix do not make it faster, because each is multiplied all the same.")


def _of_csr(ms: Mapping[str, np.ndarray]) -> str:
    times, low, high = _times_as_fast(ms["loop csr"], ms["loop dense"])
    if low > 1:
        return _("Written out step by step, CSR matrices are {times:.2f} times as fast as dense ones.").format(times=times)
    if high < 1:
        return _(
            "Written out step by step, CSR matrices take {times:.2f} times as long as dense ones: at this size their book-keeping "
            "costs more than the zeros that they leave out."
        ).format(times=1 / times)
    return _("Written out step by step, CSR and dense matrices take equally long, as far as can be measured here.")


def _of_cut(ms: Mapping[str, np.ndarray], apart: float, found: Mapping[str, Any]) -> str:
    units, kept = sum(found["units"]), sum(found["kept"])
    if kept == units:
        return _("No unit could be cut away, so there is no smaller network that would be faster.")
    times, low, high = _times_as_fast(ms["cut"], ms["dense"])
    said = _("Without the {n} of {all} units that reach no word, ").format(n=units - kept, all=units)
    if low > 1:
        said += _("the fused network is {times:.2f} times as fast").format(times=times)
    elif high < 1:
        said += _("the fused network takes {times:.2f} times as long").format(times=1 / times)
    else:
        said += _("the fused network takes equally long, as far as can be measured here")
    if apart == 0:
        return said + _("; no word's probability changes.")
    return said + _("; no word's probability changes by more than {apart:.1e}.").format(apart=apart)


def _times_as_fast(a: np.ndarray, b: np.ndarray) -> tuple[float, float, float]:
    """How many times as fast a is as b: the median over the rounds, and the quartiles, which have to agree on who is faster."""
    low, middle, high = np.quantile(b / a, (0.25, 0.5, 0.75))
    return float(middle), float(low), float(high)


def _bands_finding(hertz: np.ndarray, weight: np.ndarray) -> str:
    dead = int((weight == 0).sum())
    if dead == len(weight):
        return _("No mel band reaches the network any more: it is deaf.")
    most, least = int(weight.argmax()), int(np.where(weight > 0, weight, np.inf).argmin())
    left = _("The weight that is left is largest at {most:,.0f} Hz ({a:.2f}) and smallest at {least:,.0f} Hz ({b:.2f}).").format(
        most=hertz[most], a=weight[most], least=hertz[least], b=weight[least]
    )
    if dead == 0:
        return _("All {n} mel bands still reach the network.").format(n=len(weight)) + " " + left
    return _("{n} of {all} mel bands, those in grey, no longer reach the network.").format(n=dead, all=len(weight)) + " " + left


def _size(n: int) -> str:
    return f"{n / 1000:,.1f} kB" if n >= 1000 else _("{n} bytes").format(n=n)


def _bars(names: list[str], values: list[float], texts: Sequence[str] = ()) -> dict[str, Any]:
    bars = {
        "type": "bar",
        "orientation": "h",
        "y": names,
        "x": values,
        "name": "",
        "hovertemplate": "%{y}: %{x:,.5~g}<extra></extra>",
    }
    return bars | ({"text": texts, "textposition": "outside", "cliponaxis": False} if texts else {})


def _layout(title: str, subject: str) -> dict[str, Any]:
    return {
        "margin": {"l": 8, "r": 12, "t": 8, "b": 40},
        "showlegend": False,
        "uirevision": subject,
        "xaxis": {"title": {"text": title}, "rangemode": "tozero", "nticks": 5},
        "yaxis": {"autorange": "reversed", "automargin": True, "ticksuffix": " "},
    }
