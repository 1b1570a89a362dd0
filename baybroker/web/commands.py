"""Asking the allocator: publish a command, and wait for what was committed."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import json
import re
import secrets
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, NamedTuple

from pydantic import TypeAdapter, ValidationError

from baybroker.web.problems import ProblemError, field_errors
from broker_bridge.transport.base import ConnectionLostError
from broker_bridge.wire import codec
from broker_bridge.wire.messages import PAYLOADS
from broker_bridge.wire.topics import TopicKind

if TYPE_CHECKING:
    from pydantic import BaseModel

    from baybroker.web.auth import Caller
    from baybroker.web.services import Services

ANSWER_WITHIN_S = 10.0
REPEAT_S = 2.0
"""A broker that was away may have lost it, or its allocator have come back later than we: the same again."""
REFUSED = frozenset({"rejected", "extend_refused", "offer_rejected"})
Answer = dict[str, Any]
_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")


class _Door(NamedTuple):
    """Where a role's commands go."""

    kind: TopicKind
    name: str


DOORS = {
    "driver": _Door(TopicKind.DRIVER_REQUEST, "driver"),
    "resident": _Door(TopicKind.RESIDENT_OFFER, "resident"),
    "operator": _Door(TopicKind.OPERATOR_COMMAND, "operator"),
}
_ADAPTERS: dict[str, TypeAdapter[Any]] = {role: TypeAdapter(PAYLOADS[door.kind]) for role, door in DOORS.items()}


def request_id_of(key: str | None) -> str:
    """Return the request_id of an Idempotency-Key: itself where it may be one, else its hash; a new one without."""
    if not key:
        return f"web-{secrets.token_hex(12)}"
    return key if _REQUEST_ID.fullmatch(key) else f"key-{hashlib.sha256(key.encode()).hexdigest()[:48]}"


def command(role: str, body: dict[str, Any], **added: object) -> BaseModel:
    """Return the message of a role that a body asks for, with what the server adds; raises ProblemError 422."""
    try:
        message: BaseModel = _ADAPTERS[role].validate_json(json.dumps(body | added))
    except ValidationError as error:
        errors = error.errors(include_url=False, include_input=False, include_context=False)
        wrong = field_errors(errors, skip=1 if errors[0]["loc"] else 0)
        raise ProblemError(HTTPStatus.UNPROCESSABLE_ENTITY, "The request is not valid.", errors=wrong) from None
    return message


async def ask(parts: Services, caller: Caller, message: Any) -> Answer:
    """Publish a command in the caller's name and return the committed answer; raises ProblemError 503, 504.

    What was answered before is answered the same, without asking again.
    """
    party, request_id = caller.party or "", message.request_id
    with parts.link.listening(party, request_id) as heard:
        try:
            async with asyncio.timeout(ANSWER_WITHIN_S):
                published = False
                while (answer := await _answered(parts, party, request_id)) is None:
                    heard.clear()
                    published = await _publish(parts, caller, message, again=published) or published
                    with contextlib.suppress(TimeoutError):
                        await asyncio.wait_for(heard.wait(), REPEAT_S)
        except TimeoutError:
            answer = await _answered(parts, party, request_id)
    if answer is None:
        raise ProblemError(
            HTTPStatus.GATEWAY_TIMEOUT, f"The allocator has not answered; ask again with Idempotency-Key {request_id}."
        )
    return answer


def unless_refused(answer: Answer) -> Answer:
    """Return the answer; raises ProblemError 409 where the allocator refused."""
    if answer["type"] in REFUSED:
        reason = str(answer.get("reason", answer["type"]))
        detail = f"The allocator refuses: {reason.replace('_', ' ')}."
        raise ProblemError(HTTPStatus.CONFLICT, detail, more={"reason": reason, "request_id": answer["request_id"]})
    return answer


async def _answered(parts: Services, party: str, request_id: str) -> Answer | None:
    row = await parts.database.row("select_answer", party, request_id)
    return None if row is None else json.loads(row["payload"])


async def _publish(parts: Services, caller: Caller, message: BaseModel, *, again: bool) -> bool:
    """Tell whether the broker has it. A loss after that is waited out; the reconnect has us publish once more."""
    door = DOORS[caller.role]
    try:
        await parts.link.publish(door.kind, codec.encode(message), **{door.name: caller.name})
    except ConnectionLostError:
        if not again:
            raise ProblemError(
                HTTPStatus.SERVICE_UNAVAILABLE, "The broker cannot be reached.", headers={"Retry-After": "5"}
            ) from None
        return False
    return True
