"""The sensors: what they notice of the truth, and what they say. What fails is told to them by `troubles`."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Literal, TypeVar
from zlib import crc32

from broker_bridge.wire.messages import Device, Message, Occupancy
from broker_bridge.wire.topics import TopicKind
from sensors_sim.engine.reports import delays_ms
from sensors_sim.faults import FaultKind
from sensors_sim.local_time import DAY_MS, HOUR_MS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.random import Generator

    from sensors_sim.city import Bay
    from sensors_sim.engine.stage import Stage
    from sensors_sim.faults import Fault

HEARTBEAT_MOST_S = 604_800
LATE_MS = (5_000, 45_000)
DUPLICATE_AFTER_MS = (300, 3_000)
DRAWN = 4_096
Drawn = TypeVar("Drawn")
Status = Literal["free", "occupied", "unknown"]
STATUS: tuple[Status, Status] = ("free", "occupied")
STUCK = {FaultKind.STUCK_FREE: 0, FaultKind.STUCK_OCCUPIED: 1}


@dataclass(slots=True)
class Sensor:
    """A device in a bay. Each of its two topics counts its own seq from 0 at each boot.

    `silent` counts what keeps it from saying anything, `faults` has those under way and since when. It `deviates` from
    the plan for good once a car came or went that the plan does not have; `changes` counts what it is to notice itself,
    `chances` goes on by one whenever it meets chance.
    """

    bay: Bay
    names: Mapping[str, str]
    boot_id: int
    battery_pct: float
    heartbeat_s: int
    rssi_dbm: float = 0.0
    believes: int = 0
    occupancy_seq: int = 0
    device_seq: int = 0
    silent: int = 0
    deviates: bool = False
    changes: int = 0
    chances: int = 0
    faults: dict[FaultKind, list[tuple[Fault, int]]] = field(default_factory=dict)


class SensorField:
    """All the sensors of a city; each says at the start what is in its bay. They are numbered as the city's bays."""

    def __init__(self, stage: Stage, battery_pct: Sequence[float], rng: Generator, *, quiet: bool) -> None:
        self._stage, self._setting, self.quiet = stage, stage.scenario.sensors, quiet
        self._uniform = rng.random(DRAWN).tolist()
        self._delays_ms = delays_ms(self._setting, rng, DRAWN).tolist()
        self._rssi_dbm = (-88 + 9 * rng.standard_normal(DRAWN)).round(1).tolist()
        self.sensors = [self._new(*own) for own in zip(stage.city.bays.values(), battery_pct, strict=True)]
        self._of_bay = {sensor.bay.bay: sensor for sensor in self.sensors}
        self.gateways_down: set[str] = set()
        stage.truth.on_change = self._changed
        stage.agenda.add(stage.start_ms, self._boot_all)

    def of_gateway(self, gateway: str) -> list[Sensor]:
        """Return the sensors that report through a gateway."""
        return [self._of_bay[bay.bay] for bay in self._stage.city.gateways[gateway]]

    def announce(self, gateway: str, now_ms: int) -> None:
        """Let every sensor of a gateway say again what it believes."""
        for sensor in self.of_gateway(gateway):
            if not sensor.silent:
                self.tell_all(sensor, now_ms)

    # ---- what the plan has

    def report(self, now_ms: int, number: int, status: int) -> None:
        """Notice what the plan has noticed, unless the bay has gone another way than the plan."""
        sensor = self.sensors[number]
        if not sensor.deviates and not sensor.faults and not sensor.silent:
            self._notice(sensor, status, now_ms)
        elif not sensor.deviates:
            self.look(sensor, now_ms)

    def beat(self, now_ms: int, number: int, heartbeat_s: int) -> None:
        """Say that it lives, and what it believes."""
        sensor = self.sensors[number]
        sensor.heartbeat_s = heartbeat_s
        if not sensor.silent:
            self._tell_occupancy(sensor, now_ms)
            self._tell_device(sensor, now_ms)

    # ---- noticing

    def _changed(self, bay: str, now_ms: int, *, planned: bool) -> None:
        """A car came or went: where the plan does not tell when that is noticed, draw it."""
        sensor = self._of_bay[bay]
        sensor.deviates |= not planned
        if sensor.deviates:
            self.notice_later(sensor, now_ms)

    def notice_later(self, sensor: Sensor, now_ms: int) -> None:
        """Look once the field has settled and the change has lasted, if no other has come since."""
        sensor.changes += 1
        delay_ms = _next(sensor, self._delays_ms)
        look = partial(self._look_if, sensor, sensor.changes)
        if delay_ms:
            self._stage.agenda.add(now_ms + delay_ms, look)
        else:
            look(now_ms)

    def _look_if(self, sensor: Sensor, changes: int, now_ms: int) -> None:
        if sensor.changes == changes:
            self.look(sensor, now_ms)

    def look(self, sensor: Sensor, now_ms: int) -> None:
        """Notice what there is to see, as far as the sensor is able to."""
        if not sensor.silent and FaultKind.FLAPPING not in sensor.faults:
            self._notice(sensor, self.reading(sensor), now_ms)

    def reading(self, sensor: Sensor) -> int:
        """Return what the sensor measures: 1 occupied, 0 free."""
        for kind in sensor.faults:
            if kind in STUCK:
                return STUCK[kind]
        return int(self._stage.truth.occupied(sensor.bay.bay))

    def _notice(self, sensor: Sensor, status: int, now_ms: int) -> None:
        if status == sensor.believes:
            return
        self._stage.counts["arrivals" if status else "departures"] += 1
        self.believe(sensor, status, now_ms)

    # ---- saying

    def believe(self, sensor: Sensor, status: int, now_ms: int) -> None:
        """Take that for what is in the bay, and say so."""
        sensor.believes = status
        self._tell_occupancy(sensor, now_ms)

    def boot(self, sensor: Sensor, now_ms: int) -> None:
        """Begin anew, with what there is to see."""
        sensor.boot_id = max(now_ms, sensor.boot_id + 1)
        sensor.occupancy_seq, sensor.device_seq = 0, 0
        sensor.believes = self.reading(sensor)
        self.tell_all(sensor, now_ms)

    def tell_all(self, sensor: Sensor, now_ms: int) -> None:
        """Say what a birth says; of that nothing is late or comes twice."""
        self._tell_occupancy(sensor, now_ms, faulty=False)
        self._tell_device(sensor, now_ms, faulty=False)

    def tell_lost(self, sensor: Sensor, now_ms: int) -> None:
        """In a quiet world nobody misses a heartbeat: say in place of a silent sensor that nothing is known."""
        self._tell_occupancy(sensor, now_ms, "unknown", faulty=False)

    def _boot_all(self, now_ms: int) -> None:
        for sensor in self.sensors:
            if not sensor.silent:
                sensor.believes = self.reading(sensor)
                self.tell_all(sensor, now_ms)

    def _new(self, bay: Bay, battery_pct: float) -> Sensor:
        names = {"gateway": bay.gateway, "zone": bay.zone, "bay": bay.bay}
        place = crc32(bay.bay.encode())  # its own, and the same in a portion of the city
        sensor = Sensor(bay, names, self._stage.start_ms, battery_pct, self._setting.heartbeat_s, chances=place)
        sensor.rssi_dbm = _next(sensor, self._rssi_dbm)
        return sensor

    def _tell_occupancy(
        self, sensor: Sensor, now_ms: int, status: Status | None = None, *, faulty: bool = True
    ) -> None:
        said = status or STATUS[sensor.believes]
        message = Occupancy(
            boot_id=sensor.boot_id, seq=sensor.occupancy_seq, observed_at=_clock(sensor, now_ms), status=said
        )
        sensor.occupancy_seq += 1
        if sensor.bay.gateway not in self.gateways_down:
            self._stage.truth.say(sensor.bay.bay, said, now_ms)
            self._tell(sensor, now_ms, TopicKind.OCCUPANCY, message, faulty=faulty)

    def _tell_device(self, sensor: Sensor, now_ms: int, *, faulty: bool = True) -> None:
        spent = (now_ms - self._stage.start_ms) / (self._setting.battery_days * DAY_MS) * 100
        message = Device(
            boot_id=sensor.boot_id,
            seq=sensor.device_seq,
            observed_at=_clock(sensor, now_ms),
            heartbeat_s=HEARTBEAT_MOST_S if self.quiet else sensor.heartbeat_s,
            battery_pct=max(round(sensor.battery_pct - spent, 1), 0.0),
            rssi_dbm=sensor.rssi_dbm,
            firmware=self._setting.firmware,
        )
        sensor.device_seq += 1
        if sensor.bay.gateway not in self.gateways_down:
            self._tell(sensor, now_ms, TopicKind.DEVICE, message, faulty=faulty)

    def _tell(self, sensor: Sensor, now_ms: int, kind: TopicKind, message: Message, *, faulty: bool) -> None:
        """Send it: at once, or late (so that newer ones overtake it), or twice."""
        late, twice = self._shares(sensor) if faulty else (0.0, 0.0)
        drawn = _next(sensor, self._uniform) if late + twice > 0 else 1.0
        if drawn >= late:
            self._stage.say(now_ms, sensor.bay.gateway, kind, sensor.names, message)
        if drawn >= late + twice:
            return
        again = partial(self._stage.say, sender=sensor.bay.gateway, kind=kind, names=sensor.names, message=message)
        if drawn < late:
            self._stage.counts["late"] += 1
            self._stage.agenda.add(now_ms + _within(LATE_MS, drawn / late), again)
        else:
            self._stage.counts["duplicates"] += 1
            self._stage.agenda.add(now_ms + _within(DUPLICATE_AFTER_MS, (drawn - late) / twice), again)

    def _shares(self, sensor: Sensor) -> tuple[float, float]:
        """Return the shares of a sensor's messages that come late, and twice."""
        late, twice = self._setting.late_share, self._setting.duplicate_share
        if not sensor.faults:
            return late, twice
        return _share(sensor, FaultKind.LATE, late), _share(sensor, FaultKind.DUPLICATES, twice)


def _next(sensor: Sensor, drawn: Sequence[Drawn]) -> Drawn:
    """Return what a sensor meets next: each goes its own way through the table, so that none shifts another's."""
    sensor.chances += 1
    return drawn[sensor.chances % len(drawn)]


def _share(sensor: Sensor, kind: FaultKind, usual: float) -> float:
    return max([usual, *(fault.message_share for fault, _ in sensor.faults.get(kind, ()))])


def _clock(sensor: Sensor, now_ms: int) -> int:
    """Return what time the sensor believes it is."""
    if not sensor.faults:
        return now_ms
    drifts = sensor.faults.get(FaultKind.CLOCK_DRIFT, ())
    return now_ms + round(sum(fault.drift_s_per_hour * 1000 * (now_ms - since) / HOUR_MS for fault, since in drifts))


def _within(limits: tuple[int, int], share: float) -> int:
    return limits[0] + int((limits[1] - limits[0]) * share)
