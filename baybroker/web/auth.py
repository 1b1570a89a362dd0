"""Who asks, and who may what."""

from __future__ import annotations

from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Annotated

from fastapi import Depends, Request
from fastapi.security import HTTPBearer

from baybroker.web.models import Role  # noqa: TC001 - FastAPI reads it at run time
from baybroker.web.problems import ProblemError
from baybroker.web.services import Services, With  # noqa: TC001 - likewise

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

PARTIES = {"driver": "drivers", "resident": "residents", "operator": "operators"}
CHALLENGE = {"WWW-Authenticate": "Bearer"}
BEARER = "bearer "
_scheme = HTTPBearer(auto_error=False, scheme_name="token", description="`baybroker token create ROLE SUBJECT`")


@dataclass(frozen=True, slots=True)
class Caller:
    """The role and the name behind a token; `public` without one."""

    role: Role
    subject: str | None = None
    token: str | None = None

    @property
    def name(self) -> str:
        """The name behind a token that has one."""
        return self.subject or ""

    @property
    def party(self) -> str | None:
        """How the store names whoever is told something, or None where nobody is."""
        return f"{PARTIES[self.role]}/{self.subject}" if self.role in PARTIES else None


async def caller(request: Request, parts: With) -> Caller:
    """Return who asks; raises ProblemError: 401 for a token that is not valid (any more), 429."""
    address = request.client.host if request.client is not None else "unknown"
    header = request.headers.get("authorization")
    if header is None:
        _limit(parts, f"address {address}")
        return Caller("public")
    found = await verified(parts, header, f"address {address}")
    if found is None:
        raise ProblemError(HTTPStatus.UNAUTHORIZED, "The token is not valid, or no longer.", headers=CHALLENGE)
    _limit(parts, f"token {found.token}")
    return found


async def verified(parts: Services, header: str, address: str) -> Caller | None:
    """Return who has the token of an Authorization header, or None; whoever guesses is slowed down."""
    text = header[len(BEARER) :].strip() if header.lower().startswith(BEARER) else ""
    named = parts.tokens.find(text)
    if named is None:
        _limit(parts, address)
        return None
    if not parts.tokens.known(*named):
        _limit(parts, address)
        if not await parts.tokens.verify(*named):
            return None
    row, _ = named
    return Caller(row.role, row.subject, row.token_id)


Anyone = Annotated[Caller, Depends(caller)]


def needs(*roles: str) -> Callable[..., Awaitable[Caller]]:
    """Return a dependency that lets these roles in; raises ProblemError: 401 without a token, 403 for another role."""

    async def let_in(found: Anyone, _scheme: Annotated[object, Depends(_scheme)]) -> Caller:
        if found.role in roles:
            return found
        if found.token is None:
            raise ProblemError(
                HTTPStatus.UNAUTHORIZED, f"This needs the token of: {_listed(roles)}.", headers=CHALLENGE
            )
        raise ProblemError(HTTPStatus.FORBIDDEN, f"This is for: {_listed(roles)}; the token is of: {found.role}.")

    return let_in


Driver = Annotated[Caller, Depends(needs("driver"))]
Resident = Annotated[Caller, Depends(needs("resident"))]
Operator = Annotated[Caller, Depends(needs("operator"))]
DriverOrOperator = Annotated[Caller, Depends(needs("driver", "operator"))]
ResidentOrOperator = Annotated[Caller, Depends(needs("resident", "operator"))]
AnyoneNamed = Annotated[Caller, Depends(needs("driver", "resident", "operator"))]


def _limit(parts: Services, asker: str) -> None:
    wait_s = parts.rate.wait_s(asker)
    if wait_s:
        raise ProblemError(
            HTTPStatus.TOO_MANY_REQUESTS,
            f"Too many requests: try again in {wait_s} s.",
            headers={"Retry-After": str(wait_s)},
        )


def _listed(roles: tuple[str, ...]) -> str:
    return ", ".join(roles)
