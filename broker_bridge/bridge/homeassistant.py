"""Home Assistant's device discovery: what to announce of a city's bays, and what to take back. Pure.

The broker is the memory: announcements are retained, so what an earlier run announced is heard like anything else.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from broker_bridge.wire import codec, topics
from broker_bridge.wire.errors import BadMessageError
from broker_bridge.wire.topics import TopicKind

if TYPE_CHECKING:
    from collections.abc import Iterable

PREFIX_DEFAULT = "homeassistant"
HEARTBEAT_DEFAULT_S = 3_600
"""Of a sensor that has not told its own yet."""
EXPIRE_MARGIN_S = 60
BIRTH = b"online"
_KINDS = (TopicKind.OCCUPANCY, TopicKind.DEVICE)
_STATUS_TEMPLATE = "{{ {'occupied': 'ON', 'free': 'OFF'}.get(value_json.status, 'None') }}"
"""`None` is Home Assistant's word for a state that is not known."""
_BATTERY_TEMPLATE = "{{ value_json.battery_pct | default('') }}"
"""Empty where the message leaves the battery out: the last one stays."""
_ONLINE_TEMPLATE = "{{ 'online' if value_json.online else 'offline' }}"


class Bay(NamedTuple):
    """A bay's name."""

    zone: str
    name: str


@dataclass(slots=True)
class Sensor:
    """What is known of a bay's sensor behind one gateway. A later boot replaces an earlier one, as in the contract."""

    present: bool = False
    """Whether the broker holds its occupancy."""
    boot_id: int = -1
    heartbeat_s: int = HEARTBEAT_DEFAULT_S
    firmware: str | None = None


def announcement(
    city: str, bay: Bay, gateway: str, *, heartbeat_s: int, firmware: str | None, version: str
) -> dict[str, object]:
    """Return the device configuration of one bay: its occupancy, its battery, and when to believe them."""
    names = {"gateway": gateway, "zone": bay.zone, "bay": bay.name}
    identifier = device_id(city, bay)
    expire_after = 2 * heartbeat_s + EXPIRE_MARGIN_S
    device: dict[str, object] = {
        "identifiers": [identifier],
        "name": f"Bay {bay.name}",
        "manufacturer": "baybroker",
        "model": "Parking bay",
        "suggested_area": bay.zone,
    }
    if firmware is not None:
        device["sw_version"] = firmware
    return {
        "device": device,
        "origin": {"name": "baybroker", "sw_version": version},
        "availability": [
            {
                "topic": topics.build(TopicKind.GATEWAY_STATUS, city, gateway=gateway),
                "value_template": _ONLINE_TEMPLATE,
                "payload_available": "online",
                "payload_not_available": "offline",
            }
        ],
        "components": {
            "occupancy": {
                "platform": "binary_sensor",
                "unique_id": f"{identifier}_occupancy",
                "name": "Occupancy",
                "device_class": "occupancy",
                "state_topic": topics.build(TopicKind.OCCUPANCY, city, **names),
                "value_template": _STATUS_TEMPLATE,
                "payload_on": "ON",
                "payload_off": "OFF",
                "expire_after": expire_after,
            },
            "battery": {
                "platform": "sensor",
                "unique_id": f"{identifier}_battery",
                "name": "Battery",
                "device_class": "battery",
                "state_class": "measurement",
                "entity_category": "diagnostic",
                "unit_of_measurement": "%",
                "state_topic": topics.build(TopicKind.DEVICE, city, **names),
                "value_template": _BATTERY_TEMPLATE,
                "expire_after": expire_after,
            },
        },
        "qos": 1,
    }


def device_id(city: str, bay: Bay) -> str:
    """Return the device's id. A level of our topics holds no `_`, so no two bays share one."""
    return f"baybroker_{city}_{bay.zone}_{bay.name}"


class Announcer:
    """Hears a city's sensors and Home Assistant, and says what to publish, retained, so that both agree."""

    def __init__(self, city: str, *, prefix: str = PREFIX_DEFAULT, version: str) -> None:
        self.dropped = 0
        """Messages that were not understood."""
        self._city = city
        self._prefix = prefix
        self._version = version
        self._sensors: dict[Bay, dict[str, Sensor]] = {}
        self._held: set[Bay] = set()
        self._changed: dict[Bay, None] = {}

    @property
    def filters(self) -> list[str]:
        """Return what to subscribe to."""
        ours = [topics.subscription(kind, self._city) for kind in _KINDS]
        return [self.configs, f"{self._prefix}/status", *ours]

    @property
    def configs(self) -> str:
        """Return the filter for every device's configuration."""
        return f"{self._prefix}/device/+/config"

    @property
    def held(self) -> int:
        """Return how many bays the broker holds an announcement of, as far as heard."""
        return len(self._held)

    @property
    def bays(self) -> int:
        """Return how many bays have a sensor."""
        return sum(self._told(bay) is not None for bay in self._sensors)

    def hear(self, topic: str, payload: bytes) -> None:
        """Take a message in; what is not understood is counted."""
        if topic == f"{self._prefix}/status":
            if payload == BIRTH:
                self.again()
        elif topic.startswith(f"{self._prefix}/device/"):
            self._hear_config(topic, payload)
        else:
            try:
                self._hear_sensor(topic, payload)
            except BadMessageError:
                self.dropped += 1

    def again(self) -> None:
        """Announce every bay anew: Home Assistant has started, or the broker may have forgotten."""
        self._changed.update(dict.fromkeys(self._sensors))

    def due(self) -> list[tuple[str, bytes]]:
        """Return, once, what must be published; an empty payload takes an announcement back."""
        changed, self._changed = self._changed, {}
        return [(self._config_topic(bay), self._wanted(bay)) for bay in changed]

    def unheard(self) -> list[Bay]:
        """Return the bays that the broker holds an announcement of, though no sensor of them was heard."""
        return [bay for bay in sorted(self._held) if self._told(bay) is None]

    def sensors_of(self, bays: Iterable[Bay]) -> list[str]:
        """Return filters that bring what the broker retains of these bays' sensors."""
        return [topics.subscription(TopicKind.OCCUPANCY, self._city, zone=bay.zone, bay=bay.name) for bay in bays]

    def forget(self, bays: Iterable[Bay]) -> None:
        """Take back what was announced of these bays."""
        for bay in bays:
            self._sensors.pop(bay, None)
            self._changed[bay] = None

    def forget_everything(self) -> None:
        """Take back every announcement that the broker holds, of this city."""
        self.forget(list(self._held))

    def _hear_config(self, topic: str, payload: bytes) -> None:
        identifier = topic.split("/")[-2]
        ours, _, rest = identifier.partition(f"baybroker_{self._city}_")
        zone, _, name = rest.partition("_")
        if ours or not (topics.is_name(zone) and topics.is_name(name)):
            return
        if payload:
            self._held.add(Bay(zone, name))
        else:
            self._held.discard(Bay(zone, name))

    def _hear_sensor(self, topic: str, payload: bytes) -> None:
        parsed = topics.parse(topic)
        bay, gateway = Bay(parsed.names["zone"], parsed.names["bay"]), parsed.names["gateway"]
        said = codec.decode(parsed.kind, payload) if payload else None
        sensors = self._sensors.setdefault(bay, {})
        sensor = sensors.setdefault(gateway, Sensor())
        before = self._told(bay)
        if parsed.kind is TopicKind.OCCUPANCY:
            sensor.present = said is not None
        elif said is not None:
            sensor.heartbeat_s, sensor.firmware = said.heartbeat_s, said.firmware or sensor.firmware
        if said is not None:
            sensor.boot_id = max(sensor.boot_id, said.boot_id)
        elif not sensor.present:
            del sensors[gateway]
        if not sensors:
            del self._sensors[bay]
        if self._told(bay) != before:
            self._changed[bay] = None

    def _told(self, bay: Bay) -> tuple[str, int, str | None] | None:
        """Return what an announcement of the bay depends on: gateway, heartbeat, firmware. None: it has no sensor."""
        there = {name: sensor for name, sensor in self._sensors.get(bay, {}).items() if sensor.present}
        if not there:
            return None
        gateway = max(there, key=lambda name: (there[name].boot_id, name))
        return gateway, there[gateway].heartbeat_s, there[gateway].firmware

    def _wanted(self, bay: Bay) -> bytes:
        """Return the announcement that the bay should have; empty: none."""
        told = self._told(bay)
        if told is None:
            return b""
        gateway, heartbeat_s, firmware = told
        said = announcement(self._city, bay, gateway, heartbeat_s=heartbeat_s, firmware=firmware, version=self._version)
        return json.dumps(said, separators=(",", ":")).encode()

    def _config_topic(self, bay: Bay) -> str:
        return f"{self._prefix}/device/{device_id(self._city, bay)}/config"
