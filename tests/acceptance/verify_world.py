"""A small legal history, written by the real store, for the checker to read."""

from __future__ import annotations

import json
from dataclasses import replace

from allocator.domain import events as ev
from allocator.domain.events import Event, Explanation, Move, Recorded
from allocator.domain.lifecycle import Occupancy, ReservationStatus
from allocator.domain.model import Bay, Offer, Reservation, StateImage
from allocator.store.base import Answer, Commit, LedgerEntry, OutboxRow
from allocator.store.sqlite3_store import Sqlite3Store

MINUTE = 60_000
HOUR = 60 * MINUTE
MIDNIGHT = 1_772_377_200_000  # Monday 2026-03-02, 00:00 in Seoul
NINE = MIDNIGHT + 9 * HOUR
S = ReservationStatus
WHY = Explanation(policy="nearest", candidates=3, fell={"needs": 1})


def spec(bay: str, zone: str) -> ev.BaySpec:
    return ev.BaySpec(bay=bay, zone=zone, lat=37.45, lon=126.9, gateway="gw-1", resident=f"res-{bay}", needs=("ev",))


class Town:
    """Two streets. `did` records an event, with what it answers; `save` commits what was done since."""

    def __init__(self) -> None:
        self.bays: dict[str, Bay] = {}
        self.offers: dict[str, Offer] = {}
        self.reservations: dict[str, Reservation] = {}
        self.position = 0
        self.event_nos: dict[str, int] = {}
        self.pending = Commit()

    def did(self, at: int, event: Event, zone: str | None = "zone-a", answers: str | None = None) -> None:
        """Record the event; `answers` is the party whose request it was."""
        self.position += 1
        event_no = None
        if event.published and zone is not None:
            event_no = self.event_nos[zone] = self.event_nos.get(zone, 0) + 1
        self.pending.events.append(Recorded(self.position, at, zone, event_no, event))
        told = {"position": self.position, "zone": zone, "event_no": event_no}
        self.pending.outbox.append(OutboxRow(self.position, "t", json.dumps({"data": told}).encode(), retain=False))
        if answers is not None:
            payload = json.dumps({"type": "done", "request_id": event.request_id, **told}).encode()
            self.pending.answers.append(Answer(answers, event.request_id, "t/reply", payload))

    def register(self, at: int, bay: str, zone: str, request_id: str | None = None) -> None:
        self.bays[bay] = Bay(spec=spec(bay, zone))
        event = ev.BayRegistered(spec=spec(bay, zone), operator="op-1", request_id=request_id)
        self.did(at, event, zone, "operators/op-1" if request_id else None)

    def accept(self, at: int, name: str, bay: str, hours: tuple[float, float], request_id: str) -> None:
        """Promise `bay` for the hours of Monday's clock, and hold it ten minutes longer."""
        from_at, until = (MIDNIGHT + int(hour * HOUR) for hour in hours)
        same = {
            "reservation_id": name, "request_id": request_id, "driver": f"drv-{name}", "vehicle_id": f"v-{name}",
            "zone": "zone-a", "lat": 37.45, "lon": 126.9, "from_at": from_at, "until": until, "held_from": from_at,
            "held_until": until + 10 * MINUTE, "max_walk_m": 300, "needs": (), "quote_won": 1_200, "bay": bay,
            "walk_m": 90,
        }  # fmt: skip
        self.reservations[name] = Reservation(**same, status=S.ACCEPTED, accepted_at=at)
        self.did(at, ev.ReservationAccepted(**same, explanation=WHY), answers=f"drivers/drv-{name}")

    def book(self, unit: str, amounts: dict[str, int]) -> None:
        """Book what the last event came to."""
        entries = (LedgerEntry(self.position, account, amount, unit) for account, amount in amounts.items())
        self.pending.ledger.extend(entries)

    def now(self, name: str, **changes: object) -> None:
        self.reservations[name] = replace(self.reservations[name], **changes)

    def image(self) -> StateImage:
        live = [it for it in self.reservations.values() if it.status in {S.ACCEPTED, S.BOUND, S.ACTIVE}]
        return StateImage(
            position=self.position,
            event_nos=dict(self.event_nos),
            accepted=len(self.reservations),
            offered=len(self.offers),
            lateness=[0] * 8,
            bays=list(self.bays.values()),
            offers=list(self.offers.values()),
            reservations=live,
        )

    async def save(self, store: Sqlite3Store, *moved: str, snapshot: bool = False) -> None:
        """Commit with every row as it is now."""
        self.pending.bays = list(self.bays.values())
        self.pending.offers = list(self.offers.values())
        self.pending.reservations = list(self.reservations.values())
        self.pending.moved = list(moved)
        self.pending.snapshot = self.image() if snapshot else None
        self.pending.meta = {"timezone": "Asia/Seoul"}
        await store.commit(self.pending)
        self.pending = Commit()


def morning(town: Town) -> None:
    """Bays, offers, a sensor's first words, and two promises; a hidden move frees bay-1 for the second."""
    at = NINE - HOUR
    town.register(at, "bay-1", "zone-a")
    town.register(at, "bay-2", "zone-a")
    town.register(at, "bay-3", "zone-b", "q-register")
    weekly = {"rrule": "FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR", "start": "09:00", "end": "18:00"}
    night = {"rrule": "FREQ=DAILY", "start": "20:00", "end": "18:30"}
    for offer_id, bay, times in (("off-1", "bay-1", weekly), ("off-3", "bay-3", night)):
        who = {"offer_id": offer_id, "bay": bay, "resident": f"res-{bay}", "except_dates": ("2026-03-03",)}
        town.offers[offer_id] = Offer(**who, **times, kind="weekly", offered_at=at)
        event = ev.WeeklyOffered(**who, **times, request_id=f"q-{offer_id}")
        town.did(at, event, town.bays[bay].spec.zone, f"residents/res-{bay}")
    once = {"offer_id": "off-2", "bay": "bay-2", "resident": "res-bay-2", "from_at": NINE - 1, "until": NINE + 9 * HOUR}
    town.offers["off-2"] = Offer(**once, kind="once", offered_at=at)
    town.did(at, ev.OnceOffered(**once, request_id="q-off-2"), answers="residents/res-bay-2")
    for seq, (before, status) in enumerate((("unknown", "occupied"), ("occupied", "free"), ("free", "occupied"))):
        seen = {"observed_at": at + seq, "boot_id": 5, "seq": seq}
        town.did(at + seq, ev.OccupancyChanged(bay="bay-1", before=before, status=status, **seen))
        town.bays["bay-1"] = replace(town.bays["bay-1"], occupancy=Occupancy(status), **seen)
    town.did(
        at, ev.OccupancyChanged(bay="bay-1", before="x", status="free", observed_at=1, boot_id=5, seq=0, late=True)
    )
    town.accept(NINE, "rsv-1", "bay-1", (10, 12), "q-1")


def noon(town: Town) -> None:
    """The first is moved, bound, finds its bay taken, gets a substitute; the second stays longer and pays."""
    move = Move(reservation_id="rsv-1", from_bay="bay-1", to_bay="bay-2", walk_m=120)
    town.did(NINE, ev.Replanned(moves=(move,)), None)
    town.accept(NINE, "rsv-2", "bay-1", (10, 12), "q-2")
    town.did(NINE + 45 * MINUTE, ev.ReservationBound(reservation_id="rsv-1", bay="bay-2", walk_m=120))
    town.did(NINE + 45 * MINUTE, ev.ReservationBound(reservation_id="rsv-2", bay="bay-1", walk_m=90))
    came = NINE + HOUR + 7 * MINUTE
    town.did(came, ev.ReservationActivated(reservation_id="rsv-2", bay="bay-1", at=came - 1, source="sensor"))
    town.did(came, ev.BayContested(bay="bay-2", reason="stranger", reservation_id="rsv-1"))
    town.bays["bay-2"] = replace(town.bays["bay-2"], contested="stranger")
    gone = {"reservation_id": "rsv-1", "from_bay": "bay-2", "to_bay": "bay-3", "walk_m": 500}
    town.did(
        came,
        ev.ReservationRelocated(**gone, reason="contested", violation=True, request_id="q-blocked"),
        answers="drivers/drv-rsv-1",
    )
    town.did(came, ev.ReservationReceived(reservation_id="rsv-1", to_bay="bay-3"), "zone-b")
    town.did(came, ev.ReservationActivated(reservation_id="rsv-1", bay="bay-3", at=came, source="driver"), "zone-b")
    longer = {"until": NINE + 4 * HOUR, "held_until": NINE + 4 * HOUR + 10 * MINUTE, "quote_won": 2_400}
    extended = ev.ReservationExtended(reservation_id="rsv-2", request_id="q-extend", **longer)
    town.did(came, extended, answers="drivers/drv-rsv-2")
    moved = {"bay": "bay-3", "walk_m": 500, "violation": True, "bound_at": came}
    town.now("rsv-1", status=S.ACTIVE, **moved, activated_at=came)
    town.now("rsv-2", status=S.ACTIVE, **longer, bound_at=NINE + 45 * MINUTE, activated_at=came - 1)


def absence(town: Town) -> None:
    """The resident of bay-4 is seen to leave and comes back early; who was planned there moves on."""
    at = NINE + 2 * HOUR
    who = {"offer_id": "off-4", "bay": "bay-4"}
    town.register(at, "bay-4", "zone-a")
    auto = {"resident": "res-bay-4", "risk_permille": 100}
    town.did(at, ev.AutoOffered(**who, **auto, request_id="q-off-4"), answers="residents/res-bay-4")
    for seq, (before, status) in enumerate((("unknown", "occupied"), ("occupied", "free"))):
        seen = {"observed_at": at + seq, "boot_id": 5, "seq": seq}
        town.did(at + seq, ev.OccupancyChanged(bay="bay-4", before=before, status=status, **seen))
    town.did(at + 1, ev.ResidentLeft(bay="bay-4", at=at + 1), None)
    opens = at + 5 * MINUTE
    for until in (at + 5 * HOUR, at + 7 * HOUR):
        town.did(at + 2, ev.AutoWindowSet(**who, from_at=opens, until=until), None)
    town.accept(at + 2, "rsv-5", "bay-4", (16.5, 17), "q-7")
    back = at + HOUR
    seen = {"observed_at": back, "boot_id": 5, "seq": 2}
    town.did(back, ev.OccupancyChanged(bay="bay-4", before="free", status="occupied", **seen))
    town.did(back, ev.ResidentReturned(bay="bay-4", at=back, hazard_permille=95), None)
    town.did(back, ev.AutoWindowSet(**who, from_at=back, until=back), None)
    town.did(
        back, ev.Replanned(moves=(Move(reservation_id="rsv-5", from_bay="bay-4", to_bay="bay-2", walk_m=100),)), None
    )
    town.bays["bay-4"] = replace(
        town.bays["bay-4"], occupancy=Occupancy.OCCUPIED, absences=1, hazard_permille=95, **seen
    )
    windows = {"from_at": back, "until": back, "offered_ms": back - opens}
    town.offers["off-4"] = Offer(**who, **auto, kind="auto", offered_at=at, **windows)
    town.now("rsv-5", bay="bay-2", walk_m=100)


def evening(town: Town) -> None:
    """One overstays and pays, one is cancelled, one fails, one is refused; one promise is still open."""
    end = NINE + 4 * HOUR
    town.did(end, ev.OverstayWarned(reservation_id="rsv-2"))
    town.now("rsv-2", warned_at=end)
    end += 20 * MINUTE
    paid = {"price_won": 3_000, "resident_won": 2_000, "surcharge_won": 400, "millipoints": 30}
    town.did(end, ev.ReservationCompleted(reservation_id="rsv-2", bay="bay-1", at=end - 1, source="sensor", **paid))
    town.book("won", {"driver:drv-rsv-2": -3_000, "resident:res-bay-1": 2_000, "operator": 1_000})
    town.book("millipoints", {"resident:res-bay-1": 30, "operator": -30})
    town.now("rsv-2", status=S.COMPLETED, ended_at=end - 1, price_won=3_000)
    offered = {"from_at": end - 5 * HOUR, "until": end, "offered_ms": 5 * HOUR}
    points = {"millipoints_per_hour": 10, "millipoints": 50}
    town.did(end, ev.PointsAwarded(bay="bay-1", resident="res-bay-1", **offered, **points), None)
    town.book("millipoints", {"resident:res-bay-1": 50, "operator": -50})
    came = town.reservations["rsv-2"].activated_at
    used = {"rented_week": MIDNIGHT, "rented_ms": end - 1 - came}
    town.bays["bay-1"] = replace(town.bays["bay-1"], settled_at=end, **used)
    town.accept(end, "rsv-3", "bay-1", (14, 15), "q-3")
    town.did(end, ev.ReservationCancelled(reservation_id="rsv-3", request_id="q-cancel"), answers="drivers/drv-rsv-3")
    town.now("rsv-3", status=S.CANCELLED, ended_at=end)
    town.accept(end, "rsv-4", "bay-1", (15, 16), "q-4")
    rejected = ev.RequestRejected(request_id="q-5", driver="drv-5", zone=None, reason="no_bay", explanation=WHY)
    town.did(end, rejected, None, "drivers/drv-5")
    withdrawn = ev.OffersWithdrawn(bay="bay-2", resident="res-bay-2", request_id="q-withdraw", offer_ids=("off-2",))
    town.did(end, withdrawn, answers="residents/res-bay-2")
    town.offers["off-2"] = replace(town.offers["off-2"], withdrawn=True, withdrawn_at=end)
    town.did(end, ev.OperatorCommandRefused(request_id="q-6", operator="op-1", reason="x"), None, "operators/op-1")


async def legal_history(path: str) -> None:
    """Write the whole day."""
    store = Sqlite3Store(path)
    await store.open("test")
    town = Town()
    morning(town)
    await town.save(store, snapshot=True)
    noon(town)
    await town.save(store, "rsv-1", snapshot=True)
    absence(town)
    await town.save(store, "rsv-5")
    evening(town)
    await town.save(store)
    await store.close()
