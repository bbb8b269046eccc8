"""Sessions: what a browser holds in place of an API key (docs/adr/0022-sessions.md).

    token   key id : end : session id : signature     an HttpOnly cookie; nothing is kept here
    CSRF    signature of the session id               a header that only the page's own script can send

The signature covers the SHA-256 of the key's secret, so a session dies with its key: revoked, expired,
replaced or gone from the file. What is kept here are the sessions that were signed out before their end.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from inspector.access.keys import Key, KeySet

LEAST_SECRET = 32
"""Characters of a secret that is given: as `openssl rand -hex 32` draws twice over."""


@dataclass(frozen=True, slots=True)
class Session:
    id: str
    key_id: str
    ends_at: datetime


class Sessions:
    """Touched from the event loop only."""

    def __init__(self, secret: str | None, lasts: timedelta) -> None:
        """`secret` None: drawn now, so that the sessions end with this process."""
        self._secret = (secret or secrets.token_hex(LEAST_SECRET)).encode()
        self._lasts = lasts
        self._ended: dict[str, datetime] = {}
        """Session id -> when it would have ended by itself."""

    def begin(self, key: Key, now: datetime) -> Session:
        return self._until_end(secrets.token_urlsafe(18), key, now)

    def renewed(self, session: Session, key: Key, now: datetime) -> Session:
        """The same session with a later end; its CSRF token stays."""
        return self._until_end(session.id, key, now)

    def token(self, session: Session, key: Key) -> str:
        facts = f"{session.key_id}:{int(session.ends_at.timestamp())}:{session.id}"
        return f"{facts}:{self._sign('session', facts, key.sha256)}"

    def csrf(self, session_id: str) -> str:
        return self._sign("csrf", session_id)

    def read(self, token: str, keys: KeySet, now: datetime) -> tuple[Session, Key] | None:
        """Whose a token is; None for one that was not made here, has ended, or has lost its key."""
        facts, _, signature = token.rpartition(":")
        key_id, ends_at, session_id = (*facts.split(":"), "", "", "")[:3]
        key = keys.named(key_id)
        expected = self._sign("session", facts, key.sha256 if key is not None else "")
        if not hmac.compare_digest(expected.encode(), signature.encode()) or key is None:
            return None
        session = Session(session_id, key_id, datetime.fromtimestamp(int(ends_at), UTC))
        return (session, key) if self.stands(session, now) else None

    def stands(self, session: Session, now: datetime) -> bool:
        return now < session.ends_at and session.id not in self._ended

    def end(self, session: Session, now: datetime) -> None:
        """Signed out. A token of it that was copied, or made new a moment ago, is worth nothing either."""
        self._ended = {one: ends_at for one, ends_at in self._ended.items() if now < ends_at}
        self._ended[session.id] = now + self._lasts

    def _until_end(self, session_id: str, key: Key, now: datetime) -> Session:
        ends_at = now + self._lasts
        if key.expires_at is not None:
            ends_at = min(ends_at, key.expires_at)
        return Session(session_id, key.id, ends_at.replace(microsecond=0))

    def _sign(self, *parts: str) -> str:
        text = "\n".join(parts)
        return hmac.new(self._secret, text.encode(), hashlib.sha256).hexdigest()
