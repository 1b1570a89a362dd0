"""A board with bays and reservations on it, for tests of the matching."""

from __future__ import annotations

from itertools import count

from deskwork import LAT, LON, START, spec

from allocator.domain.interval import HOUR_MS, MINUTE_MS, Interval, outward
from allocator.domain.lifecycle import Occupancy, ReservationStatus
from allocator.domain.model import Bay, Reservation
from allocator.matching.board import Board
from allocator.matching.filters import Wanted

DAY = Interval(START, START + 9 * HOUR_MS)
M_PER_DEG = 88_400
numbers = count(1)


def board_of(*east_m: float, fairness: int = 0, offered: bool = True, **more) -> Board:
    """Bays `b0`, `b1`... so many metres east of the middle, free, and offered all day."""
    board = Board(START, timezone="Asia/Seoul", fairness_m_per_h=fairness)
    for number, east in enumerate(east_m):
        board.put(Bay(spec=spec(f"b{number}", east_m=east, **more), occupancy=Occupancy.FREE))
        if offered:
            board.calendars.set_open(number, [DAY])
    return board


def stay(from_min: float, minutes: float) -> Interval:
    return outward(Interval(START + int(from_min * MINUTE_MS), START + int((from_min + minutes) * MINUTE_MS)))


def wish(*, east_m: float = 0, from_min: float = 60, minutes: float = 60, max_walk_m: int = 300, **more) -> Wanted:
    """What somebody wants who goes so many metres east of the middle."""
    held = stay(from_min, minutes)
    return Wanted(lat=LAT, lon=LON + east_m / M_PER_DEG, held=held, max_walk_m=max_walk_m, **more)


def put(board: Board, bay: str, want: Wanted, *, bound: bool = False) -> Reservation:
    """Place a reservation that wants this on a bay."""
    key = f"r-{next(numbers)}"
    reservation = Reservation(
        reservation_id=key,
        request_id=key,
        driver=f"drv-{key}",
        vehicle_id=f"car-{key}",
        zone="z1",
        lat=want.lat,
        lon=want.lon,
        from_at=want.held.from_at,
        until=want.held.until,
        held_from=want.held.from_at,
        held_until=want.held.until,
        max_walk_m=want.max_walk_m,
        needs=want.needs,
        quote_won=0,
        status=ReservationStatus.BOUND if bound else ReservationStatus.ACCEPTED,
        bay=bay,
        walk_m=board.walk_m(board.number[bay], want.lat, want.lon),
        accepted_at=START,
    )
    board.place(reservation)
    return reservation


def apply(board: Board, moves) -> None:
    """Move reservations as the core does: all are lifted before any lands."""
    moving = [(board.on_bay[board.number[move.from_bay]][move.reservation_id], move) for move in moves]
    for reservation, _ in moving:
        board.lift(reservation)
    for reservation, move in moving:
        reservation.bay, reservation.walk_m = move.to_bay, move.walk_m
        board.place(reservation)
