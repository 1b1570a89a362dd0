"""Small hand-made histories for the store's tests."""

from __future__ import annotations

from allocator.domain import events as ev
from allocator.domain.events import BaySpec, Event, Explanation, Move, Recorded
from allocator.domain.lifecycle import Occupancy, ReservationStatus
from allocator.domain.model import Bay, Offer, Reservation
from allocator.store.base import Commit, OutboxRow

MONDAY_9 = 1_772_409_600_000  # 2026-03-02T00:00:00Z, 09:00 in Seoul
MINUTE = 60_000
HOUR = 60 * MINUTE

MOVE = Move(reservation_id="rsv-1", from_bay="bay-1", to_bay="bay-2", walk_m=120)
EXPLANATION = Explanation(
    policy="bind-late", candidates=12, fell={"closed": 3, "busy": 2}, examined=9, cut=True, walk_m=80, chain=(MOVE,)
)
BARE = Explanation(policy="nearest", candidates=0)


def spec(bay: str = "bay-1", zone: str = "zone-a") -> BaySpec:
    return BaySpec(
        bay=bay, zone=zone, lat=37.45, lon=126.9, gateway="gw-1", resident=f"res-{bay}", needs=("ev",), tariff="t"
    )


ONE_OF_EACH: tuple[Event, ...] = (
    ev.BayRegistered(spec=spec(), operator="op-1", request_id="q-1"),
    ev.BayRetired(bay="bay-1", operator="op-1", request_id="q-2"),
    ev.BayClosed(bay="bay-1", operator="op-1", request_id="q-3"),
    ev.BayOpened(bay="bay-1", operator="op-1", request_id="q-4"),
    ev.SensorRepaired(bay="bay-1", operator="op-1", request_id="q-5"),
    ev.OccupancyChanged(
        bay="bay-1", before="free", status="occupied", observed_at=MONDAY_9, boot_id=7, seq=8, late=True, clock_off=True
    ),
    ev.SensorLost(bay="bay-1", reason="silent"),
    ev.SensorRestored(bay="bay-1"),
    ev.BayContested(bay="bay-1", reason="stranger", reservation_id="rsv-1"),
    ev.BayCleared(bay="bay-1"),
    ev.WeeklyOffered(
        offer_id="off-1",
        bay="bay-1",
        resident="res-1",
        request_id="q-6",
        rrule="FREQ=WEEKLY;BYDAY=MO,TU",
        start="09:00",
        end="18:00",
        except_dates=("2026-03-01", "2026-05-05"),
    ),
    ev.OnceOffered(
        offer_id="off-2", bay="bay-1", resident="res-1", request_id="q-7", from_at=MONDAY_9, until=MONDAY_9 + HOUR
    ),
    ev.AutoOffered(offer_id="off-3", bay="bay-1", resident="res-1", request_id="q-20", risk_permille=100),
    ev.ResidentLeft(bay="bay-1", at=MONDAY_9),
    ev.ResidentReturned(bay="bay-1", at=MONDAY_9 + HOUR, hazard_permille=310),
    ev.AutoWindowSet(bay="bay-1", offer_id="off-3", from_at=MONDAY_9, until=MONDAY_9 + HOUR),
    ev.BayRecalled(
        offer_id="off-4",
        bay="bay-1",
        resident="res-1",
        request_id="q-21",
        from_at=MONDAY_9,
        until=MONDAY_9 + HOUR,
        free_at=MONDAY_9 + MINUTE,
        meanwhile="bay-2",
    ),
    ev.GuestRecalled(reservation_id="rsv-1", bay="bay-1", until=MONDAY_9 + MINUTE, held_until=MONDAY_9 + 2 * MINUTE),
    ev.OfferRejected(resident="res-1", request_id="q-8", bay="bay-1", reason="not_yours"),
    ev.OffersWithdrawn(bay="bay-1", resident="res-1", request_id="q-9", offer_ids=("off-1", "off-2")),
    ev.ReservationAccepted(
        reservation_id="rsv-1",
        request_id="q-10",
        driver="drv-1",
        vehicle_id="v-1",
        zone="zone-a",
        lat=37.45,
        lon=126.9,
        from_at=MONDAY_9 + 1,
        until=MONDAY_9 + HOUR,
        held_from=MONDAY_9,
        held_until=MONDAY_9 + 2 * HOUR,
        max_walk_m=300,
        needs=("ev", "large"),
        quote_won=1_200,
        bay="bay-1",
        walk_m=90,
        explanation=EXPLANATION,
    ),
    ev.RequestWaitlisted(
        reservation_id="rsv-2",
        request_id="q-22",
        driver="drv-2",
        vehicle_id="v-2",
        zone="zone-a",
        lat=37.45,
        lon=126.9,
        from_at=MONDAY_9 + 1,
        until=MONDAY_9 + HOUR,
        held_from=MONDAY_9,
        held_until=MONDAY_9 + 2 * HOUR,
        max_walk_m=300,
        needs=(),
        quote_won=1_200,
        wait_until=MONDAY_9 + MINUTE,
        max_price_won=2_000,
        explanation=BARE,
    ),
    ev.RequestRejected(request_id="q-11", driver="drv-1", zone=None, reason="no_bay", explanation=BARE),
    ev.DriverCommandRefused(
        request_id="q-12", driver="drv-1", type="extend", reason="too_late", zone="zone-a", reservation_id="rsv-1"
    ),
    ev.OperatorCommandRefused(request_id="q-13", operator="op-1", reason="no_such_bay"),
    ev.Replanned(moves=(MOVE, MOVE)),
    ev.ReservationBound(reservation_id="rsv-1", bay="bay-2", walk_m=120),
    ev.ReservationActivated(
        reservation_id="rsv-1", bay="bay-2", at=MONDAY_9 + MINUTE, source="driver", request_id="q-14"
    ),
    ev.ReservationRelocated(
        reservation_id="rsv-1",
        from_bay="bay-1",
        to_bay="bay-2",
        walk_m=400,
        reason="contested",
        violation=True,
        request_id="q-15",
    ),
    ev.ReservationReceived(reservation_id="rsv-1", to_bay="bay-2"),
    ev.ReservationExtended(
        reservation_id="rsv-1",
        request_id="q-16",
        until=MONDAY_9 + 2 * HOUR,
        held_until=MONDAY_9 + 3 * HOUR,
        quote_won=2_400,
    ),
    ev.OverstayWarned(reservation_id="rsv-1"),
    ev.ReservationCompleted(
        reservation_id="rsv-1",
        bay="bay-2",
        at=MONDAY_9 + HOUR,
        source="sensor",
        price_won=1_200,
        resident_won=700,
        request_id="q-17",
    ),
    ev.PointsAwarded(
        bay="bay-1",
        resident="res-1",
        from_at=MONDAY_9,
        until=MONDAY_9 + HOUR,
        offered_ms=HOUR,
        millipoints_per_hour=10,
        millipoints=10,
    ),
    ev.ReservationCancelled(reservation_id="rsv-1", request_id="q-18", operator="op-1"),
    ev.ReservationExpired(reservation_id="rsv-1", bay="bay-1"),
    ev.ReservationFailed(reservation_id="rsv-1", reason="no_substitute", request_id="q-19"),
)


def recorded(events: tuple[Event, ...], first: int = 1, zone: str = "zone-a") -> list[Recorded]:
    """Number the events; published ones get the zone's event_no, as if nothing else had happened there."""
    numbered, event_no = [], first
    for position, event in enumerate(events, first):
        if event.published:
            numbered.append(Recorded(position, MONDAY_9 + position, zone, event_no, event))
            event_no += 1
        else:
            numbered.append(Recorded(position, MONDAY_9 + position, None, None, event))
    return numbered


def bay(name: str = "bay-1") -> Bay:
    return Bay(
        spec=spec(name),
        occupancy=Occupancy.OCCUPIED,
        observed_at=11,
        boot_id=12,
        seq=13,
        lost="silent",
        contested="stranger",
        closed=True,
        retired=False,
        away_since=14,
        absences=15,
        hazard_permille=16,
        rented_week=17,
        rented_ms=18,
        settled_at=19,
    )


def weekly(offer_id: str = "off-1", on: str = "bay-1") -> Offer:
    return Offer(
        offer_id=offer_id,
        bay=on,
        resident="res-1",
        kind="weekly",
        rrule="FREQ=WEEKLY;BYDAY=MO",
        start="09:00",
        end="18:00",
        except_dates=("2026-03-01",),
        offered_at=MONDAY_9,
    )


def once(offer_id: str = "off-2", on: str = "bay-1") -> Offer:
    return Offer(
        offer_id=offer_id,
        bay=on,
        resident="res-1",
        kind="once",
        from_at=MONDAY_9,
        until=MONDAY_9 + HOUR,
        withdrawn=True,
        offered_at=MONDAY_9,
        withdrawn_at=MONDAY_9 + MINUTE,
    )


def auto(offer_id: str = "off-3", on: str = "bay-1") -> Offer:
    return Offer(
        offer_id=offer_id, bay=on, resident="res-1", kind="auto", risk_permille=101, from_at=1, until=2, offered_ms=3
    )


def reservation(
    name: str,
    on: str | None = "bay-1",
    hours: tuple[int, int] = (0, 2),
    *,
    vehicle_id: str | None = None,
    status: ReservationStatus = ReservationStatus.ACCEPTED,
) -> Reservation:
    """Return one that holds `on` for the hours after Monday nine; all its numbers differ."""
    return Reservation(
        reservation_id=name,
        request_id=f"q-{name}",
        driver=f"drv-{name}",
        vehicle_id=vehicle_id or f"v-{name}",
        zone="zone-a",
        lat=37.25,
        lon=126.75,
        from_at=MONDAY_9 + hours[0] * HOUR + 1,
        until=MONDAY_9 + hours[1] * HOUR - 1,
        held_from=MONDAY_9 + hours[0] * HOUR,
        held_until=MONDAY_9 + hours[1] * HOUR,
        max_walk_m=301,
        needs=("ev", "large"),
        quote_won=1_202,
        status=status,
        bay=on,
        walk_m=93,
        accepted_at=MONDAY_9 - 4,
        bound_at=MONDAY_9 - 5,
        activated_at=MONDAY_9 - 6,
        ended_at=MONDAY_9 - 7,
        warned_at=MONDAY_9 - 8,
        violation=True,
        price_won=1_109,
        wait_until=MONDAY_9 - 10,
        max_price_won=1_310,
        recalled_at=MONDAY_9 - 11,
    )


def step(number: int) -> Commit:
    """Return the commit of one event and the message it is announced by."""
    return Commit(
        events=recorded((ev.SensorRestored(bay=f"bay-{number}"),), number),
        outbox=[OutboxRow(number, f"t/{number}", b"{}", retain=True)],
    )
