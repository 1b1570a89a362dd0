"""APDS 4.0 rights: an offer is a RightSpecification, its tariff a RateTable, a reservation an AssignedRight.

What is chosen where APDS is silent or says two things:
- A time of day ends at 23:59 at the latest: a window until midnight loses its last minute; one over midnight is two
  periods. A whole day has no hours at all. Half-open elsewhere: an end belongs to the next.
- An `auto` offer has no times: its `validityStatus` is `active` while the bay is on offer and `suspended` while not,
  which APDS lets stand whatever the times say. When it is foreseen to end is nobody's business.
- What a resident recalled is an exception period of the bay's offers.
- A RateTable must have `validityStart` and `activeTimes`, which are not among its properties: both are there, as a
  DateTime and as an OverallPeriod, beside the `validity` that is defined.
- "Nothing for whoever leaves within 5 minutes" is no rate line: it is in the `description` of the first.
- A right is assigned once a bay is bound: before that it is a promise and has no right specification. The version of
  an assigned right is how many events it has had. Its holder is the vehicle's pseudonym; only an operator sees it.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from allocator.domain.windows import recalled_span
from baybroker.web.feeds.apds_places import issuer, text, versioned
from baybroker.web.feeds.windows import dailies, midnight, offer_of, open_at
from broker_bridge.wire.times import format_rfc3339

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import date

    from allocator.domain.model import Offer
    from allocator.domain.money import Tariff
    from baybroker.web.feeds.reading import Feed, Row
    from baybroker.web.feeds.windows import Daily

Json = dict[str, Any]
CREDENTIAL = "electronicID"
CURRENCY = "KRW"
_DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_LAST_MINUTE = "23:59"
_CANCELLED, _EXPIRED = "cancelled", "expired"


def right_specification(row: Row, standing: Sequence[Offer], feed: Feed) -> Json:
    """Return an offer; `standing` are all that stand for its bay, recalls included."""
    offer = offer_of(row)
    recalls = [it for it in standing if it.kind == "recall"]
    tariff = feed.source.tariff_of(row["tariff"])
    uuid = feed.ids.of("offer", offer.offer_id)
    once = {"expiry": format_rfc3339(offer.until)} if offer.kind == "once" and offer.until is not None else {}
    eligibility = {
        "id": feed.ids.of("rate-eligibility", offer.offer_id),
        "version": 1,
        "priority": 1,
        "combinable": False,
        "rateTable": versioned(feed.ids.of("tariff", tariff.name), "RateTable"),
    }
    return {
        "id": uuid,
        "version": 1,
        "description": text(f"Shared bay {offer.bay}, {offer.kind}"),
        "type": "oneTimeUseParking",
        "transferable": False,
        "credentials": [CREDENTIAL],
        "validity": _validity(offer, recalls, feed),
        **once,
        "issuer": issuer(feed),
        "hierarchyElements": [versioned(feed.ids.of("space", offer.bay), "Space")],
        "rateEligibility": [eligibility],
        "rateTransition": {"prepaymentAllowed": False, "reservationAvailable": True},
    }


def _validity(offer: Offer, recalls: Iterable[Offer], feed: Feed) -> Json:
    recalls, status = list(recalls), "definedByValidityTimeSpec"
    bounds: Json = {"overallStartTime": format_rfc3339(offer.offered_at)}
    taken = [_period(recalled_span(recall)) for recall in recalls]
    if offer.kind == "auto":
        status = "active" if open_at([offer, *recalls], feed.timezone, feed.now) else "suspended"
    elif offer.kind == "once":
        bounds = dict(zip(("overallStartTime", "overallEndTime"), _dates(offer.from_at or 0, offer.until or 0)))  # noqa: B905 - two and two
    else:
        parts = dailies(offer.rrule or "", offer.start or "", offer.end or "", offer.except_dates)
        bounds["validPeriods"] = [_recurring(part) for part in parts]
        left_out = {day for part in parts for day in part.except_dates}
        taken += [_period(_day(day, feed)) for day in sorted(left_out)]
    exceptions = {"exceptionPeriods": taken} if taken else {}
    return {"validityStatus": status, "validityTimeSpecification": bounds | exceptions}


def _recurring(part: Daily) -> Json:
    hours: Json = {}
    if part.start != "00:00" or part.end is not None:
        period = {"startTimeOfPeriod": part.start, "endTimeOfPeriod": part.end or _LAST_MINUTE}
        hours = {"recurringTimePeriodOfDay": [period]}
    return {"recurringDayWeekMonthPeriod": [{"applicableDay": [_DAYS[day] for day in part.days]}], **hours}


def _day(day: date, feed: Feed) -> tuple[int, int]:
    return midnight(day, feed.zone), midnight(day + timedelta(days=1), feed.zone)


def _period(span: tuple[int, int]) -> Json:
    start, end = _dates(*span)
    return {"startOfPeriod": start, "endOfPeriod": end}


def _dates(from_at: int, until: int) -> tuple[str, str]:
    return format_rfc3339(from_at), format_rfc3339(until)


# ---- rates


def rate_table(tariff: Tariff, feed: Feed) -> Json:
    """Return a tariff: a flat base, then steps without end, and the most that a day costs."""
    began = format_rfc3339(feed.began_at)

    def line(number: int, kind: str, start_min: int, won: int, **more: object) -> Json:
        uuid = feed.ids.of("rate-line", f"{tariff.name}/{number}")
        said = {"sequence": number, "rateLineType": kind, "durationStart": _duration(start_min), "value": won}
        return {"id": uuid, "version": 1, **said, **more}

    free = {"description": text(f"Nothing within {tariff.free_min} minutes")} if tariff.free_min else {}
    most = {"currencyType": CURRENCY, "currencyValue": tariff.day_max_won}
    collection = {
        "id": feed.ids.of("rate-lines", tariff.name),
        "version": 1,
        "collectionSequence": 1,
        "applicableCurrency": CURRENCY,
        "resetTime": "00:00",
        "validStart": began,
        "relativeTimes": True,
        "taxIncluded": True,
        "rateLines": [
            line(1, "flatRateTier", 0, tariff.base_won, durationEnd=_duration(tariff.base_min), **free),
            line(2, "incrementingRate", tariff.base_min, tariff.step_won, incrementPeriod=f"PT{tariff.step_min}M"),
        ],
    } | ({"maxValueCollection": most, "maxTime": "PT24H"} if tariff.day_max_won else {})
    return {
        "id": feed.ids.of("tariff", tariff.name),
        "version": 1,
        "rateTableName": text(tariff.name),
        "availability": "public",
        "rateResponsibleParty": issuer(feed),
        "rateType": "hourly",
        "validityStart": began,
        "activeTimes": {"overallStartTime": began},
        "validity": {"validityTimeSpecification": {"overallStartTime": began}},
        "rateLineCollections": [collection],
    }


def _duration(minutes: int) -> str:
    return f"{minutes // 60:02}:{minutes % 60:02}"


# ---- assigned rights


def assigned_right(row: Row, offers: Sequence[Offer], feed: Feed) -> Json:
    """Return a reservation; `offers` are all that there ever were of its bay."""
    name, status = row["reservation_id"], row["status"]
    uuid, total_min = feed.ids.of("reservation", name), (row["until"] - row["from_at"]) / 60_000
    holder = {
        "type": CREDENTIAL,
        "credentialAssignedType": "vehicle",
        "identifier": {"id": row["vehicle_id"], "className": "Vehicle"},
    }
    use: Json = {
        "startTime": format_rfc3339(row["from_at"]),
        "endTime": format_rfc3339(row["until"]),
        "issuer": issuer(feed),
        "issuanceTime": format_rfc3339(row["bound_at"]),
        "issueMethod": "electronic",
        "credentialsAssigned": [holder],
    }
    if status in (_CANCELLED, _EXPIRED) and row["ended_at"] is not None:
        use["cancelTime" if status == _CANCELLED else "expiryTime"] = format_rfc3339(row["ended_at"])
    price_won = row["quote_won"] if row["price_won"] is None else row["price_won"]
    return {
        "id": uuid,
        "version": row["events"],
        "rightSpecification": versioned(feed.ids.of("offer", _covering(row, offers, feed)), "RightSpecification"),
        "rightHolder": {"credentials": [holder]},
        "assignedRightIssuer": issuer(feed),
        "issueMethod": "electronic",
        "issuanceTime": format_rfc3339(row["bound_at"]),
        "totalMinutes": total_min,
        "expiry": format_rfc3339(row["until"]),
        "plannedUses": [use],
        "monetaryValue": {
            "taxIncluded": True,
            "serviceProvider": issuer(feed),
            "value": {"currencyType": CURRENCY, "currencyValue": price_won},
        },
    }


def _covering(row: Row, offers: Sequence[Offer], feed: Feed) -> str:
    """Return the offer that opened the bay at the start, else an `auto` one, which remembers its last window only."""
    opened = [it for it in offers if it.kind != "auto" and open_at([it], feed.timezone, row["from_at"])]
    automatic = [it for it in offers if it.kind == "auto"]
    found = [*opened, *automatic[::-1], *offers[::-1]]
    return found[0].offer_id if found else ""
