"""A desk with bays on it, for tests of the pure parts: commands in, wire messages and events out."""

from __future__ import annotations

import itertools
import json
from copy import deepcopy
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from allocator.core import Settings, State
from allocator.domain import commands as c
from allocator.domain.events import BaySpec, Recorded
from allocator.domain.interval import MINUTE_MS
from allocator.service.desk import Desk
from allocator.service.start import restore
from allocator.store.base import Commit, HeardRow, Loaded
from allocator.store.sqlite3_store import Sqlite3Store

if TYPE_CHECKING:
    from pathlib import Path

    from allocator.store.base import Answer

START = int(datetime(2026, 3, 2, 0, 0, tzinfo=UTC).timestamp() * 1000)
"""Monday 2 March 2026, 09:00 in Seoul."""
LAT, LON = 37.4782, 126.9515


def spec(bay: str, *, east_m: float = 0.0, zone: str = "z1", gateway: str = "gw-1", **more: Any) -> BaySpec:
    """A bay so many metres east of the middle."""
    lon = LON + east_m / 88_400
    return BaySpec(bay=bay, zone=zone, lat=LAT, lon=lon, gateway=gateway, resident=f"res-{bay}", **more)


class DeskWork:
    """Drives a Desk through virtual time and keeps all that came out of it."""

    def __init__(
        self, *specs: BaySpec, settings: Settings | None = None, free: bool = True, start: int = START
    ) -> None:
        self.now = start
        self.desk = Desk(State(settings or Settings(), start), "seoul")
        self.events: list[Recorded] = []
        self.sent: list[tuple[str, dict[str, Any]]] = []
        self.commits: list[Commit] = []
        self.answers: dict[tuple[str, str], Answer] = {}
        self._numbers = itertools.count(1)
        self._seq: dict[str, int] = {}
        register = c.RegisterBays(operator="op-1", request_id="register", specs=specs)
        self.give(register, ("operators/op-1", register.request_id))
        for one in specs:
            self.offer(one.bay)
            if free:
                self.sense(one.bay, "free")

    @property
    def state(self) -> State:
        return self.desk.state

    def give(self, command: c.Command, key: tuple[str, str] | None = None) -> Commit:
        """Hand a command to the desk, as the writer does: with the answer that was given before, if there is one."""
        if key in self.answers:
            self.desk.recall({key: self.answers[key]})
        self.desk.take(command, self.now, key)
        return self._finish()

    def pass_minutes(self, minutes: float) -> None:
        """Let the time pass, timer by timer."""
        until = self.now + round(minutes * MINUTE_MS)
        while (due_at := self.state.next_due()) is not None and due_at <= until:
            self.now = max(self.now, due_at)
            self.desk.pass_time(self.now)
            self._finish()
        self.now = until

    def sense(self, bay: str, status: str, *, seq: int | None = None, **more: Any) -> Commit:
        number = self._seq.get(bay, -1) + 1 if seq is None else seq
        self._seq[bay] = max(number, self._seq.get(bay, -1))
        place = self.state.board.bay(bay).spec
        said = {
            "gateway": place.gateway,
            "zone": place.zone,
            "bay": bay,
            "boot_id": START - 1000,
            "seq": number,
            "observed_at": self.now,
            "status": status,
        }
        return self.give(c.Observe(**(said | more)))

    def offer(self, bay: str, start: str = "09:00", end: str = "18:00") -> Commit:
        number = next(self._numbers)
        offer = c.OfferWeekly(
            resident=f"res-{bay}",
            request_id=f"offer-{number}",
            bay=bay,
            rrule="FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR",
            start=start,
            end=end,
        )
        return self.give(offer, (f"residents/res-{bay}", offer.request_id))

    def request(self, driver: str = "drv-1", *, lead_min: float = 60, stay_min: float = 60, **more: Any) -> str:
        """Ask for a bay in the middle; returns the type of the answer."""
        request_id = f"req-{next(self._numbers)}"
        asked = {
            "driver": driver,
            "request_id": request_id,
            "vehicle_id": f"car-of-{driver}",
            "lat": LAT,
            "lon": LON,
            "arrive_at": self.now + round(lead_min * MINUTE_MS),
            "stay_ms": round(stay_min * MINUTE_MS),
            "max_walk_m": 300,
        }
        self.give(c.RequestBay(**(asked | more)), (f"drivers/{driver}", request_id))
        return self.replies(driver, request_id)[0]["type"]

    def say(self, driver: str, kind: str, reservation_id: str, **more: Any) -> dict[str, Any]:
        """Send a driver's command; returns the answer."""
        request_id = f"say-{next(self._numbers)}"
        said = c.DriverCommand(driver=driver, request_id=request_id, type=kind, reservation_id=reservation_id, **more)
        self.give(said, (f"drivers/{driver}", request_id))
        return self.replies(driver, request_id)[0]

    def replies(self, driver: str, request_id: str | None = None) -> list[dict[str, Any]]:
        topic = f"parking/v1/seoul/drivers/{driver}/reply"
        return [said for where, said in self.sent if where == topic and request_id in (None, said["request_id"])]

    def notices(self, bay: str) -> list[str]:
        topic = f"parking/v1/seoul/residents/res-{bay}/notice"
        return [said["type"] for where, said in self.sent if where == topic]

    def shows(self, bay: str) -> str:
        """What the bay's retained state says now."""
        end = f"/{bay}/state"
        return [said["status"] for where, said in self.sent if where.endswith(end)][-1]

    def named(self, kind: type) -> list[Any]:
        return [recorded.event for recorded in self.events if isinstance(recorded.event, kind)]

    async def keep(self, path: Path) -> Path:
        """Write all that was committed to a database."""
        store = Sqlite3Store(str(path))
        await store.open("test")
        await store.commit(Commit(meta={"city": "seoul", "timezone": self.state.settings.timezone}))
        for commit in self.commits:
            await store.commit(commit)
        await store.close()
        return path

    def _finish(self) -> Commit:
        commit = self.desk.finish(self.now)
        self.commits.append(commit)
        self.events += commit.events
        self.answers |= {(answer.party, answer.request_id): answer for answer in commit.answers}
        self.sent += [(row.topic, json.loads(row.payload)) for row in commit.outbox if row.payload]
        return commit


def restart(work: DeskWork, *, away_min: float = 0) -> None:
    """End the allocator and begin again from what it left behind: a snapshot and what was heard."""
    rows: dict[str, HeardRow] = {row.bay: row for commit in work.commits for row in commit.heard}
    image = deepcopy(work.state.image())
    loaded = Loaded(snapshot=image, events=[], tables=deepcopy(image), heard=[*rows.values()], outbox=[], meta={})
    work.now += round(away_min * MINUTE_MS)
    work.desk = Desk(restore(loaded, work.state.settings, work.now), "seoul")
    work.desk.finish(work.now)
