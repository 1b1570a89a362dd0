"""Share windows and tariffs as CDS policies: the same regulation is the same policy, whichever bay it is of.

A policy's id is made of its contents, so that an id never means anything else. Precedence, lowest first: a recall
(`no parking`), a window of one date, a weekly or automatic window, and below them the resident's own permit.

What CDS cannot say, and how it is said here:
- A window over midnight is two time spans. A date that is left out splits a span by `end_date` and `start_date`.
- An `auto` window opens when the resident's car leaves. When that is foreseen to end is nobody's business: its time
  span is the `designated_period` "resident away" (anybody may name one); a space's `available` says when it is so.
- "Nothing for whoever leaves within 5 minutes, else all from the beginning" is no rate: it is in the `description`.
- A rate is a whole number for one `rate_unit`: a price that minutes do not divide is rounded down to the won a minute,
  and `increment_amount`, the price of the step, rounds it up again.
"""

from __future__ import annotations

import json
from collections import defaultdict
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from baybroker.web.feeds.windows import Daily, dailies, midnight, offer_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from allocator.domain.model import Offer
    from allocator.domain.money import Tariff
    from baybroker.web.feeds.places import Place
    from baybroker.web.feeds.reading import Feed, Row

Json = dict[str, Any]
_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
RESIDENT_AWAY = "resident away"
PERMIT_PRIORITY = 40
_PRIORITY = {"recall": 10, "once": 20, "weekly": 30, "auto": 30}
PERMIT = {
    "name": "Resident-priority parking",
    "priority": PERMIT_PRIORITY,
    "rules": [{"activity": "parking", "user_classes": ["permit"]}],
}


class Policies:
    """The policies of one reading, each made once."""

    def __init__(self, feed: Feed) -> None:
        self._feed = feed
        self._ids: dict[tuple[object, ...], str] = {}
        self.permit = self._id(PERMIT)

    def all(self) -> list[Json]:
        """Return every policy that stands for any bay now, the latest published first."""
        found: dict[str, Json] = {}
        for row in self._feed.rows("first_offered", now=self._feed.now):
            policy = self._policy(_regulation(row), row["tariff"])
            found[self._id(policy)] = policy | {"published_date": row["offered_at"]}
        found[self.permit] = PERMIT | {"published_date": self._feed.began_at}
        policies = [{"curb_policy_id": name, **policy} for name, policy in found.items()]
        return sorted(policies, key=lambda policy: (-policy["published_date"], policy["curb_policy_id"]))

    def of(self, place: Place) -> list[str]:
        """Return the ids of a bay's policies."""
        return [*dict.fromkeys(self._of_offer(offer, place.tariff) for offer in place.offers), self.permit]

    def by_zone(self) -> dict[str, list[str]]:
        """Return the ids of the policies of each zone's bays."""
        found: dict[str, dict[str, None]] = defaultdict(dict)
        for row in self._feed.rows("zone_regulations", now=self._feed.now):
            found[row["zone"]][self._of_offer(_regulation(row), row["tariff"])] = None
        return {zone: [*policies] for zone, policies in found.items()}

    def _of_offer(self, offer: Offer, tariff: str | None) -> str:
        dates = None if offer.kind == "auto" else (offer.from_at, offer.until)
        key = (offer.kind, offer.rrule, offer.start, offer.end, offer.except_dates, dates, tariff)
        if key not in self._ids:
            self._ids[key] = self._id(self._policy(offer, tariff))
        return self._ids[key]

    def _id(self, policy: Json) -> str:
        return self._feed.ids.of("policy", json.dumps(policy, sort_keys=True))

    def _policy(self, offer: Offer, tariff: str | None) -> Json:
        rule: Json = {"activity": "no parking"}
        if offer.kind != "recall":
            rule = {"activity": "parking", **_charged(self._feed.source.tariff_of(tariff))}
        return {
            "name": f"Shared bay, {offer.kind}",
            "priority": _PRIORITY[offer.kind],
            "rules": [rule],
            "time_spans": self._spans(offer),
        }

    def _spans(self, offer: Offer) -> list[Json]:
        if offer.kind == "auto":
            return [{"designated_period": RESIDENT_AWAY}]
        if offer.kind != "weekly":
            return [{"start_date": offer.from_at, "end_date": offer.until}]
        parts = dailies(offer.rrule or "", offer.start or "", offer.end or "", offer.except_dates)
        return [span for part in parts for span in self._around_dates(part)]

    def _around_dates(self, part: Daily) -> Iterator[Json]:
        span: Json = {"days_of_week": [_DAYS[day] for day in part.days], "time_of_day_start": part.start}
        if part.end is not None:  # not given, it ends at midnight
            span["time_of_day_end"] = part.end
        since: Json = {}
        for day in part.except_dates:
            left_out, again = (midnight(it, self._feed.zone) for it in (day, day + timedelta(days=1)))
            if since.get("start_date") != left_out:
                yield {**span, **since, "end_date": left_out}
            since = {"start_date": again}
        yield {**span, **since}


def _regulation(row: Row) -> Offer:
    """Return an offer of nobody and nowhere: what makes a regulation."""
    return offer_of({"offer_id": "", "bay": "", "resident": "", "offered_at": 0} | row)


def _charged(tariff: Tariff) -> Json:
    """Return a rule's rates, base first, then steps without end; money is whole won, CDS's smallest unit of it."""
    most = {"maximum_fee": tariff.day_max_won} if tariff.day_max_won else {}
    rates = [
        {**_rate(tariff.base_won, tariff.base_min), "start_duration": 0, "end_duration": tariff.base_min, **most},
        {**_rate(tariff.step_won, tariff.step_min), "start_duration": tariff.base_min, **most},
    ]
    if not tariff.free_min:
        return {"rate": rates}
    return {"description": f"Free for whoever leaves within {tariff.free_min} minutes", "rate": rates}


def _rate(won: int, minutes: int) -> Json:
    return {
        "rate": won // minutes,
        "rate_unit": "minute",
        "rate_unit_period": "rolling",
        "increment_duration": minutes,
        "increment_amount": won,
    }
