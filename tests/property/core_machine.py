"""Everybody does as they please: the rules of the state machines on the pure core. What is checked is not said here.

A subclass names its judges in `begin`; each is told of every commit, and of every moment when no timer is due.
"""

from __future__ import annotations

from copy import deepcopy
from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from deskwork import LAT, LON, START, DeskWork, spec
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from allocator.core import Settings
from allocator.domain import commands as c
from allocator.domain.interval import DAY_MS, HOUR_MS, MINUTE_MS
from allocator.service.desk import Desk
from allocator.service.start import restore
from allocator.store.base import Loaded

if TYPE_CHECKING:
    from allocator.store.base import Commit

SPRING = int(datetime(2026, 3, 27, 8, 0, tzinfo=UTC).timestamp() * 1000)
AUTUMN = int(datetime(2026, 10, 23, 7, 0, tzinfo=UTC).timestamp() * 1000)
CITIES = [("Asia/Seoul", START), ("Europe/Berlin", SPRING), ("Europe/Berlin", AUTUMN)]
"""Each begins at 09:00, the two of Berlin on the Friday before the clocks change."""
SPECS = (
    spec("b0", east_m=0, zone="z0"),
    spec("b1", east_m=60, zone="z1", needs=("ev",)),
    spec("b2", east_m=120, zone="z0", gateway="gw-2"),
    spec("b3", east_m=180, zone="z1", gateway="gw-2"),
)
NEW = spec("b4", east_m=90, zone="z0", gateway="gw-2", needs=("ev",))
WINDOWS = [("00:00", "24:00"), ("09:00", "18:00"), ("08:30", "12:05"), ("06:00", "22:00"), ("19:00", "08:00")]
RULES = ["FREQ=DAILY", "FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR", "FREQ=WEEKLY;BYDAY=SA,SU", "FREQ=WEEKLY;BYDAY=FR,SU"]

bays = st.sampled_from([one.bay for one in SPECS])
drivers = st.sampled_from(["drv-0", "drv-1", "drv-2"])
cars = st.sampled_from([f"car-{number}" for number in range(6)])
stays = st.sampled_from([30, 60, 10, 45, 120, 240, 37, 95])
walks = st.sampled_from([200, 100, 130, 50, 70])
ends = st.sampled_from([0.0, 180.0, 0.0, 60.0, 3000.0])
needs = st.sampled_from([(), (), (), ("ev",), ("big",)])
caps = st.sampled_from([None, None, None, 1000])
pick = st.integers(0, 11)


class Judge:
    """Looks at the work at certain moments, and raises AssertionError. Subclass it and write those that matter."""

    def before(self, work: Watched) -> None:
        """A command is about to be carried out: `work.asked`."""

    def committed(self, work: Watched, commit: Commit) -> None:
        """A commit is finished; `work.asked` led to it, or, where that is None, the time that passed."""

    def settled(self, work: Watched) -> None:
        """No timer is due."""

    def restarted(self, work: Watched) -> None:
        """The allocator has begun anew."""

    def end(self) -> None:
        """The history is over."""


class Watched(DeskWork):
    """A DeskWork whose commits are judged."""

    def __init__(self, settings: Settings, start: int, judges: list[Judge]) -> None:
        self.asked: c.Command | None = None
        self.key: tuple[str, str] | None = None
        self.judges = judges
        super().__init__(*SPECS, settings=settings, start=start)

    def give(self, command: c.Command, key: tuple[str, str] | None = None) -> Commit:
        self.asked, self.key = command, key
        for judge in self.judges:
            judge.before(self)
        commit = super().give(command, key)
        self.asked = self.key = None
        return commit

    def settle(self, minutes: float = 0) -> None:
        """Let the time pass; at its end no timer is due."""
        self.pass_minutes(minutes)
        for judge in self.judges:
            judge.settled(self)

    def restart(self) -> None:
        """End the allocator in good order and begin again from what it left behind."""
        self.desk.flush_heard()
        self._finish()
        rows = {row.bay: row for commit in self.commits for row in commit.heard}
        image = deepcopy(self.state.image())
        loaded = Loaded(snapshot=image, events=[], tables=deepcopy(image), heard=[*rows.values()], outbox=[], meta={})
        last = max(row.outbox_id for commit in self.commits for row in commit.outbox)
        self.desk = Desk(restore(loaded, self.state.settings, self.now), "seoul", last)
        for judge in self.judges:
            judge.restarted(self)
        self._finish()

    def _finish(self) -> Commit:
        commit = super()._finish()
        for judge in self.judges:
            judge.committed(self, commit)
        return commit


class CoreMachine(RuleBasedStateMachine):
    """The rules. `begin` returns the judges of a world."""

    def begin(self, settings: Settings, start: int) -> list[Judge]:
        raise NotImplementedError

    @initialize(city=st.sampled_from(CITIES), window=st.sampled_from(WINDOWS), days=st.sampled_from(RULES))
    def open(self, city, window, days):
        timezone, start = city
        settings = Settings(timezone=timezone)
        self.asked: list[tuple[c.Command, tuple[str, str]]] = []
        self.judges = self.begin(settings, start)
        self.work = Watched(settings, start, self.judges)
        for bay in ("b0", "b2"):
            self.offer_weekly(bay=bay, window=window, days=days, skip=None)

    def teardown(self):
        for judge in getattr(self, "judges", ()):
            judge.end()

    # ---- what the rules are made of

    def ask(self, role, command, **fields):
        """Send a command that is to be answered, under a number of its own."""
        who = fields[role]
        asked = command(request_id=f"n-{len(self.asked)}", **fields)
        self.send(asked, (f"{role}s/{who}", asked.request_id))
        self.asked.append((asked, (f"{role}s/{who}", asked.request_id)))

    def send(self, command, key=None):
        self.work.give(command, key)
        self.work.settle()

    def held(self, which):
        """Return one of the live reservations, or None where there are none."""
        live = [*self.work.state.reservations.values()]
        return live[which % len(live)] if live else None

    def request(self, driver, car, arrive_at, stay, walk, east_m, **more):
        place = {"lat": LAT, "lon": LON + east_m / 88_400, "max_walk_m": walk}
        times = {"arrive_at": arrive_at, "stay_ms": stay * MINUTE_MS}
        self.ask("driver", c.RequestBay, driver=driver, vehicle_id=car, **place, **times, **more)

    # ---- drivers

    @rule(driver=drivers, car=cars, lead=st.integers(-2, 6), stay=stays, walk=walks, east_m=ends, need=needs, most=caps)
    def request_now(self, driver, car, lead, stay, walk, east_m, need, most):
        at = self.work.now + 5 * lead * MINUTE_MS
        self.request(driver, car, at, stay, walk, east_m, needs=need, max_price_won=most)

    @rule(driver=drivers, car=cars, lead=st.integers(20, 120), stay=stays, walk=walks, east_m=ends)
    def request_later(self, driver, car, lead, stay, walk, east_m):
        self.request(driver, car, self.work.now + lead * MINUTE_MS, stay, walk, east_m)

    @rule(driver=drivers, car=cars, ahead=st.integers(4, 12), stay=stays, walk=walks, east_m=ends, need=needs)
    def request_the_same_hour(self, driver, car, ahead, stay, walk, east_m, need):
        begins = self.work.now - self.work.now % HOUR_MS + (ahead // 4) * HOUR_MS + ahead % 4 * 5 * MINUTE_MS
        self.request(driver, car, begins, stay, walk, east_m, needs=need)

    @rule(driver=drivers, car=cars, days=st.integers(1, 7), hour=st.integers(0, 23), stay=stays, walk=walks)
    def request_another_day(self, driver, car, days, hour, stay, walk):
        zone = ZoneInfo(self.work.state.settings.timezone)
        day = datetime.fromtimestamp(self.work.now / 1000, zone).date() + timedelta(days=days)
        arrives = datetime.combine(day, time(hour), zone)
        self.request(driver, car, int(arrives.timestamp()) * 1000, stay, walk, 0.0)

    @rule(which=pick, kind=st.sampled_from(["cancel", "leave", "arrive", "query"]), blocked=st.booleans())
    def say(self, which, kind, blocked):
        self._say(which, kind, blocked=blocked and kind == "arrive")

    @rule(which=pick, minutes=st.sampled_from([5, 10, 30, 60, 90, 7]))
    def extend(self, which, minutes):
        self._say(which, "extend", extend_ms=minutes * MINUTE_MS)

    def _say(self, which, kind, **more):
        held = self.held(which)
        driver = held.driver if held is not None and which else "drv-0"
        name = held.reservation_id if held is not None else f"r-{which}"
        self.ask("driver", c.DriverCommand, driver=driver, type=kind, reservation_id=name, **more)

    @precondition(lambda self: self.asked)
    @rule(which=pick, other=st.booleans())
    def repeat(self, which, other):
        """Send a request again, or something else under its number."""
        asked, key = self.asked[-1 - which % len(self.asked)]
        if other and isinstance(asked, c.RequestBay):
            asked = replace(asked, stay_ms=asked.stay_ms + 5 * MINUTE_MS, vehicle_id="car-9")
        self.send(asked, key)

    # ---- guests, strangers and sensors

    @rule(which=pick, lag=st.sampled_from([0, 0, 30, 600]))
    def drive_in(self, which, lag):
        """Have the guest of a bound reservation come, or somebody else."""
        held = self.held(which)
        self._sense(held.bay if held is not None else "b0", "occupied", lag=lag)

    @rule(which=pick, minutes=st.integers(0, 2))
    def drive_off(self, which, minutes):
        held = self.held(which)
        self._sense(held.bay if held is not None else "b0", "free")
        self.work.settle(minutes)

    @rule(bay=bays, status=st.sampled_from(["free", "occupied", "free", "unknown"]))
    def sense(self, bay, status):
        self._sense(bay, status)

    @rule(
        bay=bays,
        status=st.sampled_from(["free", "occupied"]),
        back=st.integers(-2, 3),
        boot=st.sampled_from([0, 0, 0, 1, -1, 2 * DAY_MS]),
        gateway=st.sampled_from([None, None, None, "gw-9"]),
    )
    def sense_out_of_order(self, bay, status, back, boot, gateway):
        """A word with an old number, one that was left out or used, of another boot, or from a stranger."""
        heard = self.work.state.heard[self.work.state.board.number[bay]].window
        boot_id = max(0, heard.boot_id + boot) if boot < DAY_MS else self.work.now + boot
        more = {} if gateway is None else {"gateway": gateway}
        self.work.sense(bay, status, seq=max(0, heard.seq - back), boot_id=boot_id, **more)
        self.work.settle()

    def _sense(self, bay, status, *, lag=0):
        heard = self.work.state.heard[self.work.state.board.number[bay]].window
        boot_id = max(heard.boot_id, 0)
        self.work.sense(bay, status, seq=heard.seq + 1, boot_id=boot_id, observed_at=self.work.now - lag * 1000)
        self.work.settle()

    @rule(bay=bays, minutes=st.sampled_from([60, 10, 240]), number=st.integers(0, 3))
    def report_device(self, bay, minutes, number):
        place = self.work.state.board.bay(bay).spec
        said = {"gateway": place.gateway, "zone": place.zone, "bay": bay, "boot_id": 1, "seq": number}
        self.send(c.ReportDevice(**said, observed_at=self.work.now, heartbeat_ms=minutes * MINUTE_MS))

    @rule(gateway=st.sampled_from(["gw-1", "gw-2", "gw-9"]), online=st.booleans())
    def gateway(self, gateway, online):
        self.send(c.ReportGateway(gateway=gateway, online=online))

    # ---- residents and operators

    @rule(
        bay=bays,
        window=st.sampled_from(WINDOWS),
        days=st.sampled_from(RULES),
        skip=st.sampled_from([None, None, "2026-03-03", "2026-03-29", "2026-10-25"]),
    )
    def offer_weekly(self, bay, window, days, skip):
        said = {"rrule": days, "start": window[0], "end": window[1], "except_dates": (skip,) if skip else ()}
        self.ask("resident", c.OfferWeekly, resident=f"res-{bay}", bay=bay, **said)

    @rule(bay=bays, hours=st.integers(0, 12), later=st.integers(0, 20), odd_min=st.sampled_from([0, 0, 1, 3]))
    def offer_once(self, bay, hours, later, odd_min):
        begins = self.work.now + later * HOUR_MS + odd_min * MINUTE_MS
        times = {"from_at": begins, "until": begins + hours * HOUR_MS}
        self.ask("resident", c.OfferOnce, resident=f"res-{bay}", bay=bay, **times)

    @rule(bay=bays, which=st.integers(0, 5), stranger=st.sampled_from([False, False, False, True]))
    def withdraw(self, bay, which, stranger):
        offers = [offer.offer_id for offer in self.work.state.offers_of[bay]]
        offer_id = offers[which] if which < len(offers) else None
        resident = "res-of-another" if stranger else f"res-{bay}"
        self.ask("resident", c.WithdrawOffer, resident=resident, bay=bay, offer_id=offer_id)

    @rule(bay=bays, kind=st.sampled_from(["open", "close", "repaired", "retire"]))
    def operate(self, bay, kind):
        self.ask("operator", c.OperateBay, operator="op-1", bay=bay, type=kind)

    @rule(which=pick)
    def release(self, which):
        held = self.held(which)
        name = held.reservation_id if held is not None else "r-1"
        self.ask("operator", c.ReleaseReservation, operator="op-1", reservation_id=name)

    @rule(bay=bays, change=st.sampled_from([{}, {"needs": ()}, {"resident": "res-new"}, {"zone": "z1"}, None]))
    def register(self, bay, change):
        """Enter a new bay, or a known one once more, with a change."""
        one = NEW if change is None else replace(self.work.state.board.bay(bay).spec, **change)
        self.ask("operator", c.RegisterBays, operator="op-1", specs=(one,))

    # ---- time

    @rule(minutes=st.sampled_from([5, 1, 15, 20, 30, 60, 3, 180]))
    def wait(self, minutes):
        self.work.settle(minutes)

    @rule(which=st.sampled_from([0, 0, 0, 1]))
    def wait_for_a_timer(self, which):
        """Go to the instant of the next timer, or just before it."""
        due_at = self.work.state.next_due()
        self.work.settle(max(0, due_at - self.work.now - which) / MINUTE_MS)

    @rule(days=st.sampled_from([1, 2]))
    def wait_for_another_day(self, days):
        self.work.settle(days * 24 * 60)

    @rule()
    def restart(self):
        self.work.restart()
        self.work.settle()
