"""The figures of a report in the order in which people read them, for the table and for the page."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from inspector.evaluation.bootstrap import Interval, Intervals
from inspector.evaluation.metrics import Rate
from inspector.evaluation.report import Report, Scores


class Line(NamedTuple):
    name: str
    value: float
    """A fraction, 0-1."""
    interval: Interval | None = None
    """95 %"""
    counted: str = ""


def lines(report: Report) -> list[Line]:
    """Those there are: what the data cannot show is left out."""
    return [*boxes(report), *by_class(report), *verdicts(report), *labels(report), *attention(report)]


def boxes(report: Report) -> Iterator[Line]:
    known = report.intervals
    yield from _maps("", report)
    for name, part in (("unseen boards: ", report.unseen), ("seen boards: ", report.seen)):
        if part is not None:
            yield from _maps(name, part)
    if (own := report.deeppcb) is not None:
        spread = known.deeppcb if known else {}
        yield Line("DeepPCB AP, micro", own.ap_micro)
        yield Line("DeepPCB AP, class mean", own.ap_class_mean, spread.get("ap_class_mean"))
        yield Line("DeepPCB F at the thresholds", own.f, spread.get("f"))
        yield Line("... precision", own.precision)
        yield Line("... recall", own.recall)


def by_class(report: Report) -> Iterator[Line]:
    for name, scores in report.per_class.items():
        yield Line(f"mAP50 of {name}", scores.map50, None, f"of {scores.truths}")


def verdicts(report: Report) -> Iterator[Line]:
    yield from _rate("escapes per defect", report.escape_per_defect)
    if (image := report.image) is None:
        return
    spread = report.intervals.image if report.intervals else {}
    yield from _rate("escapes, defective boards judged OK", image.escape_rate)
    yield from _rate("... not judged NG", image.escape_rate_ng)
    yield from _rate("escapes, one-defect boards judged OK", image.escape_rate_single)
    yield from _rate("... not judged NG", image.escape_rate_single_ng)
    yield from _rate("overkill, good boards not judged OK", image.overkill_rate)
    yield from _rate("... judged NG", image.overkill_rate_ng)
    yield from _plain("image AUROC", image.auroc, spread.get("auroc"))
    yield from _plain("image AP", image.ap)
    yield from _plain("image AUROC by findings", image.auroc_findings)


def labels(report: Report) -> Iterator[Line]:
    """Of images whose class is all that is known, and of good ones."""
    if (told := report.classes) is None:
        return
    yield from _rate("images whose class was told", told.accuracy)
    for name, rate in told.per_class.items():
        yield from _rate(f"... of {name}", rate)


def counted(scores: Scores) -> str:
    """How much was there to be found."""
    boxes = f"{scores.defects} defects"
    labelled = f"{scores.labelled} images of a class, place unknown"
    return boxes if not scores.labelled else f"{boxes}, {labelled}" if scores.defects else labelled


def attention(report: Report) -> Iterator[Line]:
    if (scores := report.attention) is None:
        return
    spread = report.intervals.attention if report.intervals else {}
    for name in ("energy", "pointing", "peak_recall", "aupro", "quiet_max"):
        yield from _plain(f"map: {name.replace('_', ' ')}", getattr(scores, name), spread.get(name))


def method(report: Report) -> str:
    """How the intervals were had."""
    if (known := report.intervals) is None:
        return "Intervals of rates: Wilson, 95 %."
    return f"Intervals, 95 %: of rates Wilson; of the others {_bootstrap(known)}."


def _bootstrap(known: Intervals) -> str:
    few = "" if known.unit == "group" else "; there are too few groups to draw whole ones"
    return f"{known.method}, {known.replicates} draws of {known.units} {known.unit}s{few}"


def _maps(prefix: str, scores: Scores) -> Iterator[Line]:
    known = scores.intervals
    yield from _plain(f"{prefix}mAP50", scores.map50, known.map50 if known else None)
    yield from _plain(f"{prefix}mAP50-95", scores.map50_95, known.map50_95 if known else None)


def _plain(name: str, value: float | None, interval: Interval | None = None) -> Iterator[Line]:
    if value is not None:
        yield Line(name, value, interval)


def _rate(name: str, rate: Rate | None) -> Iterator[Line]:
    if rate is not None:
        yield Line(name, rate.value, Interval(low=rate.low, high=rate.high), f"{rate.count} of {rate.of}")
