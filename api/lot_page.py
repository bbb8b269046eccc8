"""A lot's report as a page that prints well: HTML and a style, no script, nothing from elsewhere.

    head       the lot, its span of time, lines
    figures    images, parts, yield, FPY, reject rate
    tables     verdicts; defects by class; by which recipe and model
    cards      what was not OK, each with its picture, six to a sheet of A4

Texts that a client sent (lot, part) are escaped; the policy lets nothing run even so.
"""

from __future__ import annotations

import base64
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from hashlib import sha256
from html import escape
from pathlib import Path
from urllib.parse import quote, urlencode
from zoneinfo import ZoneInfo

from api.language import Language
from api.lot_words import WORDS
from inspector.records.lot import Lot, Rejected, Version
from inspector.records.statistics import ClassCount, Figures

STYLE = (Path(__file__).parent / "lot_page.css").read_text(encoding="utf-8")

_STYLE_HASH = base64.b64encode(sha256(STYLE.encode()).digest()).decode()

POLICY = (
    f"default-src 'none'; style-src 'sha256-{_STYLE_HASH}'; img-src 'self'; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'"
)

SHOWN = frozenset({"jpeg", "png", "bmp"})
"""Formats that a browser shows as they are."""

Words = Mapping[str, str]


def page(lot: Lot, zone: ZoneInfo, language: Language, now: datetime, *, simulated: bool) -> str:
    words = WORDS[language]
    title = f"{words['title']}: {lot.lot_id}"
    parts = (
        _head(lot, zone, words, now),
        f'<p class="note">{words["simulated"]}</p>' if simulated else "",
        _figures(lot.counted.total, words),
        '<div class="tables">',
        _verdicts(lot.counted.total, words),
        _classes(lot.counted.classes, words),
        "</div>",
        _versions(lot.versions, zone, words),
        _rejected(lot, zone, words),
    )
    tongue = "zh-Hans" if language == "zh" else "en"
    return (
        f'<!doctype html><html lang="{tongue}"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f"<title>{escape(title)}</title><style>{STYLE}</style></head>"
        f"<body><main>{''.join(parts)}</main></body></html>"
    )


def _head(lot: Lot, zone: ZoneInfo, words: Words, now: datetime) -> str:
    facts = (
        (words["received"], f"{_time(lot.first, zone)} {words['to']} {_time(lot.last, zone)}"),
        (words["lines"], ", ".join(lot.lines)),
        (words["printed"], f"{_time(now, zone)} ({words['times']}, {zone.key})"),
    )
    rows = "".join(f"<dt>{name}</dt><dd>{escape(said)}</dd>" for name, said in facts)
    return f"<header><p>{words['title']}</p><h1>{escape(lot.lot_id)}</h1><dl>{rows}</dl></header>"


def _figures(total: Figures, words: Words) -> str:
    first_yield, reject_rate, fpy = total.rates
    images = total.judged + total.failed + total.expired
    tiles = (
        (words["images"], f"{images:,}", ""),
        (words["parts"], f"{total.parts:,}", ""),
        (words["yield"], _percent(first_yield), words["yield_of"]),
        (words["fpy"], _percent(fpy), words["fpy_of"]),
        (words["reject_rate"], _percent(reject_rate), words["reject_of"]),
    )
    shown = (f"<div><dt>{name}</dt><dd>{value}</dd><dd>{note}</dd></div>" for name, value, note in tiles)
    return f'<dl class="figures">{"".join(shown)}</dl>'


def _verdicts(total: Figures, words: Words) -> str:
    images = total.judged + total.failed + total.expired
    counts = {"OK": total.ok, "NG": total.ng, "REVIEW": total.review}
    counts |= {name: getattr(total, name) for name in ("failed", "expired", "late") if getattr(total, name)}
    rows = (
        (f'<span class="said {name}">{words[name]}</span>', f"{count:,}", _percent(count / images))
        for name, count in counts.items()
    )
    return _section(words["verdicts"], _table(("", words["count"], words["share"]), rows))


def _classes(classes: Sequence[ClassCount], words: Words) -> str:
    if not classes:
        return _section(words["classes"], f"<p>{words['none_found']}</p>")
    rows = ((escape(one.name), f"{one.defects:,}", f"{one.images:,}") for one in classes)
    return _section(words["classes"], _table((words["class"], words["defects"], words["with_one"]), rows))


def _versions(versions: Sequence[Version], zone: ZoneInfo, words: Words) -> str:
    rows = (
        (
            _version(one.recipe, one.recipe_version, words),
            _version(one.model, one.model_version, words),
            f"{one.images:,}",
            f"{_time(one.first, zone)} {words['to']} {_time(one.last, zone)}",
        )
        for one in versions
    )
    head = (words["recipe"], words["model"], words["images"], words["received"])
    return _section(words["versions"], _table(head, rows, "versions"))


def _version(name: str | None, version: object, words: Words) -> str:
    return escape(f"{name}, {words['version']} {version}") if name else f"<i>{words['no_verdict']}</i>"


def _rejected(lot: Lot, zone: ZoneInfo, words: Words) -> str:
    if not lot.rejected:
        return _section(words["rejected"], f"<p>{words['none_rejected']}</p>")
    note = ""
    if lot.rejected_all > len(lot.rejected):
        said = words["more"].format(shown=len(lot.rejected), all=f"{lot.rejected_all:,}")
        url = f"/v1/inspections.csv?{urlencode({'lot_id': lot.lot_id}, quote_via=quote)}"
        note = f'<p class="note">{said} <a href="{escape(url)}">{words["whole_list"]}</a></p>'
    cards = "".join(_card(one, zone, words) for one in lot.rejected)
    title = f"{words['rejected']} ({lot.rejected_all:,})"
    return _section(title, f'{note}<div class="cards">{cards}</div>', "rejected")


def _card(one: Rejected, zone: ZoneInfo, words: Words) -> str:
    url = f"/v1/inspections/{one.id}"
    where = " · ".join(escape(name) for name in (one.line, one.station, one.view) if name)
    found = ", ".join(f"{escape(name)} {score:.2f}" for name, score in one.classes)
    part = escape(one.part_id) if one.part_id is not None else f"<i>{words['no_part']}</i>"
    again = (
        f" <small>({words['again']})</small>" if one.said in {"NG", "REVIEW"} and not one.first_look else ""
    )
    links = [f'<a href="/inspections/{one.id}">{words["record"]}</a>']
    if one.has_image:
        links.append(f'<a href="{url}/image">{words["picture"]}</a>')
    return (
        f'<article>{_picture(one, url, words)}<h3>{part}</h3><p><span class="said {one.said}">'
        f"{words.get(one.said, one.said)}</span>{again} {found}</p>"
        f"<p>{where}<br><time>{_time(one.received, zone)}</time></p><p>{' · '.join(links)}</p></article>"
    )


def _picture(one: Rejected, url: str, words: Words) -> str:
    if not one.has_image:
        return f'<div class="blank">{words["not_kept"]}</div>'
    if one.image_format not in SHOWN and not one.has_preview:
        return f'<div class="blank">{words["no_preview"]}</div>'
    # Lazy: two hundred pictures of some megabytes are not fetched before they are looked at, or printed.
    return f'<img src="{url}/preview" alt="" loading="lazy">'


def _section(title: str, content: str, name: str = "") -> str:
    kind = f' class="{name}"' if name else ""
    return f"<section{kind}><h2>{title}</h2>{content}</section>"


def _table(head: Sequence[str], rows: Iterable[Sequence[str]], name: str = "") -> str:
    kind = f' class="{name}"' if name else ""
    top = "".join(f'<th scope="col">{cell}</th>' for cell in head)
    body = "".join(f"<tr>{''.join(f'<td>{cell}</td>' for cell in row)}</tr>" for row in rows)
    return f"<table{kind}><thead><tr>{top}</tr></thead><tbody>{body}</tbody></table>"


def _percent(rate: float | None) -> str:
    return "–" if rate is None else f"{100 * rate:.2f} %"


def _time(moment: datetime, zone: ZoneInfo) -> str:
    return f"{moment.astimezone(zone):%Y-%m-%d %H:%M:%S}"
