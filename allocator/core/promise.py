"""From what a driver asks for to what is promised: the same at once, from the waiting line and in a batch."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from allocator.core.buffers import buffer_ms
from allocator.domain import events as e
from allocator.domain.interval import MINUTE_MS, Interval, outward
from allocator.matching.filters import Wanted

if TYPE_CHECKING:
    from allocator.core.state import Settings, State
    from allocator.domain.commands import RequestBay
    from allocator.domain.events import Event
    from allocator.domain.model import Reservation
    from allocator.domain.money import Tariff
    from allocator.matching.search import Found


class Ask(NamedTuple):
    """What is asked for. `reservation_id` is the one that it has, waiting, or will have."""

    reservation_id: str
    request_id: str
    driver: str
    vehicle_id: str
    zone: str
    lat: float
    lon: float
    stay: Interval
    max_walk_m: int
    needs: tuple[str, ...]
    quote_won: int
    max_price_won: int | None

    @classmethod
    def of_request(cls, state: State, asked: RequestBay, zone: str, stay: Interval) -> Ask:
        """Return what a new request asks for; the quote is the city's own until a bay is found."""
        return cls(
            reservation_id=f"r-{state.accepted + 1}",
            request_id=asked.request_id,
            driver=asked.driver,
            vehicle_id=asked.vehicle_id,
            zone=zone,
            lat=asked.lat,
            lon=asked.lon,
            stay=stay,
            max_walk_m=asked.max_walk_m,
            needs=asked.needs,
            quote_won=state.settings.tariff.price_won(asked.stay_ms),
            max_price_won=asked.max_price_won,
        )

    @classmethod
    def of_waiting(cls, held: Reservation, now: int) -> Ask:
        """Return what one who waits asks for now: a stay whose start has passed begins now, as long as it was."""
        from_at = max(held.from_at, now)
        same = ("reservation_id", "request_id", "driver", "vehicle_id", "zone", "lat", "lon", "max_walk_m", "needs")
        fields: dict[str, Any] = {name: getattr(held, name) for name in (*same, "quote_won", "max_price_won")}
        return cls(stay=Interval(from_at, from_at + held.until - held.from_at), **fields)

    def fields(self, held: Interval) -> dict[str, Any]:
        """Return what ReservationAccepted and RequestWaitlisted have in common."""
        return {
            "reservation_id": self.reservation_id,
            "request_id": self.request_id,
            "driver": self.driver,
            "vehicle_id": self.vehicle_id,
            "zone": self.zone,
            "lat": self.lat,
            "lon": self.lon,
            "from_at": self.stay.from_at,
            "until": self.stay.until,
            "held_from": held.from_at,
            "held_until": held.until,
            "max_walk_m": self.max_walk_m,
            "needs": self.needs,
            "quote_won": self.quote_won,
        }


def wanted(state: State, ask: Ask, now: int) -> Wanted:
    """Return what a bay is looked for by: whole slots from now on, and the buffer."""
    held = outward(Interval(max(ask.stay.from_at, now - now % MINUTE_MS), ask.stay.until))
    return Wanted(
        lat=ask.lat,
        lon=ask.lon,
        held=Interval(held.from_at, held.until + buffer_ms(state)),
        max_walk_m=ask.max_walk_m,
        needs=ask.needs,
        tariffs=affordable(state.settings, ask.stay.until - ask.stay.from_at, ask.max_price_won),
    )


def affordable(settings: Settings, stay_ms: int, max_price_won: int | None) -> frozenset[str | None] | None:
    """Return the tariffs, as bays name them, at which a stay costs no more; None: any."""
    if max_price_won is None:
        return None
    known: list[tuple[str | None, Tariff]] = [(None, settings.tariff), *settings.tariffs.items()]
    return frozenset(name for name, tariff in known if tariff.price_won(stay_ms) <= max_price_won)


def promise(state: State, ask: Ask, held: Interval, found: Found, bay: str, now: int) -> list[Event]:
    """Return the promise of a bay that was found at its price, with the moves that free it; bound too if it is soon."""
    happened: list[Event] = [e.Replanned(moves=found.moves)] if found.moves else []
    quote_won = state.settings.tariff_of(state.board.bay(bay).spec).price_won(ask.stay.until - ask.stay.from_at)
    fields = ask.fields(held) | {"quote_won": quote_won}
    happened.append(e.ReservationAccepted(**fields, bay=bay, walk_m=found.walk_m, explanation=found.explanation))
    lead_ms = state.settings.policy.bind_lead_ms
    if lead_ms is None or ask.stay.from_at <= now + lead_ms:
        happened.append(e.ReservationBound(reservation_id=ask.reservation_id, bay=bay, walk_m=found.walk_m))
    return happened
