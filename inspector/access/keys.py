"""Key: what is remembered of an API key. The secret itself is known to its holder alone.

A secret is 256 random bits, so its plain SHA-256 is safe to keep: there is nothing to guess, and a slow
password hash would only slow down every request.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Annotated, Self

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, model_validator

from inspector.access.roles import Role
from inspector.messages.names import Label, Name

SECRET_BYTES = 32

PREFIX = "ik_"
"""Of every secret, so that scanners find one that was committed by mistake."""


class Key(BaseModel):
    """Frozen; a change is a copy. An unknown field is an error: what it restricts must not be overlooked."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: Name
    name: Label
    """For people: whose it is."""
    role: Role
    lines: Annotated[tuple[Name, ...], Field(min_length=1)] | None
    """The lines that it is for; None: every line."""
    owner: Name
    """Whose Idempotency-Keys its requests share: the id of the first key in a row of rotations. A camera that
    gets a new key must not become a stranger to the images that it sent with the old one."""
    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    created_at: AwareDatetime
    expires_at: AwareDatetime | None = None
    revoked_at: AwareDatetime | None = None

    def trouble(self, now: datetime) -> str | None:
        """Why it is not valid; None while it is."""
        if self.revoked_at is not None:
            return f"was revoked on {self.revoked_at:%Y-%m-%d}"
        if self.expires_at is not None and now >= self.expires_at:
            return f"expired at {self.expires_at.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
        return None


def issue(
    name: str, role: Role, lines: Iterable[str] | None, expires_at: datetime | None, now: datetime
) -> tuple[Key, str]:
    """A new key and its secret. Raises pydantic's ValidationError for names that break their rule."""
    return _issue({"name": name, "role": role, "lines": lines, "expires_at": expires_at}, now)


def succeed(old: Key, expires_at: datetime | None, now: datetime) -> tuple[Key, str]:
    """A new key in place of `old`: the same holder, role, lines and owner. `old` is left as it is."""
    same = {"name": old.name, "role": old.role, "lines": old.lines, "owner": old.owner}
    return _issue({**same, "expires_at": expires_at}, now)


def _issue(said: dict[str, object], now: datetime) -> tuple[Key, str]:
    secret = PREFIX + secrets.token_urlsafe(SECRET_BYTES)
    key_id = f"k-{secrets.token_hex(6)}"
    facts = {"id": key_id, "owner": key_id, **said, "sha256": digest(secret), "created_at": now}
    return Key.model_validate(facts), secret


def digest(secret: str) -> str:
    """Hex SHA-256."""
    return hashlib.sha256(secret.encode()).hexdigest()


class KeySet(BaseModel):
    """All keys, the revoked and expired ones too: who comes with one of those is told so."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    version: Annotated[int, Field(ge=1, le=1)] = 1
    keys: tuple[Key, ...] = ()

    @model_validator(mode="after")
    def _each_once(self) -> Self:
        for field in ("id", "sha256"):
            values = [getattr(key, field) for key in self.keys]
            if len(set(values)) < len(values):
                raise ValueError(f"two keys have the same {field}")
        return self

    def find(self, secret: str) -> Key | None:
        """The key of a secret. All are compared, each in constant time: how long it takes tells nothing."""
        wanted = digest(secret)
        found = None
        for key in self.keys:
            if hmac.compare_digest(key.sha256, wanted):
                found = key
        return found

    def named(self, key_id: str) -> Key | None:
        return next((key for key in self.keys if key.id == key_id), None)

    def valid(self, now: datetime) -> list[Key]:
        return [key for key in self.keys if key.trouble(now) is None]

    def added(self, key: Key) -> KeySet:
        return KeySet(keys=(*self.keys, key))

    def revoked(self, key_id: str, now: datetime) -> KeySet:
        """With that key revoked; once revoked it keeps its first date."""
        at = {"revoked_at": now}
        keys = (
            key.model_copy(update=at) if key.id == key_id and key.revoked_at is None else key
            for key in self.keys
        )
        return KeySet(keys=tuple(keys))
