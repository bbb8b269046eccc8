"""What `inspector playground` shows of one image: HTML with every picture inside it."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from html import escape
from pathlib import Path

import numpy as np

from inspector.data.dataset import Image
from inspector.imaging.overlay import draw, encode_png
from inspector.studies.channels import Channel, Layer, Seen
from inspector.studies.pictures import LEGEND, faded

STYLE = Path(__file__).with_name("page.css").read_text(encoding="utf-8")

EMPTY = '<div class="hint">Drop an image of a part on the left, or draw a board.</div>'

_LONGEST_SIDE = 900
"""Pixels of an overlay: a page with a 4096 px picture for each model would be tens of megabytes."""


def page(seen: Sequence[Seen]) -> str:
    """One column for each model."""
    return f'<div class="seen">{"".join(_model(one) for one in seen)}</div>'


def failure(message: str) -> str:
    return f'<div class="hint warn">{escape(message)}</div>'


def _model(seen: Seen) -> str:
    manifest, judgement = seen.bundle.manifest, seen.judgement
    attention = escape(str(manifest.architecture.get("attention", "cbam")).upper())
    verdict = judgement.verdict.value
    layers = "".join(_layer(layer) for layer in seen.layers)
    return (
        f'<section class="model"><h2>{escape(manifest.name)} <small>{attention}, {escape(manifest.version)}'
        f'</small><span class="verdict {verdict}">{verdict}</span></h2><p>{_findings(seen)}</p>'
        f"{_overlays(seen)}{layers or _none(attention)}</section>"
    )


def _findings(seen: Seen) -> str:
    findings = seen.judgement.findings
    counted = [finding for finding in findings if finding.counted]
    named = ", ".join(f"{escape(finding.defect_class)} {finding.score:.2f}" for finding in counted[:6])
    more = f" and {len(counted) - 6} more" if len(counted) > 6 else ""
    below = sum(not finding.reached for finding in findings)
    defective = f"the image as a whole: {seen.prediction.classification.defective:.2f} defective"
    return f"{named or 'nothing at the threshold'}{more}; {below} findings below it; {defective}"


def _overlays(seen: Seen) -> str:
    attention = seen.prediction.attention
    if attention is None:
        raise ValueError("a playground's model always has a map")
    boxes, field = draw(seen.image, seen.judgement.findings), draw(faded(seen.image), [], attention)
    highest = float(attention.max()) / 255
    return (
        '<div class="pair">'
        + _figure(boxes, "the boxes; red ones reach the threshold")
        + _figure(field, f"{LEGEND}; highest {highest:.2f}")
        + "</div>"
    )


def _figure(image: Image, caption: str) -> str:
    return f"<figure>{_img(_shrunk(image), caption)}<figcaption>{escape(caption)}</figcaption></figure>"


def _layer(layer: Layer) -> str:
    facts = f"stride {layer.stride}, {layer.channels} channels, mean weight {layer.mean:.2f}"
    ways = _way("raised", layer.raised, layer) + _way("damped", layer.damped, layer)
    return (
        f'<div class="layer"><h3>{escape(layer.name)}</h3><p>{facts}; {layer.live} of {layer.hidden} hidden '
        f'units fire</p>{_dead(layer)}<div class="ways">{ways}</div></div>'
    )


def _dead(layer: Layer) -> str:
    if layer.live:
        return ""
    return '<p class="warn">No hidden unit of this gate fires: what it says does not depend on the image.</p>'


def _way(way: str, channels: Sequence[Channel], layer: Layer) -> str:
    rows = "".join(_channel(channel, layer.mean) for channel in channels)
    return f'<div class="{way}"><h4>{way}: weight, against the mean, strongest places</h4>{rows}</div>'


def _channel(channel: Channel, mean: float) -> str:
    difference = channel.weight - mean
    width = min(100.0, 100 * abs(difference) / max(mean, 1e-6))
    patches = "".join(_img(patch, f"excites channel {channel.number}") for patch in channel.patches)
    name = f"#{channel.number} \u00d7{channel.weight:.2f} ({difference:+.2f})"
    return (
        f'<div class="channel"><div class="name">{name}'
        f'<div class="bar" style="width:{width:.0f}%"></div></div>{patches or "not excited here"}</div>'
    )


def _none(attention: str) -> str:
    return f'<div class="layer"><p>{attention}: this network has no channel gate.</p></div>'


def _img(image: Image, what: str) -> str:
    data = base64.b64encode(encode_png(np.ascontiguousarray(image))).decode("ascii")
    return f'<img alt="{escape(what)}" src="data:image/png;base64,{data}">'


def _shrunk(image: Image) -> Image:
    step = -(-max(image.shape[:2]) // _LONGEST_SIDE)
    return image[::step, ::step]
