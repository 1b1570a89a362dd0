"""Random histories against the pure core, the real store and the rules: whatever happens, S1 to S8 hold."""

from __future__ import annotations

import asyncio
import sqlite3
import tempfile
from dataclasses import replace

from deskwork import START, DeskWork, spec
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from allocator.core import Settings, State, evolve
from allocator.domain import commands as c
from allocator.domain.interval import HOUR_MS, Interval
from allocator.domain.lifecycle import LIVE, ReservationStatus
from allocator.domain.model import StateImage
from allocator.domain.money import Tariff
from allocator.matching.policies import BindLate, Nearest
from allocator.store.base import Commit
from allocator.store.sqlite3_store import Sqlite3Store
from baybroker.verify import verify_history

RULES = Settings(tariff=Tariff(offered_millipoints=1_000, used_millipoints=1_000))
BAYS = [f"b{n}" for n in range(5)]
bays = st.sampled_from(BAYS)
drivers = st.sampled_from([f"drv-{n}" for n in range(6)])


class Written(DeskWork):
    """Has each commit written down before anything changes what it holds."""

    write = staticmethod(lambda: None)

    def _finish(self):
        commit = super()._finish()
        self.write()
        return commit


class Histories(RuleBasedStateMachine):
    """Everybody does as they please; the store refuses what must not be."""

    @initialize(policy=st.sampled_from(["bind-late", "bind-late", "nearest"]))
    def open(self, policy):
        self.loop = asyncio.new_event_loop()
        self.store = Sqlite3Store()
        self.loop.run_until_complete(self.store.open("test"))
        specs = [spec(bay, east_m=60 * n, zone=f"z{n % 2}") for n, bay in enumerate(BAYS)]
        rules = replace(RULES, policy={"nearest": Nearest(), "bind-late": BindLate()}[policy])
        self.work = Written(*specs, settings=rules)
        self.committed = 0
        meta = Commit(meta={"city": "seoul", "timezone": "Asia/Seoul"})
        self.loop.run_until_complete(self.store.commit(meta))
        self.write()
        self.work.write = self.write

    def teardown(self):
        if hasattr(self, "work"):
            report = self.check()
            self.loop.run_until_complete(self.store.close())
            self.loop.close()
            assert report.violations == [], [v.text for v in report.violations]

    def check(self):
        """Have the checker, which shares no code with the core, look at a copy of the database."""
        with tempfile.TemporaryDirectory() as directory:
            copy = sqlite3.connect(f"{directory}/history.db")
            self.store._connection.backup(copy)
            copy.close()
            return verify_history(f"{directory}/history.db")

    def write(self):
        """Commit what the desk has finished, as the writer would."""
        for commit in self.work.commits[self.committed :]:
            self.loop.run_until_complete(self.store.commit(commit))
        self.committed = len(self.work.commits)

    @rule(
        driver=drivers,
        lead=st.integers(0, 240),
        stay=st.integers(5, 240),
        walk=st.integers(30, 400),
        car=st.integers(0, 3),
        patience=st.none() | st.integers(0, 120),
    )
    def request(self, driver, lead, stay, walk, car, patience):
        wait_until = None if patience is None else self.work.now + patience * 60_000
        wish = {"lead_min": lead, "stay_min": stay, "max_walk_m": walk, "wait_until": wait_until}
        self.work.request(driver, **wish, vehicle_id=f"car-{car}")
        self.write()

    @precondition(lambda self: self.work.state.reservations)
    @rule(
        data=st.data(),
        kind=st.sampled_from(["arrive", "leave", "cancel", "extend", "query"]),
        blocked=st.booleans(),
        minutes=st.integers(5, 90),
    )
    def say(self, data, kind, blocked, minutes):
        held = data.draw(st.sampled_from(sorted(self.work.state.reservations)))
        driver = self.work.state.reservations[held].driver
        more = {"blocked": blocked} if kind == "arrive" else {}
        more |= {"extend_ms": minutes * 60_000} if kind == "extend" else {}
        self.work.say(driver, kind, held, **more)
        self.write()

    @rule(bay=bays, status=st.sampled_from(["free", "occupied", "free", "unknown"]), late=st.integers(0, 4))
    def sense(self, bay, status, late):
        newest = self.work.state.heard[self.work.state.board.number[bay]].window.seq
        self.work.sense(bay, status, seq=max(0, newest + (1 if late < 4 else -1)))
        self.write()

    @rule(online=st.booleans())
    def gateway(self, online):
        self.work.give(c.ReportGateway(gateway="gw-1", online=online))
        self.write()

    @rule(bay=bays, kind=st.sampled_from(["close", "open", "repaired", "retire"]), number=st.integers(0, 10**9))
    def operate(self, bay, kind, number):
        if kind != "retire" or number % 7 == 0:
            request_id = f"op-{number % 50}"
            asked = c.OperateBay(operator="op-1", request_id=request_id, type=kind, bay=bay)
            self.work.give(asked, ("operators/op-1", request_id))
            self.write()

    @rule(bay=bays, hours=st.integers(1, 12))
    def offer_once(self, bay, hours):
        now = self.work.now
        number = len(self.work.commits)
        offer = c.OfferOnce(
            resident=f"res-{bay}", request_id=f"once-{number}", bay=bay, from_at=now, until=now + hours * HOUR_MS
        )
        self.work.give(offer, (f"residents/res-{bay}", offer.request_id))
        self.write()

    @rule(bay=bays, enabled=st.sampled_from([True, True, False]), risk=st.integers(1, 500))
    def offer_auto(self, bay, enabled, risk):
        asked = c.OfferAuto(
            resident=f"res-{bay}",
            request_id=f"auto-{len(self.work.commits)}",
            bay=bay,
            enabled=enabled,
            risk_permille=risk,
        )
        self.work.give(asked, (f"residents/res-{bay}", asked.request_id))
        self.write()

    @rule(bay=bays, risk=st.integers(100, 500), minutes=st.integers(0, 40), back=st.booleans())
    def drive_off(self, bay, risk, minutes, back):
        """Leave a bay that has an auto offer, and perhaps come back."""
        self.offer_auto(bay, enabled=True, risk=risk)
        for status in ("occupied", "free"):
            self.sense(bay, status, late=0)
        self.work.request("drv-0", lead_min=20, stay_min=30, max_walk_m=400)
        self.wait(minutes)
        if back:
            self.sense(bay, "occupied", late=0)

    @rule(bay=bays)
    def withdraw(self, bay):
        number = len(self.work.commits)
        asked = c.WithdrawOffer(resident=f"res-{bay}", request_id=f"withdraw-{number}", bay=bay)
        self.work.give(asked, (f"residents/res-{bay}", asked.request_id))
        self.write()

    @rule(bay=bays, ahead=st.none() | st.integers(0, 240))
    def recall(self, bay, ahead):
        number = len(self.work.commits)
        home_at = None if ahead is None else self.work.now + ahead * 60_000
        asked = c.RecallBay(resident=f"res-{bay}", request_id=f"recall-{number}", bay=bay, home_at=home_at)
        self.work.give(asked, (f"residents/res-{bay}", asked.request_id))
        self.write()

    @rule(minutes=st.integers(1, 90))
    def wait(self, minutes):
        self.work.pass_minutes(minutes)
        self.write()

    @invariant()
    def no_bay_and_no_vehicle_is_held_twice(self):
        if not hasattr(self, "work"):
            return
        kept = list(self.work.state.reservations.values())
        assert all(held.status in LIVE | {ReservationStatus.WAITING} for held in kept)
        live = [held for held in kept if held.status in LIVE]
        for at, one in enumerate(live):
            for other in live[at + 1 :]:
                assert one.bay != other.bay or not one.held.overlaps(other.held)
                stay, others = Interval(one.from_at, one.until), Interval(other.from_at, other.until)
                assert one.vehicle_id != other.vehicle_id or not stay.overlaps(others)

    @invariant()
    def the_state_is_the_fold_of_the_committed_events(self):
        if not hasattr(self, "work"):
            return
        loaded = self.loop.run_until_complete(self.store.load())
        state = State.of_image(StateImage(), RULES, START)
        for recorded in loaded.events:
            evolve(state, recorded)
        image = state.image()
        assert image == self.work.state.image()
        no_rows = {"offered": 0, "accepted": 0, "lateness": []}
        assert replace(image, **no_rows) == replace(loaded.tables, **no_rows)


TestHistories = Histories.TestCase
TestHistories.settings = settings(
    max_examples=50, stateful_step_count=40, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
