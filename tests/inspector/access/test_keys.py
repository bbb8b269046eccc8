from __future__ import annotations

import hmac
import re
from datetime import UTC, datetime, timedelta

import pytest
from pydantic import ValidationError

from inspector.access.keys import Key, KeySet, digest, issue, succeed
from inspector.access.roles import Role

NOW = datetime(2026, 6, 1, tzinfo=UTC)


def made(name: str = "AOI 2", expires_at: datetime | None = None) -> tuple[Key, str]:
    return issue(name, Role.CAMERA, ["L1"], expires_at, NOW)


def test_a_secret_has_256_random_bits_and_is_not_kept() -> None:
    key, secret = made()

    assert re.fullmatch(r"ik_[A-Za-z0-9_-]{43}", secret)
    assert key.sha256 == digest(secret)
    assert secret not in key.model_dump_json()
    assert made()[1] != secret


def test_no_key_is_found_in_an_empty_set() -> None:
    assert KeySet().find("") is None


def test_each_secret_finds_its_own_key_and_no_other_text_finds_any() -> None:
    pairs = [made(f"station {number}") for number in range(3)]
    keys = KeySet(keys=tuple(key for key, _ in pairs))

    for key, secret in pairs:
        assert keys.find(secret) is key
    for text in ("", "ik_", pairs[0][1][:-1], pairs[0][1].upper(), pairs[0][0].sha256, "é", "x" * 10_000):
        assert keys.find(text) is None


def test_every_key_is_compared_whole_whichever_is_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    compared: list[str] = []
    real = hmac.compare_digest

    def noted(held: str, wanted: str) -> bool:
        compared.append(held)
        return real(held, wanted)

    monkeypatch.setattr(hmac, "compare_digest", noted)
    pairs = [made(f"station {number}") for number in range(3)]
    keys = KeySet(keys=tuple(key for key, _ in pairs))

    for text in (pairs[0][1], pairs[2][1], "ik_unknown"):
        compared.clear()
        keys.find(text)
        assert compared == [key.sha256 for key, _ in pairs]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({}, None),
        ({"expires_at": NOW + timedelta(seconds=1)}, None),
        ({"expires_at": NOW}, "expired at 2026-06-01 00:00 UTC"),
        ({"revoked_at": NOW}, "was revoked on 2026-06-01"),
    ],
)
def test_when_a_key_is_valid(changes: dict[str, datetime], words: str | None) -> None:
    assert made()[0].model_copy(update=changes).trouble(NOW) == words


def test_a_revoked_key_keeps_its_first_date_and_the_others_stay() -> None:
    (one, _), (other, _) = made(), made()
    keys = KeySet(keys=(one, other)).revoked(one.id, NOW).revoked(one.id, NOW + timedelta(days=1))

    assert [key.revoked_at for key in keys.keys] == [NOW, None]
    assert keys.valid(NOW) == [other]


def test_a_successor_is_the_same_owner_with_another_secret() -> None:
    old, old_secret = made()
    new, secret = succeed(old, None, NOW)
    newest, _ = succeed(new, None, NOW)

    assert (new.name, new.role, new.lines, new.owner) == (old.name, old.role, old.lines, old.id)
    assert (new.id, secret) != (old.id, old_secret)
    assert newest.owner == old.id


@pytest.mark.parametrize("lines", [[], ["L1", "../x"], [""]])
def test_lines_that_cannot_be(lines: list[str]) -> None:
    with pytest.raises(ValidationError):
        issue("AOI 2", Role.CAMERA, lines, None, NOW)


def test_two_keys_of_one_id_or_secret_are_refused() -> None:
    key, _ = made()
    for twin in (key, key.model_copy(update={"id": "k-2"}), made()[0].model_copy(update={"id": key.id})):
        with pytest.raises(ValidationError, match="two keys have the same"):
            KeySet(keys=(key, twin))
