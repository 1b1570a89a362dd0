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
from allocator.domain.money import Tariff
from allocator.matching.policies import BindLate, Nearest
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
CHANGES = {"same": {}, "bare": {"needs": ()}, "sold": {"resident": "res-new"}, "moved": {"zone": "z1"}}
"""What is changed when a bay is registered once more."""
OPERATIONS = ["close", "sold", "open", "close", "repaired", "retire", "release", "new", *CHANGES]
TICK_MS = 20 * MINUTE_MS
"""Seldom: in a long wait most of the work would be to look for shorter walks."""
TARIFF = Tariff(offered_millipoints=1_000, used_millipoints=1_000)
STRANGER = 5
"""The pick for which somebody else speaks."""
NEW = spec("b4", east_m=90, zone="z0", gateway="gw-2", needs=("ev",))
WINDOWS = [("00:00", "24:00"), ("09:00", "18:00"), ("08:30", "12:05"), ("06:00", "22:00"), ("19:00", "08:00")]
RULES = ["FREQ=DAILY", "FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR", "FREQ=WEEKLY;BYDAY=SA,SU", "FREQ=WEEKLY;BYDAY=FR,SU"]

bays = st.sampled_from([one.bay for one in SPECS])
drivers = st.sampled_from(["drv-0", "drv-1", "drv-2"])
cars = st.sampled_from([f"car-{number}" for number in range(6)])
stays = st.sampled_from([60, 30, 10, 45, 120, 37])
walks = st.sampled_from([200, 100, 50, 130, 70])
ends = st.sampled_from([0.0, 180.0, 60.0, 0.0, 180.0, 60.0, 0.0, 3000.0])
needs = st.sampled_from([(), (), (), (), (), (), ("ev",), ("big",)])
caps = st.sampled_from([None, None, 1000, None, 600])
patience = st.sampled_from([None, None, None, 60, 20, 240])
pick = st.sampled_from([0, 0, 1, 2, 3, 4, 5])
first_requests = st.lists(st.tuples(st.integers(0, 2), walks, st.booleans()), min_size=1, max_size=4)


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
        self.judges, self.start = judges, start
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
        nothing = self.asked is None and not (commit.events or commit.outbox or commit.bays or commit.heard)
        for judge in [] if nothing else self.judges:
            judge.committed(self, commit)
        return commit


class CoreMachine(RuleBasedStateMachine):
    """The rules. `begin` returns the judges of a world."""

    def begin(self, settings: Settings, start: int) -> list[Judge]:
        raise NotImplementedError

    @initialize(
        city=st.sampled_from(CITIES),
        window=st.sampled_from(WINDOWS),
        days=st.sampled_from(RULES),
        skip=st.sampled_from([None, 1, 2]),
        alone=st.booleans(),
        policy=st.sampled_from([BindLate(), BindLate(), Nearest()]),
        first=first_requests,
    )
    def open(self, city, window, days, skip, alone, policy, first):
        """Begin with the offers of a DeskWork and one more, or with that one alone on all bays; and some requests."""
        timezone, start = city
        settings = Settings(timezone=timezone, policy=policy, tariff=TARIFF, tick_ms=TICK_MS)
        self.asked: list[tuple[c.Command, tuple[str, str]]] = []
        self.judges = self.begin(settings, start)
        self.work = Watched(settings, start, self.judges)
        for one in SPECS if alone else ():
            self.withdraw(bay=one.bay, which=None, stranger=False)
        for one in SPECS if alone else SPECS[:1]:
            self.offer_weekly(bay=one.bay, window=window, days=days, skip=skip)
        for number, (half, walk, another) in enumerate(first):
            self.request_later(f"drv-{number}", f"car-{number}", half, 60, walk, 60.0 * number, ())
            if another:
                self.request_next(number, "drv-0", f"car-{number}", 10, 60)

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
        """Return one of the live reservations that begin first, or None where there are none."""
        live = sorted(self.work.state.reservations.values(), key=lambda held: held.from_at)[:STRANGER]
        return live[which % len(live)] if live else None

    def until(self, minutes):
        """Return the time in so many minutes, if any."""
        return None if minutes is None else self.work.now + minutes * MINUTE_MS

    def day_ahead(self, days):
        """Return the city's date so many days from now."""
        zone = ZoneInfo(self.work.state.settings.timezone)
        return datetime.fromtimestamp(self.work.now / 1000, zone).date() + timedelta(days=days)

    def request(self, driver, car, arrive_at, stay, walk, east_m, **more):
        place = {"lat": LAT, "lon": LON + east_m / 88_400, "max_walk_m": walk}
        times = {"arrive_at": arrive_at, "stay_ms": stay * MINUTE_MS}
        self.ask("driver", c.RequestBay, driver=driver, vehicle_id=car, **place, **times, **more)

    def request_there(self, driver, car, bay, lead):
        """Ask for that very bay, for half an hour."""
        east_m = (self.work.state.board.bay(bay).spec.lon - LON) * 88_400
        self.request(driver, car, self.work.now + lead * MINUTE_MS, 30, 30, east_m)

    # ---- drivers

    @rule(driver=drivers, car=cars, lead=st.integers(-1, 4), stay=stays, walk=walks, east_m=ends, need=needs, most=caps)
    def request_now(self, driver, car, lead, stay, walk, east_m, need, most):
        at = self.work.now + 5 * lead * MINUTE_MS
        self.request(driver, car, at, stay, walk, east_m, needs=need, max_price_won=most)

    @rule(
        driver=drivers,
        car=cars,
        half=st.integers(1, 5),
        stay=stays,
        walk=walks,
        east_m=ends,
        need=needs,
        minutes=patience,
    )
    def request_later(self, driver, car, half, stay, walk, east_m, need, minutes=None):
        """Ask for one of the coming half hours, which others ask for as well."""
        begins = self.work.now - self.work.now % (HOUR_MS // 2) + half * HOUR_MS // 2
        self.request(driver, car, begins, stay, walk, east_m, needs=need, wait_until=self.until(minutes))

    @rule(driver=drivers, car=cars, half=st.integers(1, 3), walk=walks, east_m=ends, minutes=patience)
    def request_the_same(self, driver, car, half, walk, east_m, minutes):
        self.request_later(driver, car, half, 30, walk, east_m, (), minutes)

    @rule(
        which=pick,
        driver=drivers,
        car=cars,
        minutes=st.sampled_from([30, 60, 5, 240]),
        same=st.booleans(),
        also=st.booleans(),
    )
    def wait_for(self, which, driver, car, minutes, same, also):
        """Wait for the very bay, and the time, of somebody else; perhaps find another, and the first gets free."""
        held = self.held(which)
        if held is not None and held.bay is not None:
            east_m = (self.work.state.board.bay(held.bay).spec.lon - LON) * 88_400
            stay = (held.until - held.from_at) // MINUTE_MS if same else 30
            self.request(driver, car, held.from_at, stay, 30, east_m, wait_until=self.until(minutes))
            if also:
                self.request(driver, car, held.from_at, stay, 200, 90.0)
                name = {"driver": held.driver, "reservation_id": held.reservation_id}
                self.ask("driver", c.DriverCommand, type="cancel", **name)

    @rule(which=pick, driver=drivers, car=cars, gap=st.sampled_from([10, 0, 15, -60, 5]), stay=stays)
    def request_next(self, which, driver, car, gap, stay):
        """Ask for the very bay of somebody else, after them or before."""
        held = self.held(which)
        if held is not None and held.bay is not None:
            east_m = (self.work.state.board.bay(held.bay).spec.lon - LON) * 88_400
            self.request(driver, car, held.until + gap * MINUTE_MS, stay, 30, east_m)

    @rule(driver=drivers, car=cars, minutes=st.integers(-12, 300), stay=st.integers(1, 240), walk=walks)
    def request_at_odd_times(self, driver, car, minutes, stay, walk):
        self.request(driver, car, self.work.now + minutes * MINUTE_MS, stay, walk, 60.0)

    @rule(driver=drivers, car=cars, days=st.integers(1, 7), hour=st.integers(5, 20), stay=stays, walk=walks)
    def request_another_day(self, driver, car, days, hour, stay, walk):
        arrives = datetime.combine(self.day_ahead(days), time(hour), ZoneInfo(self.work.state.settings.timezone))
        self.request(driver, car, int(arrives.timestamp()) * 1000, stay, walk, 0.0)

    @rule(which=pick, kind=st.sampled_from(["arrive", "leave", "cancel", "query"]), blocked=st.booleans())
    def say(self, which, kind, blocked):
        self._say(which, kind, blocked=blocked and kind == "arrive")

    @rule(which=pick, minutes=st.sampled_from([60, 10, 120, 240, 5, 7]))
    def extend(self, which, minutes):
        """Have a guest ask for longer, when they have come at last."""
        held = self.held(which)
        if held is not None and held.status != "active":
            self.come(which, 0, 0)
        self._say(which, "extend", extend_ms=minutes * MINUTE_MS)

    @rule(which=pick, gap=st.sampled_from([10, 15, 40]), minutes=st.sampled_from([60, 120]))
    def extend_past_the_next(self, which, gap, minutes):
        """Have somebody book the bay after a guest, who then asks for longer."""
        self.request_next(which, "drv-2", "car-4", gap, 30)
        self.extend(which, minutes)

    def _say(self, which, kind, **more):
        held = self.held(which)
        driver = held.driver if held is not None and which < STRANGER else "drv-9"
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

    # ---- guests and strangers

    @rule(which=pick, minutes=st.sampled_from([0, -10, 10, 2, -15]), lag=st.sampled_from([0, 0, 30, 600]))
    def come(self, which, minutes, lag):
        """Have a guest drive into the bay about when they are due."""
        held = self.held(which)
        if held is not None and held.bay is not None:
            self.work.settle(max(0, (held.from_at - self.work.now) / MINUTE_MS + minutes))
            self._sense(held.bay, "occupied", lag=lag)

    @rule(which=pick, minutes=st.sampled_from([0, -5, 5, 12, -20]), stays=st.sampled_from([2, 0, 2, 1]))
    def go(self, which, minutes, stays):
        """Have a guest drive off about when the stay ends, and the bay stay free for so many minutes."""
        held = self.held(which)
        if held is not None and held.bay is not None:
            self.work.settle(max(0, (held.until - self.work.now) / MINUTE_MS + minutes))
            self._sense(held.bay, "free")
            self.work.settle(stays)

    @rule(which=pick, minutes=st.sampled_from([-5, 0, 2]), clears=st.booleans())
    def find_it_taken(self, which, minutes, clears):
        """Have a guest find another car in the bay, about when they are due; it may drive off again."""
        held = self.held(which)
        if held is not None and held.bay is not None:
            bay = held.bay
            self.work.settle(max(0, (held.from_at - self.work.now) / MINUTE_MS + minutes))
            self._say(which, "arrive", blocked=True)
            for status in ("occupied", "free") if clears else ():
                self._sense(bay, status)

    @rule(which=pick, hold=st.booleans())
    def meet(self, which, hold):
        """Have a guest come just before their bay's neighbour in time does, and stay on."""
        held = self.held(which)
        if held is not None and held.bay is not None:
            self.work.settle(max(0, (held.from_at - self.work.now) / MINUTE_MS))
            self._sense(held.bay, "occupied")
            self.work.settle(max(0, (held.until - self.work.now) / MINUTE_MS + 15 * hold))

    @rule(which=pick, between=st.sampled_from(["unknown", "free"]))
    def flicker(self, which, between):
        """Have the sensor of a held bay lose sight of a car for a moment."""
        held = self.held(which)
        for status in (between, "occupied") if held is not None and held.bay is not None else ():
            self._sense(held.bay, status)

    @rule(bay=bays, status=st.sampled_from(["occupied", "free", "free", "unknown"]))
    def sense(self, bay, status):
        self._sense(bay, status)

    @rule(
        bay=bays,
        status=st.sampled_from(["free", "occupied"]),
        back=st.sampled_from([1, 2, 3, 0, -1]),
        boot=st.sampled_from([0, 0, 0, 0, 0, 1, -1, 2 * DAY_MS]),
        gateway=st.sampled_from([None, None, None, None, None, "gw-9"]),
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
        self.work.sense(bay, status, seq=heard.seq + 2, boot_id=boot_id, observed_at=self.work.now - lag * 1000)
        self.work.settle()

    @rule(bay=bays, what=st.sampled_from(["gw-1", "gw-2", "gw-9", "restart", 60, 10, 240]), online=st.booleans())
    def trouble(self, bay, what, online):
        """A gateway goes or comes, a device tells its heartbeat, or the allocator ends and begins again."""
        if what == "restart":
            self.work.restart()
            self.work.settle()
        elif isinstance(what, str):
            self.send(c.ReportGateway(gateway=what, online=online))
            if not online:
                self.work.settle(3)
                self.request_there("drv-2", "car-5", bay, 5)
        else:
            place, number = self.work.state.board.bay(bay).spec, self.work.now // HOUR_MS
            said = {"gateway": place.gateway, "zone": place.zone, "bay": bay, "boot_id": 1, "seq": number}
            self.send(c.ReportDevice(**said, observed_at=self.work.now, heartbeat_ms=what * MINUTE_MS))

    # ---- residents and operators

    @rule(
        bay=bays,
        window=st.sampled_from(WINDOWS),
        days=st.sampled_from(RULES),
        skip=st.sampled_from([None, 1, None, 2, 0]),
    )
    def offer_weekly(self, bay, window, days, skip):
        """Offer recurring windows, but not on the day that many days ahead."""
        skipped = () if skip is None else (self.day_ahead(skip).isoformat(),)
        said = {"rrule": days, "start": window[0], "end": window[1], "except_dates": skipped}
        self.ask("resident", c.OfferWeekly, resident=f"res-{bay}", bay=bay, **said)

    @rule(bay=bays, hours=st.integers(1, 12), later=st.sampled_from([0, 1, 9, 20]), odd_min=st.sampled_from([0, 3]))
    def offer_once(self, bay, hours, later, odd_min):
        begins = self.work.now + later * HOUR_MS + odd_min * MINUTE_MS
        times = {"from_at": begins, "until": begins + hours * HOUR_MS - 2 * odd_min * MINUTE_MS}
        self.ask("resident", c.OfferOnce, resident=f"res-{bay}", bay=bay, **times)

    @rule(bay=bays, which=st.sampled_from([None, 0, 1, 2]), stranger=st.sampled_from([False, False, False, True]))
    def withdraw(self, bay, which, stranger):
        offers = [offer.offer_id for offer in self.work.state.offers_of[bay]]
        offer_id = offers[which % len(offers)] if offers and which is not None else None
        resident = "res-of-another" if stranger else f"res-{bay}"
        self.ask("resident", c.WithdrawOffer, resident=resident, bay=bay, offer_id=offer_id)

    @rule(
        bay=bays,
        ahead=st.sampled_from([None, 0, 30, 17, 120]),
        stranger=st.sampled_from([False, False, False, True]),
        back=st.booleans(),
    )
    def recall(self, bay, ahead, stranger, back):
        resident = "res-of-another" if stranger else f"res-{bay}"
        self.ask("resident", c.RecallBay, resident=resident, bay=bay, home_at=self.until(ahead))
        if back:
            self.call_off(bay)

    @rule(which=pick, ahead=st.sampled_from([None, 0, 20, 45]))
    def recall_from_a_guest(self, which, ahead):
        held = self.held(which)
        if held is not None and held.bay is not None:
            self.recall(held.bay, ahead, stranger=False, back=False)

    @rule(bay=bays)
    def call_off(self, bay):
        """Withdraw the last recall of a bay."""
        recalls = [offer.offer_id for offer in self.work.state.offers_of[bay] if offer.kind == "recall"]
        if recalls:
            self.ask("resident", c.WithdrawOffer, resident=f"res-{bay}", bay=bay, offer_id=recalls[-1])

    @rule(bay=bays, enabled=st.sampled_from([True, True, False]), risk=st.sampled_from([100, 300, 500, 20]))
    def offer_auto(self, bay, enabled, risk):
        self.ask("resident", c.OfferAuto, resident=f"res-{bay}", bay=bay, enabled=enabled, risk_permille=risk)

    @rule(
        bay=bays,
        risk=st.sampled_from([300, 500, 200]),
        alone=st.booleans(),
        asks=st.booleans(),
        car=cars,
        minutes=st.sampled_from([5, 30, 20, 40, 120]),
        back=st.booleans(),
    )
    def drive_off(self, bay, risk, alone, asks, car, minutes, back):
        """Leave a bay that has an auto offer, perhaps that alone, and perhaps come back."""
        if alone:
            self.withdraw(bay, None, stranger=False)
        self.offer_auto(bay, enabled=True, risk=risk)
        for status in ("occupied", "free"):
            self._sense(bay, status)
        if asks:
            self.request_there("drv-0", car, bay, 20)
        self.work.settle(minutes)
        if back:
            self._sense(bay, "occupied")

    @rule(bay=bays, which=pick, what=st.sampled_from(OPERATIONS))
    def operate(self, bay, which, what):
        if what == "release":
            held = self.held(which)
            name = held.reservation_id if held is not None else "r-1"
            self.ask("operator", c.ReleaseReservation, operator="op-1", reservation_id=name)
        elif what == "new" or what in CHANGES:
            one = NEW if what == "new" else replace(self.work.state.board.bay(bay).spec, **CHANGES[what])
            self.ask("operator", c.RegisterBays, operator="op-1", specs=(one,))
        else:
            self.ask("operator", c.OperateBay, operator="op-1", bay=bay, type=what)
            if what == "close":
                self.request_there("drv-2", "car-5", bay, 45)

    # ---- time

    @rule(minutes=st.sampled_from([5, 15, 30, 60, 3, 0.5]), silent=st.sampled_from([False, False, False, True]))
    def wait(self, minutes, silent):
        """Let the time pass; the sensors tell what they told before, or are silent."""
        self.work.settle(minutes)
        for bay in [] if silent else self.work.state.board.bays:
            if not bay.retired:
                self._sense(bay.spec.bay, bay.occupancy)

    @rule(which=st.sampled_from([0, 0, 0, 1]))
    def wait_for_a_timer(self, which):
        """Go to the instant of the next timer, or just before it."""
        self.work.settle(max(0, self.work.state.next_due() - self.work.now - which) / MINUTE_MS)

    @precondition(lambda self: self.work.now < self.work.start + 2 * DAY_MS)
    @rule(hours=st.sampled_from([3, 20, 16]))
    def wait_long(self, hours):
        self.work.settle(hours * 60)
        for bay in self.work.state.board.bays:
            if not bay.retired:
                self._sense(bay.spec.bay, "free")
