"""Events of a reservation in words, a table of them by type."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from baybroker.history.reading import CityClock
    from baybroker.verify.reading import Fields

_FILTERS = {
    "closed": "closed",
    "excluded": "the bay it was to leave",
    "needs": "without what was needed",
    "too_dear": "too dear",
    "contested": "contested",
    "not_free_now": "not known to be free",
    "not_offered": "not on offer for all of it",
    "booked": "booked",
}
"""What a bay within the walk may fall to; other filters are told by their name."""


def tell(event: Fields, clock: CityClock) -> list[str]:
    """Return what an event means, in lines; nothing where it says nothing of its own."""
    teller = _TELLERS.get(event["type"])
    return teller(event["data"], clock) if teller is not None else []


def reasons(explanation: Fields | None) -> list[str]:
    """Return why a search ended as it did."""
    if not explanation:
        return []
    fell = [f"{count} {_words(name)}" for name, count in sorted(explanation["fell"].items(), key=lambda it: -it[1])]
    seen = f"{explanation['candidates']} bays within the walk" + (f": {', '.join(fell)}" if fell else "")
    cut = ", then the search was cut off" if explanation["cut"] else ""
    lines = [f"{seen}; {explanation['examined']} examined{cut} (policy {explanation['policy']})"]
    if explanation["walk_m"] is not None:
        fairness_m = explanation.get("fairness_m", 0)
        lines.append(f"cost: {explanation['walk_m']} m of walk + {fairness_m} m for what it was rented already")
    return lines + [
        f"made room: {move['reservation_id']} from {move['from_bay']} to {move['to_bay']} ({move['walk_m']} m)"
        for move in explanation["chain"]
    ]


def won(amount: int) -> str:
    """Return an amount as people write it."""
    return f"{amount:,} won"


def _words(name: str) -> str:
    return _FILTERS.get(name, name.replace("_", " "))


def _span(data: Fields, clock: CityClock) -> str:
    from_at, until = clock.local(data["from_at"]), clock.local(data["until"])
    days = (until.date() - from_at.date()).days
    return f"{from_at:%Y-%m-%d %H:%M}-{until:%H:%M}" + (f" +{days} d" if days else "")


def _asked(data: Fields, clock: CityClock) -> str:
    needs = f", with {', '.join(data['needs'])}" if data["needs"] else ""
    place = f"within {data['max_walk_m']} m of {data['lat']:.5f},{data['lon']:.5f}"
    return f"{data['driver']} asked ({data['request_id']}) for {_span(data, clock)} {place}{needs}"


def _accepted(data: Fields, clock: CityClock) -> list[str]:
    promised = f"accepted: {won(data['quote_won'])} at most, planned on {data['bay']}, {data['walk_m']} m away"
    return [_asked(data, clock), promised, *reasons(data["explanation"])]


def _waitlisted(data: Fields, clock: CityClock) -> list[str]:
    limit = "" if data.get("max_price_won") is None else f", {won(data['max_price_won'])} at most"
    waits = f"waits for a bay until {clock.local(data['wait_until']):%Y-%m-%d %H:%M}{limit}"
    return [_asked(data, clock), waits, *reasons(data.get("explanation"))]


def _rejected(data: Fields, _clock: CityClock) -> list[str]:
    said = f"rejected {data['driver']}'s request {data['request_id']}: {_words(data['reason'])}"
    return [said, *reasons(data.get("explanation"))]


def _refused(data: Fields, _clock: CityClock) -> list[str]:
    return [f"{data['type']} ({data['request_id']}) refused: {_words(data['reason'])}"]


def _replanned(data: Fields, _clock: CityClock) -> list[str]:
    why = "for a shorter walk"
    if data["for"] is not None:
        own = data["for"] == data["reservation_id"]
        why = "its bay could not be used" if own else f"to make room for {data['for']}"
    return [f"moved from {data['from_bay']} to {data['to_bay']} ({data['walk_m']} m), {why}"]


def _bound(data: Fields, _clock: CityClock) -> list[str]:
    return [f"bound: {data['bay']} is fixed, {data['walk_m']} m away"]


def _contested(data: Fields, _clock: CityClock) -> list[str]:
    return [f"{data['bay']} is contested: {_words(data['reason'])}"]


def _activated(data: Fields, clock: CityClock) -> list[str]:
    return [f"in {data['bay']} since {clock.local(data['at']):%H:%M}, by the {data['source']}'s word"]


def _relocated(data: Fields, _clock: CityClock) -> list[str]:
    beyond = ""
    if data["violation"]:
        cost_won = data.get("cost_won", 0)
        beyond = "; farther than promised, at the operator's cost" + (f" of {won(cost_won)}" if cost_won else "")
    where = f"{data['from_bay']} to {data['to_bay']} ({data['walk_m']} m)"
    return [f"relocated from {where}: {_words(data['reason'])}{beyond}", *reasons(data.get("explanation"))]


def _extended(data: Fields, clock: CityClock) -> list[str]:
    return [f"extended to {clock.local(data['until']):%Y-%m-%d %H:%M}, {won(data['quote_won'])} at most now"]


def _recalled(data: Fields, clock: CityClock) -> list[str]:
    return [f"the resident wants {data['bay']} back: to leave by {clock.local(data['until']):%H:%M}"]


def _warned(_data: Fields, _clock: CityClock) -> list[str]:
    return ["warned: the stay is over and the car still there"]


def _completed(data: Fields, clock: CityClock) -> list[str]:
    surcharge_won = data.get("surcharge_won", 0)
    parts = f" (of it {won(surcharge_won)} for staying too long)" if surcharge_won else ""
    left = f"left {data['bay']} at {clock.local(data['at']):%H:%M}, by the {data['source']}'s word"
    return [f"{left}: {won(data['price_won'])}{parts}, {won(data['resident_won'])} to the resident"]


def _cancelled(data: Fields, _clock: CityClock) -> list[str]:
    return [f"cancelled by {data.get('operator') or 'the driver'}"]


def _expired(data: Fields, _clock: CityClock) -> list[str]:
    return [f"expired: the driver did not come to {data['bay']}"]


def _failed(data: Fields, _clock: CityClock) -> list[str]:
    return [f"failed: {_words(data['reason'])}, and no substitute; nothing is charged"]


_TELLERS: dict[str, Callable[[Fields, CityClock], list[str]]] = {
    "reservation_accepted": _accepted,
    "request_waitlisted": _waitlisted,
    "request_rejected": _rejected,
    "driver_command_refused": _refused,
    "replanned": _replanned,
    "reservation_bound": _bound,
    "bay_contested": _contested,
    "reservation_activated": _activated,
    "reservation_relocated": _relocated,
    "reservation_extended": _extended,
    "guest_recalled": _recalled,
    "overstay_warned": _warned,
    "reservation_completed": _completed,
    "reservation_cancelled": _cancelled,
    "reservation_expired": _expired,
    "reservation_failed": _failed,
}
