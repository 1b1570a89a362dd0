"""The checker's own reading of offers: the city's clock, nights, exceptions, daylight saving, rounding."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from baybroker.verify.bays import Bays
from baybroker.verify.offers import Offers
from baybroker.verify.report import Report

SEOUL, BERLIN = "Asia/Seoul", "Europe/Berlin"
OFFERED = "2026-03-01T12:00"
UNTIL_THURSDAY = "RRULE:FREQ=DAILY;UNTIL=20260305T000000"
WEEKDAYS = "FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR"


def ms(zone: str, wall: str) -> int:
    return round(datetime.fromisoformat(wall).replace(tzinfo=ZoneInfo(zone)).timestamp() * 1000)


def offers_in(zone: str) -> Offers:
    report = Report()
    bays = Bays(report, ZoneInfo(zone))
    bays.rows["bay-1"] = {"away_since": None}
    return Offers(ZoneInfo(zone), report, bays)


def weekly(offers: Offers, zone: str, rule: str, start: str, end: str, except_dates=(), offer_id="off-1") -> None:
    data = {"offer_id": offer_id, "bay": "bay-1", "resident": "r", "rrule": rule, "start": start, "end": end}
    offers.handlers["weekly_offered"](1, ms(zone, OFFERED), data | {"except_dates": list(except_dates)})


def covers(offers: Offers, zone: str, from_wall: str, until_wall: str) -> bool:
    return offers.covers("bay-1", ms(zone, from_wall), ms(zone, until_wall))


@pytest.mark.parametrize(
    ("zone", "rule", "times", "asked", "expected"),
    [
        (SEOUL, WEEKDAYS, ("09:00", "18:00"), ("2026-03-02T09:00", "2026-03-02T18:00"), True),
        (SEOUL, WEEKDAYS, ("09:00", "18:00"), ("2026-03-02T08:55", "2026-03-02T18:00"), False),
        (SEOUL, WEEKDAYS, ("09:00", "18:00"), ("2026-03-02T09:00", "2026-03-02T18:05"), False),
        (SEOUL, WEEKDAYS, ("09:00", "18:00"), ("2026-03-07T09:00", "2026-03-07T10:00"), False),
        (SEOUL, WEEKDAYS, ("09:00", "18:00"), ("2026-03-02T17:00", "2026-03-03T10:00"), False),
        (SEOUL, WEEKDAYS, ("09:00", "18:00"), ("2026-03-04T09:00", "2026-03-04T10:00"), False),  # excepted
        (SEOUL, WEEKDAYS, ("20:00", "07:00"), ("2026-03-06T20:00", "2026-03-07T07:00"), True),  # Friday's night
        (SEOUL, WEEKDAYS, ("20:00", "07:00"), ("2026-03-08T20:00", "2026-03-09T07:00"), False),  # Sunday's
        (SEOUL, WEEKDAYS, ("00:00", "24:00"), ("2026-03-02T00:00", "2026-03-04T00:00"), True),
        (SEOUL, WEEKDAYS, ("08:00", "08:00"), ("2026-03-02T08:00", "2026-03-03T08:00"), True),
        (SEOUL, WEEKDAYS, ("09:01", "17:59"), ("2026-03-02T09:05", "2026-03-02T17:55"), True),
        (SEOUL, WEEKDAYS, ("09:01", "17:59"), ("2026-03-02T09:00", "2026-03-02T17:55"), False),
        (SEOUL, WEEKDAYS, ("09:01", "17:59"), ("2026-03-02T09:05", "2026-03-02T18:00"), False),
        (SEOUL, UNTIL_THURSDAY, ("09:00", "18:00"), ("2026-03-05T09:00", "2026-03-05T10:00"), True),
        (SEOUL, UNTIL_THURSDAY, ("09:00", "18:00"), ("2026-03-06T09:00", "2026-03-06T10:00"), False),
        # The clock goes forward at 02:00 on 29 March and back at 03:00 on 25 October 2026 in Berlin.
        (BERLIN, "FREQ=DAILY", ("20:00", "07:00"), ("2026-03-28T20:00", "2026-03-29T07:00"), True),
        (BERLIN, "FREQ=DAILY", ("09:00", "18:00"), ("2026-03-30T09:00", "2026-03-30T18:00"), True),
        (BERLIN, "FREQ=DAILY", ("09:00", "18:00"), ("2026-03-30T08:00", "2026-03-30T09:00"), False),
        (BERLIN, "FREQ=DAILY", ("20:00", "07:00"), ("2026-10-24T20:00", "2026-10-25T07:00"), True),
    ],
)  # fmt: skip
def test_weekly_windows_are_read_on_the_citys_clock(zone, rule, times, asked, expected):
    offers = offers_in(zone)
    weekly(offers, zone, rule, *times, except_dates=["2026-03-04"] if "09:00" in times else ())
    assert covers(offers, zone, *asked) is expected


def test_windows_that_touch_join_and_those_withdrawn_do_not():
    offers = offers_in(SEOUL)
    weekly(offers, SEOUL, WEEKDAYS, "09:00", "12:00")
    once = {"offer_id": "off-2", "bay": "bay-1", "resident": "r"}
    times = {"from_at": ms(SEOUL, "2026-03-02T12:00"), "until": ms(SEOUL, "2026-03-02T15:00")}
    offers.handlers["once_offered"](2, 0, once | times)
    assert covers(offers, SEOUL, "2026-03-02T09:00", "2026-03-02T15:00")
    assert not covers(offers, SEOUL, "2026-03-02T09:00", "2026-03-02T15:05")
    offers.handlers["offers_withdrawn"](3, 0, {"bay": "bay-1", "offer_ids": ["off-2"]})
    assert not covers(offers, SEOUL, "2026-03-02T09:00", "2026-03-02T15:00")
    assert covers(offers, SEOUL, "2026-03-02T09:00", "2026-03-02T12:00")
    assert offers.rows["off-2"]["withdrawn"] == 1


def test_a_bay_without_an_offer_is_never_open():
    assert not offers_in(SEOUL).covers("bay-1", 0, 300_000)
