"""Who asks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends

from baybroker.web.models import Role  # noqa: TC001 - read at run time


@dataclass(frozen=True, slots=True)
class Caller:
    """The role and the name behind a token; `public` without one."""

    role: Role
    subject: str | None = None


def caller() -> Caller:
    """Return who asks."""
    return Caller("public")


Anyone = Annotated[Caller, Depends(caller)]
