"""The sensors: what they notice of the truth, when, and what their faults make of it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Literal

from broker_bridge.wire.messages import Device, Message, Occupancy
from broker_bridge.wire.topics import TopicKind
from sensors_sim.local_time import DAY_MS, MINUTE_MS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.random import Generator

    from sensors_sim.city import Bay
    from sensors_sim.engine.stage import Stage

HEARTBEAT_MOST_S = 604_800
LATE_MS = (5_000, 45_000)
DUPLICATE_AFTER_MS = (300, 3_000)


@dataclass(slots=True)
class Sensor:
    """A device in a bay. Each of its two topics counts its own seq from 0 at each boot."""

    bay: Bay
    names: Mapping[str, str]
    boot_id: int
    battery_pct: float
    rssi_dbm: float
    believes: Literal["free", "occupied"] = "free"
    occupancy_seq: int = 0
    device_seq: int = 0
    offline: bool = False


class SensorField:
    """All the sensors of a city; each says at the start what is in its bay."""

    def __init__(self, stage: Stage, rng: Generator, *, quiet: bool = False) -> None:
        self._stage, self._rng, self._setting = stage, rng, stage.scenario.sensors
        self._told_heartbeat_s = HEARTBEAT_MOST_S if quiet else self._setting.heartbeat_s
        self._sensors = {bay.bay: self._new(bay) for bay in stage.city.bays.values()}
        stage.truth.on_change = self._changed
        heartbeat_ms = self._setting.heartbeat_s * 1000
        for sensor in self._sensors.values():
            stage.agenda.at(stage.start_ms, partial(self._boot, sensor))
            phase_ms = int(rng.integers(1_000, heartbeat_ms + 1))
            if not quiet:
                stage.agenda.at(stage.start_ms + phase_ms, partial(self._beat, sensor))
        self._plan_outage(stage.start_ms)

    def announce(self, gateway: str, now_ms: int) -> None:
        """Let every sensor of a gateway say again what it believes."""
        for bay in self._stage.city.gateways[gateway]:
            sensor = self._sensors[bay.bay]
            if not sensor.offline:
                self._tell_occupancy(sensor, now_ms, faulty=False)
                self._tell_device(sensor, now_ms, faulty=False)

    def _new(self, bay: Bay) -> Sensor:
        names = {"gateway": bay.gateway, "zone": bay.zone, "bay": bay.bay}
        battery = round(float(self._rng.uniform(40, 100)), 1)
        return Sensor(bay, names, self._stage.start_ms, battery, round(float(self._rng.normal(-88, 9)), 1))

    def _actual(self, sensor: Sensor) -> Literal["free", "occupied"]:
        return "occupied" if self._stage.truth.occupied(sensor.bay.bay) else "free"

    def _boot(self, sensor: Sensor, now_ms: int) -> None:
        sensor.boot_id, sensor.occupancy_seq, sensor.device_seq, sensor.offline = now_ms, 0, 0, False
        sensor.believes = self._actual(sensor)
        self._tell_occupancy(sensor, now_ms, faulty=False)
        self._tell_device(sensor, now_ms, faulty=False)

    def _changed(self, bay: str, now_ms: int) -> None:
        """A car came or went: the sensor notices once the field has settled."""
        sensor = self._sensors[bay]
        delay = self._setting.detection_ms
        if delay == 0:
            self._notice(sensor, now_ms)
            return
        drawn = int(self._rng.normal(delay, self._setting.detection_sd_ms))
        self._stage.agenda.at(now_ms + max(drawn, 1), partial(self._notice, sensor))

    def _notice(self, sensor: Sensor, now_ms: int) -> None:
        actual = self._actual(sensor)
        if actual == sensor.believes or sensor.offline:
            return
        sensor.believes = actual
        self._stage.counts["arrivals" if actual == "occupied" else "departures"] += 1
        self._tell_occupancy(sensor, now_ms)

    def _beat(self, sensor: Sensor, now_ms: int) -> None:
        self._stage.agenda.at(now_ms + self._setting.heartbeat_s * 1000, partial(self._beat, sensor))
        if not sensor.offline:
            self._tell_occupancy(sensor, now_ms)
            self._tell_device(sensor, now_ms)

    def _tell_occupancy(self, sensor: Sensor, now_ms: int, *, faulty: bool = True) -> None:
        status = sensor.believes
        message = Occupancy.model_construct(
            boot_id=sensor.boot_id, seq=sensor.occupancy_seq, observed_at=now_ms, status=status
        )
        sensor.occupancy_seq += 1
        self._stage.truth.said[sensor.bay.bay] = status
        self._tell(sensor, now_ms, TopicKind.OCCUPANCY, message, faulty=faulty)

    def _tell_device(self, sensor: Sensor, now_ms: int, *, faulty: bool = True) -> None:
        spent = (now_ms - self._stage.start_ms) / (5 * 365 * DAY_MS) * 100
        message = Device.model_construct(
            boot_id=sensor.boot_id,
            seq=sensor.device_seq,
            observed_at=now_ms,
            heartbeat_s=self._told_heartbeat_s,
            battery_pct=max(round(sensor.battery_pct - spent, 1), 0.0),
            rssi_dbm=sensor.rssi_dbm,
            firmware=self._setting.firmware,
        )
        sensor.device_seq += 1
        self._tell(sensor, now_ms, TopicKind.DEVICE, message, faulty=faulty)

    def _tell(self, sensor: Sensor, now_ms: int, kind: TopicKind, message: Message, *, faulty: bool) -> None:
        """Send it: at once, or late (so that newer ones overtake it), or twice."""
        say = partial(self._stage.say, sender=sensor.bay.gateway, kind=kind, names=sensor.names, message=message)
        late, twice = self._setting.late_share, self._setting.duplicate_share
        drawn = self._rng.random() if faulty and late + twice > 0 else 1.0
        if drawn < late:
            self._stage.counts["late"] += 1
            self._stage.agenda.at(now_ms + int(self._rng.integers(*LATE_MS)), say)
            return
        say(now_ms)
        if drawn < late + twice:
            self._stage.counts["duplicates"] += 1
            self._stage.agenda.at(now_ms + int(self._rng.integers(*DUPLICATE_AFTER_MS)), say)

    def _plan_outage(self, now_ms: int) -> None:
        per_ms = self._setting.offline_per_day * len(self._sensors) / DAY_MS
        if per_ms > 0:
            self._stage.agenda.at(now_ms + int(self._rng.exponential(1 / per_ms)) + 1, self._fail_one)

    def _fail_one(self, now_ms: int) -> None:
        """Take one sensor down; when it comes back it boots anew."""
        self._plan_outage(now_ms)
        sensor = list(self._sensors.values())[int(self._rng.integers(len(self._sensors)))]
        if not sensor.offline:
            sensor.offline = True
            self._stage.counts["outages"] += 1
            down_ms = int(self._rng.exponential(self._setting.offline_mean_min * MINUTE_MS)) + MINUTE_MS
            self._stage.agenda.at(now_ms + down_ms, partial(self._boot, sensor))
