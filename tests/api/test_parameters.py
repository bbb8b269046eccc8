from __future__ import annotations

import base64
import hashlib

import pytest
from starlette.datastructures import Headers

from api.parameters import (
    PartQuery,
    content_digest,
    content_length,
    idempotency_key,
    request_digest,
    wait_s,
)
from inspector.errors import InvalidParameter

DIGEST = hashlib.sha256(b"image").digest()
SHA_256 = f"sha-256=:{base64.b64encode(DIGEST).decode()}:"


def headers(name: str, *values: str) -> Headers:
    return Headers(raw=[(name.encode(), value.encode("latin-1")) for value in values])


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([], None),
        (["wait=10"], 10),
        (["wait=0"], 0),
        (["WAIT = 10"], 10),
        (['wait="10"'], 10),
        (["respond-async, wait=10"], 10),
        (["respond-async", "wait=10"], 10),
        (["wait=10; foo=bar, wait=20"], 10),
        (['foo="a,wait=3", wait=7'], 7),
        (["wait=3600"], 60),
        (["wait=99999999999999999999"], None),
        (["wait=1.5"], None),
        (["wait=-1"], None),
        (["wait"], None),
        (["wait=١"], None),
        (["waiting=5"], None),
        (["return=minimal"], None),
        ([",,;="], None),
    ],
)
def test_prefer_wait(values: list[str], expected: int | None) -> None:
    encoded = [value.encode().decode("latin-1") for value in values]
    assert wait_s(headers("prefer", *encoded), limit=60) == expected


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([], None),
        (["part-1"], "part-1"),
        (['"part-1"'], "part-1"),
        ([r'"a \"b\" \\"'], r'a "b" \ '.strip()),
        (["a" * 255], "a" * 255),
        ([r"C:\parts\1"], r"C:\parts\1"),
    ],
)
def test_an_idempotency_key_is_quoted_or_bare(values: list[str], expected: str | None) -> None:
    assert idempotency_key(headers("idempotency-key", *values)) == expected


@pytest.mark.parametrize(
    "values", [[""], ['""'], ['"open'], ["a" * 256], ["ü"], ["a\tb"], ["one", "two"], ['"a" "b"']]
)
def test_an_idempotency_key_that_breaks_its_rule(values: list[str]) -> None:
    with pytest.raises(InvalidParameter, match="Idempotency-Key"):
        idempotency_key(headers("idempotency-key", *values))


@pytest.mark.parametrize(
    "values",
    [
        [SHA_256],
        [f"sha-512=:AAAA:, {SHA_256}"],
        ["md5=:AAAA:", SHA_256],
        [f"sha-256=:AAAA:, {SHA_256}"],
    ],
)
def test_the_sha_256_of_a_digest_counts_beside_any_other(values: list[str]) -> None:
    assert content_digest(headers("content-digest", *values)) == DIGEST


@pytest.mark.parametrize(
    "value", ["", "sha-512=:AAAA:", "sha-256=:AAAA:", "sha-256=:A:", "sha-256=abc", SHA_256 + "x", "sha-256"]
)
def test_a_digest_that_cannot_be_checked_is_refused(value: str) -> None:
    with pytest.raises(InvalidParameter, match="Content-Digest"):
        content_digest(headers("content-digest", value))


def test_without_a_digest_there_is_none() -> None:
    assert content_digest(headers("content-digest")) is None


@pytest.mark.parametrize(
    ("text", "expected"), [("0", 0), ("17", 17), ("-1", None), ("1_0", None), ("", None)]
)
def test_content_length(text: str, expected: int | None) -> None:
    assert content_length(headers("content-length", text)) == expected


def test_the_digest_of_a_request_covers_the_image_and_every_parameter() -> None:
    plain = request_digest(PartQuery(), "ab")

    assert plain == request_digest(PartQuery(), "ab")
    others = [
        PartQuery(line="L1"),
        PartQuery(part_id="1"),
        PartQuery(lot_id="1"),
        PartQuery(simulated=True),
        PartQuery(deadline_ms=1),
    ]
    assert (
        len({plain, request_digest(PartQuery(), "ac"), *(request_digest(one, "ab") for one in others)}) == 7
    )
