"""Which route needs which role, said at the route itself:

    async def latest(holder: Watcher) -> Response

A route that shows nothing of anybody's parts says `PUBLIC` instead. A test walks all routes and fails on one
that says neither; the OpenAPI document and docs/api.md say the same as the code.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Annotated

from fastapi import Depends, FastAPI, Request
from fastapi.dependencies.models import Dependant
from fastapi.routing import iter_route_contexts

from api.keyring import Holder
from api.state import resources_of
from inspector.access.roles import EVERYONE, Role
from inspector.errors import NotAllowed

_ROLES = "needed_roles"
"""The attribute of a dependency that says which roles it lets through."""


_READING = {"GET", "HEAD"}
"""Methods that change nothing."""


def _needs(*roles: Role) -> Callable[[Request], Awaitable[Holder]]:
    allowed = frozenset(roles)

    async def holder_of(request: Request) -> Holder:
        """Raises KeyRequired, NotAllowed; before the body is read and any parameter is looked at."""
        keyring = resources_of(request).keyring
        holder = keyring.holder(request.headers)
        if holder.role not in allowed:
            wanted = ", ".join(role for role in Role if role in allowed)
            raise NotAllowed(f"this needs one of the roles {wanted}; key {holder.key_id} is {holder.role}")
        if request.method not in _READING:
            keyring.require_csrf(holder, request.headers)
        return holder

    setattr(holder_of, _ROLES, allowed)
    return holder_of


async def _anyone() -> None:
    """For routes without anything of anybody's parts: they are alike on every installation."""


setattr(_anyone, _ROLES, frozenset())

PUBLIC = Depends(_anyone)

poster = _needs(Role.CAMERA, Role.ENGINEER, Role.ADMIN)

Poster = Annotated[Holder, Depends(poster)]
"""May send images in."""
KeyHolder = Annotated[Holder, Depends(_needs(*EVERYONE))]
"""May ask what became of an image of its lines."""
WATCHERS = (Role.OPERATOR, Role.ENGINEER, Role.ADMIN)
Watcher = Annotated[Holder, Depends(_needs(*WATCHERS))]
"""May see images, lists, the stream, and how the installation is."""


def roles_by_route(app: FastAPI) -> dict[tuple[str, str], frozenset[Role] | None]:
    """(method, path) -> who may: an empty set for anyone, None where the route does not say. Paths are as the
    OpenAPI document has them."""
    return {
        (method, str(route.path).replace(":path}", "}")): _roles_of(getattr(route, "dependant", None))
        for route in iter_route_contexts(app.routes)
        for method in getattr(route, "methods", None) or {"*"}
    }


def _roles_of(dependant: Dependant | None) -> frozenset[Role] | None:
    for dependency in dependant.dependencies if dependant is not None else ():
        roles: frozenset[Role] | None = getattr(dependency.call, _ROLES, None)
        if roles is not None:
            return roles
    return None
