"""What the naive model expects of each command: the events of which one must follow, by its own plain reading."""

from __future__ import annotations

from naive_world import DAY, MINUTE, down, overlap, up

from allocator.domain import commands as c

EARLY, PAST = 15 * MINUTE, 5 * MINUTE


def expected(model, asked) -> list[str] | None:
    """Return the events of which one must follow; an empty list: no event may; None: it is not known."""
    teller = _EXPECTS.get(type(asked))
    return teller(model, asked) if teller is not None else None


def refusal(model, asked) -> str | None:
    """Return the rule that a request breaks, or None."""
    until = asked.arrive_at + asked.stay_ms
    stays = [booking.stay for booking in model.live if booking.vehicle == asked.vehicle_id]
    for reason, applies in (
        ("arrives_in_past", asked.arrive_at < model.now - PAST),
        ("beyond_horizon", until > model.now + 7 * DAY),
        ("vehicle_has_reservation", any(overlap(stay, (asked.arrive_at, until)) for stay in stays)),
    ):
        if applies:
            return reason
    return None


def _request(model, asked) -> list[str]:
    if refusal(model, asked):
        return ["request_rejected"]
    waits = asked.wait_until is not None and asked.wait_until > model.now
    return ["reservation_accepted", "request_waitlisted" if waits else "request_rejected"]


def _said(model, said) -> list[str]:
    booking = model.bookings.get(said.reservation_id)
    if booking is None or not (booking.live or booking.status == "waiting") or booking.driver != said.driver:
        return ["driver_command_refused"]
    return _OF_DRIVERS[said.type](model, said, booking)


def _query(_model, _said, _booking) -> list[str]:
    return []


def _cancel(_model, _said, booking) -> list[str]:
    return ["driver_command_refused" if booking.status == "active" else "reservation_cancelled"]


def _leave(_model, _said, booking) -> list[str]:
    return ["reservation_completed" if booking.status == "active" else "driver_command_refused"]


def _arrive(model, said, booking) -> list[str]:
    here = booking.status == "active" and not said.blocked
    if here or booking.status in ("accepted", "waiting") or model.now < booking.stay[0] - EARLY:
        return ["driver_command_refused"]
    bay = model.bays[booking.bay]
    recalled = model.recalled(booking.bay, booking.stay) is not None
    taken = said.blocked or bay.closed or bay.retired or bay.occupancy == "occupied"
    if recalled:
        taken = taken or model.recalled(booking.bay, (model.now, model.now + 1)) is not None
    else:
        taken = taken or model.back_home(booking)
    return ["reservation_relocated", "reservation_failed"] if taken else ["reservation_activated"]


def _extend(model, said, booking) -> list[str]:
    until = booking.stay[1] + said.extend_ms
    more = (max(booking.held[1], down(model.now)), max(booking.held[1], up(until) + model.buffer()))
    others = [other for other in model.live if other is not booking]
    theirs = [other for other in others if other.bay == booking.bay and overlap(other.held, more)]
    refused = (
        booking.status != "active"
        or booking.recalled
        or until <= model.now
        or any(other.vehicle == booking.vehicle and overlap(other.stay, (booking.stay[0], until)) for other in others)
        or any(other.status != "accepted" for other in theirs)
        or (more[0] < more[1] and not model.offered(booking.bay, more))
    )
    if not refused and theirs:
        return ["driver_command_refused", "reservation_extended"]  # those in the way may be able to move
    return ["driver_command_refused" if refused else "reservation_extended"]


_OF_DRIVERS = {"query": _query, "cancel": _cancel, "leave": _leave, "arrive": _arrive, "extend": _extend}


def _observe(model, said) -> list[str]:
    bay = _heard(model, said)
    model.verdict = bay.place_word(said.boot_id, said.seq) if bay is not None else None
    if bay is None:
        return []
    if model.verdict != "duplicate" and said.status != bay.occupancy:
        return ["occupancy_changed"]
    return ["sensor_restored"] if bay.lost not in (None, "stuck") and model.verdict != "late" else []


def _device(model, said) -> list[str]:
    bay = _heard(model, said)
    if bay is None or (said.boot_id, said.seq) <= bay.device:
        return []
    bay.device, bay.heartbeat = (said.boot_id, said.seq), said.heartbeat_ms
    return ["sensor_restored"] if bay.lost not in (None, "stuck") else []


def _heard(model, said):
    """Return the bay that a sensor may speak of, which has been heard by that."""
    bay = model.bays.get(said.bay)
    if bay is None or bay.retired or (bay.spec.gateway, bay.spec.zone) != (said.gateway, said.zone):
        return None
    if said.boot_id > model.now + DAY:
        return None
    bay.heard_at = model.now
    return bay


def _gateway(model, said) -> list[str]:
    if said.online:
        model.down.pop(said.gateway, None)
    elif any(bay.spec.gateway == said.gateway for bay in model.bays.values()):
        model.down.setdefault(said.gateway, model.now)
    return []


def _operate(model, asked) -> list[str]:
    bay = model.bays.get(asked.bay)
    done = {"close": "bay_closed", "open": "bay_opened", "retire": "bay_retired", "repaired": "sensor_repaired"}
    return ["operator_command_refused" if bay is None or bay.retired else done[asked.type]]


def _release(model, asked) -> list[str]:
    booking = model.bookings.get(asked.reservation_id)
    may = booking is not None and booking.status in ("waiting", "accepted", "bound")
    return ["reservation_cancelled" if may else "operator_command_refused"]


def _register(_model, _asked) -> list[str]:
    return ["bay_registered"]


def _is_theirs(model, asked) -> bool:
    bay = model.bays.get(asked.bay)
    return bay is not None and not bay.retired and bay.spec.resident == asked.resident


def _weekly(model, asked) -> list[str]:
    return ["weekly_offered" if _is_theirs(model, asked) else "offer_rejected"]


def _once(model, asked) -> list[str]:
    some = down(asked.until) > up(asked.from_at) and down(asked.until) > model.now
    return ["once_offered" if some and _is_theirs(model, asked) else "offer_rejected"]


def _withdraw(model, asked) -> list[str]:
    return ["offers_withdrawn" if model.meant(asked) and _is_theirs(model, asked) else "offer_rejected"]


def _auto(model, asked) -> list[str]:
    if not _is_theirs(model, asked):
        return ["offer_rejected"]
    ends = "offers_withdrawn" if model.meant(asked) else "offer_rejected"
    return ["auto_offered" if asked.enabled else ends]


def _recall(model, asked) -> list[str]:
    home_at = max(asked.home_at or 0, model.now)
    may = _is_theirs(model, asked) and model.recall_until(asked.bay, home_at) is not None
    return ["bay_recalled" if may else "offer_rejected"]


_EXPECTS = {
    c.OfferAuto: _auto,
    c.RecallBay: _recall,
    c.RequestBay: _request,
    c.DriverCommand: _said,
    c.Observe: _observe,
    c.ReportDevice: _device,
    c.ReportGateway: _gateway,
    c.OperateBay: _operate,
    c.ReleaseReservation: _release,
    c.RegisterBays: _register,
    c.OfferWeekly: _weekly,
    c.OfferOnce: _once,
    c.WithdrawOffer: _withdraw,
}
