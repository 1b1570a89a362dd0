"""Troubles: what each kind of fault does to sensors and gateways while it lasts, and what comes after it."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from broker_bridge.wire.messages import GatewayStatus
from broker_bridge.wire.topics import TopicKind
from sensors_sim.engine.failing import BATTERY_EMPTY
from sensors_sim.faults import FaultKind

if TYPE_CHECKING:
    from collections.abc import Callable

    from sensors_sim.engine.failing import FaultPlan
    from sensors_sim.engine.sensors import Sensor, SensorField
    from sensors_sim.engine.stage import Stage
    from sensors_sim.faults import Fault

BATTERY = "battery_empty"
MISSED_HEARTBEATS = 1.5
"""Twice the heartbeat is too long; the last one was on average half of one ago."""


class Troubles:
    """Acts on the plan of faults. `counts` has the faults by kind; offline ones and empty batteries are outages."""

    def __init__(self, stage: Stage, sensors: SensorField, plan: FaultPlan) -> None:
        self._stage, self._sensors, self._plan = stage, sensors, plan
        self._gateways = list(stage.city.gateways)
        self._down: dict[str, int] = {}

    def befall(self, now_ms: int, number: int, which: int) -> None:
        """Have a fault begin: at a sensor, or at a gateway."""
        if which == BATTERY_EMPTY:
            sensor = self._sensors.sensors[number]
            self._count(BATTERY, sensor.bay.bay, now_ms)
            self._silence(sensor, now_ms)
            return
        fault = self._plan.faults[which].fault
        if fault.kind is FaultKind.GATEWAY_DOWN:
            self._gateway_down(self._gateways[number], now_ms)
            return
        sensor = self._sensors.sensors[number]
        self._count(fault.kind, sensor.bay.bay, now_ms)
        sensor.faults.setdefault(fault.kind, []).append((fault, now_ms))
        begin = _BEGIN.get(fault.kind)
        if begin is not None:
            begin(self, sensor, now_ms)
        if fault.kind is FaultKind.REBOOT:
            self._end(sensor, fault, now_ms)

    def repair(self, now_ms: int, number: int, which: int) -> None:
        """Have a fault end."""
        fault = self._plan.faults[which].fault
        if fault.kind is FaultKind.GATEWAY_DOWN:
            self._gateway_up(self._gateways[number], now_ms)
            return
        sensor = self._sensors.sensors[number]
        self._end(sensor, fault, now_ms)
        after = _AFTER.get(fault.kind)
        if after is not None:
            after(self, sensor, now_ms)

    def _count(self, kind: str, name: str, now_ms: int) -> None:
        self._stage.counts[f"fault_{kind}"] += 1
        self._stage.truth.fail(kind, name, now_ms)

    def _end(self, sensor: Sensor, fault: Fault, now_ms: int) -> None:
        under_way = sensor.faults[fault.kind]
        under_way.remove(next(one for one in under_way if one[0] is fault))
        if not under_way:
            del sensor.faults[fault.kind]
            self._stage.truth.repair(fault.kind, sensor.bay.bay, now_ms)

    # ---- sensors

    def _silence(self, sensor: Sensor, now_ms: int) -> None:
        sensor.silent += 1
        self._stage.counts["outages"] += 1
        if self._sensors.quiet:
            missed_ms = round(MISSED_HEARTBEATS * 1_000 * sensor.heartbeat_s)
            self._stage.agenda.add(now_ms + missed_ms, partial(self._missed, sensor, sensor.boot_id))

    def _missed(self, sensor: Sensor, boot_id: int, now_ms: int) -> None:
        if sensor.silent and sensor.boot_id == boot_id:
            self._sensors.tell_lost(sensor, now_ms)

    def _speak_again(self, sensor: Sensor, now_ms: int) -> None:
        sensor.silent -= 1
        self._reboot(sensor, now_ms)

    def _reboot(self, sensor: Sensor, now_ms: int) -> None:
        if not sensor.silent:
            self._sensors.boot(sensor, now_ms)

    def _look(self, sensor: Sensor, now_ms: int) -> None:
        self._sensors.notice_later(sensor, now_ms)

    def _flap(self, sensor: Sensor, now_ms: int) -> None:
        self._flap_on(sensor, sensor.faults[FaultKind.FLAPPING][-1], now_ms)

    def _flap_on(self, sensor: Sensor, under_way: tuple[Fault, int], now_ms: int) -> None:
        """Say the opposite, again and again, until the fault is over."""
        if under_way not in sensor.faults.get(FaultKind.FLAPPING, ()):
            return
        if not sensor.silent:
            self._sensors.believe(sensor, 1 - sensor.believes, now_ms)
        again_ms = now_ms + max(round(1_000 * under_way[0].flap_s), 1)
        self._stage.agenda.add(again_ms, partial(self._flap_on, sensor, under_way))

    # ---- gateways

    def _gateway_down(self, gateway: str, now_ms: int) -> None:
        self._down[gateway] = self._down.get(gateway, 0) + 1
        self._count(FaultKind.GATEWAY_DOWN, gateway, now_ms)
        if self._down[gateway] == 1:
            self._tell_gateway(gateway, now_ms, online=False)
            self._sensors.gateways_down.add(gateway)

    def _gateway_up(self, gateway: str, now_ms: int) -> None:
        """Say that the gateway is back, and what all of its sensors believe."""
        self._down[gateway] -= 1
        if self._down[gateway]:
            return
        self._stage.truth.repair(FaultKind.GATEWAY_DOWN, gateway, now_ms)
        self._sensors.gateways_down.remove(gateway)
        self._tell_gateway(gateway, now_ms, online=True)
        self._sensors.announce(gateway, now_ms)

    def _tell_gateway(self, gateway: str, now_ms: int, *, online: bool) -> None:
        bays = len(self._stage.city.gateways[gateway])
        message = GatewayStatus(online=online, started_at=self._stage.start_ms, bays=bays)
        self._stage.say(now_ms, gateway, TopicKind.GATEWAY_STATUS, {"gateway": gateway}, message)


_BEGIN: dict[FaultKind, Callable[[Troubles, Sensor, int], None]] = {
    FaultKind.OFFLINE: Troubles._silence,  # noqa: SLF001 - the class's own table
    FaultKind.STUCK_FREE: Troubles._look,  # noqa: SLF001 - likewise
    FaultKind.STUCK_OCCUPIED: Troubles._look,  # noqa: SLF001 - likewise
    FaultKind.FLAPPING: Troubles._flap,  # noqa: SLF001 - likewise
    FaultKind.REBOOT: Troubles._reboot,  # noqa: SLF001 - likewise
}
_AFTER: dict[FaultKind, Callable[[Troubles, Sensor, int], None]] = {
    FaultKind.OFFLINE: Troubles._speak_again,  # noqa: SLF001 - likewise
    FaultKind.STUCK_FREE: Troubles._look,  # noqa: SLF001 - likewise
    FaultKind.STUCK_OCCUPIED: Troubles._look,  # noqa: SLF001 - likewise
    FaultKind.FLAPPING: Troubles._look,  # noqa: SLF001 - likewise
}
