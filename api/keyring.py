"""Who holds a request: the keys in force, re-read when their file changes.

Without a key file the gateway is open, and then it serves this machine alone: it refuses to listen anywhere
else, and it refuses what a proxy or a page of another site sends it.
"""

from __future__ import annotations

import asyncio
import hmac
import logging
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from urllib.parse import urlsplit

from starlette.datastructures import Headers

from api import cookies
from api.metrics import Metrics
from api.sessions import Session, Sessions
from api.settings import Settings
from inspector.access import key_file
from inspector.access.keys import Key, KeySet
from inspector.access.roles import Role
from inspector.errors import KeyRequired, NotAllowed, SettingsError

log = logging.getLogger(__name__)

LOOK_EVERY = timedelta(seconds=1)
"""Between two looks at the key file: so soon a revoked key stops working."""

_FORWARDING = ("forwarded", "via", "x-forwarded-for", "x-forwarded-host", "x-forwarded-proto", "x-real-ip")
"""Headers that say that a request came through a proxy."""

CSRF_HEADER = "X-CSRF-Token"

_OWN_SITE = {"same-origin", "none"}
"""Values of Sec-Fetch-Site of this gateway's own page, and of an address typed by a person."""


@dataclass(frozen=True, slots=True)
class Holder:
    """Who sent a request."""

    role: Role
    lines: frozenset[str] | None
    """None: every line."""
    owner: str
    """Whose Idempotency-Keys these are; empty on an open gateway, where all clients share them."""
    key_id: str | None
    name: str | None = None
    """What people call the key."""
    session: Session | None = None
    """Of a browser that signed in; None where the key itself was sent."""

    def sees(self, line: str) -> bool:
        return self.lines is None or line in self.lines

    def require(self, line: str) -> None:
        """Raises NotAllowed."""
        if not self.sees(line):
            of = ", ".join(sorted(self.lines or ()))
            raise NotAllowed(f"key {self.key_id} is for the lines {of}, not for {line}")


ANYBODY = Holder(Role.ADMIN, None, owner="", key_id=None)
"""Whoever reaches an open gateway."""


class Keyring:
    """Touched from the event loop only, but for the reading of the file."""

    def __init__(self, path: Path | None, sessions: Sessions) -> None:
        """Raises SettingsError: a start with a broken key file is refused, with whatever it held before."""
        self._path = path
        self._seen = _stamp(path)
        self._keys = KeySet() if path is None else key_file.read(path)
        self._sessions = sessions

    @property
    def open(self) -> bool:
        return self._path is None

    def holder(self, headers: Headers) -> Holder:
        """By the Authorization header, or else by the session's cookie. Raises KeyRequired."""
        if self.open:
            _require_own_machine(headers)
            return ANYBODY
        token = cookies.token(headers)
        if token is not None and "authorization" not in headers:
            return self._of_session(token)
        return _holder(self._key_of(_bearer(headers)))

    def sign_in(self, secret: str) -> tuple[Holder, Key]:
        """Who comes with that key. Raises KeyRequired."""
        key = self._key_of(secret)
        return _holder(key, self._sessions.begin(key, datetime.now(UTC))), key

    def renewed(self, holder: Holder) -> tuple[Holder, Key] | None:
        """The holder of a session with a later end; None if the key, or the session, is gone meanwhile."""
        key = self._keys.named(holder.key_id or "")
        if holder.session is None or key is None:
            return None
        return _holder(key, self._sessions.renewed(holder.session, key, datetime.now(UTC))), key

    def sign_out(self, session: Session) -> None:
        self._sessions.end(session, datetime.now(UTC))

    def token(self, session: Session, key: Key) -> str:
        return self._sessions.token(session, key)

    def csrf(self, session: Session) -> str:
        return self._sessions.csrf(session.id)

    def require_csrf(self, holder: Holder, headers: Headers) -> None:
        """Raises NotAllowed. A browser sends the cookie by itself, whatever page made it; this header it does
        not. Whoever sends the key itself needs none."""
        if holder.session is None:
            return
        sent = headers.get(CSRF_HEADER, "")
        if not hmac.compare_digest(sent.encode(), self.csrf(holder.session).encode()):
            raise NotAllowed(
                f"a session changes nothing without the {CSRF_HEADER} that GET /v1/session names"
            )

    def stands(self, holder: Holder) -> bool:
        """Whether a holder's key is valid still: for a stream that outlives its request's check."""
        if holder.key_id is None:
            return self.open
        key, now = self._keys.named(holder.key_id), datetime.now(UTC)
        if key is None or key.trouble(now) is not None:
            return False
        return holder.session is None or self._sessions.stands(holder.session, now)

    def _of_session(self, token: str) -> Holder:
        """Raises KeyRequired."""
        found = self._sessions.read(token, self._keys, datetime.now(UTC))
        if found is None:
            raise KeyRequired("the session has ended: sign in again", sent=True)
        session, key = found
        return _holder(self._valid(key), session)

    def _key_of(self, secret: str) -> Key:
        """Raises KeyRequired."""
        key = self._keys.find(secret)
        if key is None:
            raise KeyRequired("the API key is not known", sent=True)
        return self._valid(key)

    def _valid(self, key: Key) -> Key:
        """Raises KeyRequired."""
        trouble = key.trouble(datetime.now(UTC))
        if trouble is not None:
            # The holder proved the secret, so may be told; and the log names the station that was forgotten.
            log.warning("key %s (%r) %s and was used", key.id, key.name, trouble)
            raise KeyRequired(f"the API key {key.id} {trouble}", sent=True)
        return key

    async def watch(self, metrics: Metrics) -> None:
        """Look at the file for ever. A broken one changes nothing but the log and a metric."""
        metrics.saw_keys(sound=True)
        if not self.open:
            log.info("keys: %s", describe(self._keys))
        while self._path is not None:
            await asyncio.sleep(LOOK_EVERY.total_seconds())
            stamp = await asyncio.to_thread(_stamp, self._path)
            if stamp != self._seen:
                self._seen = stamp
                metrics.saw_keys(sound=await self._read_again(self._path))
        await asyncio.Event().wait()  # open: nothing to look at

    async def _read_again(self, path: Path) -> bool:
        try:
            keys = await asyncio.to_thread(key_file.read, path)
        except SettingsError as error:
            log.error("THE OLD KEYS STAY IN FORCE: %s", error)  # noqa: TRY400 - the traceback tells nothing
            return False
        self._keys = keys
        log.info("keys read again: %s", describe(keys))
        return True


def describe(keys: KeySet) -> str:
    valid = len(keys.valid(datetime.now(UTC)))
    if valid == 0:
        return (
            f"none of {len(keys.keys)} is valid, so every request is refused: `inspector keys add` makes one"
        )
    return f"{valid} of {len(keys.keys)} valid"


def check_exposure(address: str, settings: Settings) -> None:
    """Raises SettingsError: reachable from elsewhere, and open. `address` is the one that is listened on."""
    if settings.keys_file is not None:
        return
    if not ip_address(address.partition("%")[0]).is_loopback:
        where = f"host: {address} is reachable from other machines"
    elif settings.behind_proxy:
        where = "behind_proxy: a proxy brings in requests of other machines"
    else:
        return
    raise SettingsError(
        f"{where}, and there are no API keys. Make one with "
        "`inspector keys add NAME --role admin --all-lines --file keys.json` "
        "and give --keys-file keys.json, or listen on 127.0.0.1."
    )


def _stamp(path: Path | None) -> tuple[int, int, int] | None:
    """Changes when the file does; None when it is not there."""
    try:
        found = path.stat() if path is not None else None
    except OSError:
        return None
    return None if found is None else (found.st_mtime_ns, found.st_size, found.st_ino)


def _holder(key: Key, session: Session | None = None) -> Holder:
    lines = None if key.lines is None else frozenset(key.lines)
    return Holder(key.role, lines, key.owner, key.id, key.name, session)


def _bearer(headers: Headers) -> str:
    """The secret of the Authorization header (RFC 6750). Raises KeyRequired."""
    values = headers.getlist("authorization")
    if not values:
        raise KeyRequired("the request has no Authorization header")
    scheme, _, secret = values[0].partition(" ")
    if len(values) > 1 or scheme.lower() != "bearer" or not secret.strip():
        raise KeyRequired("the Authorization header is not one 'Bearer KEY'", sent=True)
    return secret.strip()


def _require_own_machine(headers: Headers) -> None:
    """Raises KeyRequired for what reached an open gateway from elsewhere: through a proxy, through a name
    that another site let point here (DNS rebinding), or from a page of such a site."""
    forwarded = [name for name in _FORWARDING if name in headers]
    if forwarded:
        raise KeyRequired(
            f"this gateway has no keys and serves its own machine only; {forwarded[0]} says proxy"
        )
    if not _is_own_name(headers.get("host", "")):
        raise KeyRequired("this gateway has no keys and answers only as localhost, 127.0.0.1 or [::1]")
    if headers.get("sec-fetch-site", "none") not in _OWN_SITE:
        raise KeyRequired("this gateway has no keys and answers no page of another site")


def _is_own_name(host: str) -> bool:
    """Of a Host header, with or without a port."""
    try:
        name = urlsplit(f"//{host}").hostname or ""
        return name == "localhost" or ip_address(name).is_loopback
    except ValueError:
        return False
