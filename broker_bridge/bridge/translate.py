"""From uplinks to messages of the contract: which device, which bay, which number, what it says. Pure."""

from __future__ import annotations

import json
import math
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from broker_bridge.bridge.counter import Frame, Place, Verdict
from broker_bridge.bridge.record import Device, LastUplink, Spot, Stamp
from broker_bridge.bridge.uplink import Uplink
from broker_bridge.devices import FrameError
from broker_bridge.devices.generic_json import GenericJson
from broker_bridge.wire import messages
from broker_bridge.wire.topics import TopicKind

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from broker_bridge.devices import Profile, Reading

STRANGERS_MAX = 10_000
AHEAD_MAX_MS = 60_000
OLD_MAX_MS = 7 * 24 * 3_600_000
ERROR_MAX = 200
LAST_MAX = 4_096
OPPOSITE = {"free": "occupied", "occupied": "free"}
RANGES = {"battery_pct": (0.0, 100.0), "battery_v": (0.0, 1000.0), "temperature_c": (-100.0, 150.0)}
"""What the contract can carry."""
TOKEN_MAX = 64
HEALTH_KINDS = ("heartbeat", "startup", "error")


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A message of the contract on its way; one that is late is not retained, because a newer one is."""

    kind: TopicKind
    place: tuple[str, str, str]
    message: messages.Occupancy | messages.Device
    retain: bool = True


@dataclass(slots=True)
class Figures:
    """What became of the uplinks."""

    uplinks: int = 0
    duplicates: int = 0
    late: int = 0
    errors: int = 0
    unmapped: int = 0
    strangers_dropped: int = 0


class Translator:
    """Holds the devices and the map. `touched` names the devices whose records changed since it was emptied."""

    def __init__(self, profiles: Mapping[str, Profile], devices: dict[str, Device]) -> None:
        self.devices = devices
        self.spots: Mapping[str, Spot] = {}
        self.touched: set[str] = set()
        self.figures = Figures()
        self._profiles = profiles
        self._strangers = 0

    def use(self, spots: Mapping[str, Spot], now: int) -> list[Outgoing]:
        """Take a new map; returns what bays without a device any more, and those with a new one, are told."""
        self.spots = spots
        self._strangers = sum(name not in spots for name in self.devices)
        served = {spot.place for spot in spots.values()}
        said: list[Outgoing] = []
        for name, device in self.devices.items():
            spot = spots.get(name)
            if spot == device.spot:
                continue
            if device.spot is not None and device.spot.place not in served:
                said.append(_forsaken(device.spot, now))
            self._move(device, spot, now)
            said += self._repeat(device, now)
        return said

    def take(self, uplink: Uplink, source: str, now: int, *, retained: bool = False) -> list[Outgoing]:
        """Note an uplink received at `now` and return what it says, oldest first; a `retained` one may be old."""
        self.figures.uplinks += 1
        device = self._device(uplink.device, source)
        if device is None:
            self.figures.strangers_dropped += 1
            return []
        self.touched.add(device.name)
        at_ms, timed = believed(uplink.at_ms, now)
        device.source = source
        if uplink.joined:
            device.counter.join(at_ms)
            device.heard_at = max(device.heard_at, at_ms)
            return []
        device.uplinks += 1
        text = json.dumps(uplink.json, separators=(",", ":")) if uplink.json is not None else None
        check = zlib.crc32(uplink.frame or (text or "").encode(), uplink.port or 0)
        place = device.counter.place(Frame(uplink.f_cnt, at_ms, check, uplink.session, timed, retained))
        device.lost = max(0, device.lost + place.lost)
        if place.verdict is Verdict.DUPLICATE:
            device.duplicates += 1
            self.figures.duplicates += 1
            return []
        device.heard_at = max(device.heard_at, at_ms)
        if place.verdict is Verdict.FRESH:
            device.rssi_dbm = uplink.rssi_dbm
            device.last = LastUplink(
                at_ms, uplink.frame.hex(), uplink.port, text if len(text or "") <= LAST_MAX else None
            )
        else:
            self.figures.late += 1
        return self._say(device, uplink, place, at_ms)

    def standing(self, city: str, now: int) -> Iterator[Outgoing]:
        """Yield what holds in a city, for a broker that may have forgotten it; devices that are silent are left out."""
        for name, spot in self.spots.items():
            device = self.devices.get(name)
            if spot.city != city or device is None or device.spot != spot or self._is_silent(device, spot, now):
                continue
            if device.occupancy is not None and device.status is not None:
                yield _occupancy(spot, device.occupancy, device.status)
            if device.health is not None:
                yield self._health(device, spot, device.health)

    def _device(self, name: str, source: str) -> Device | None:
        device = self.devices.get(name)
        if device is not None:
            return device
        spot = self.spots.get(name)
        if spot is None:
            if self._strangers >= STRANGERS_MAX:
                return None
            self._strangers += 1
        device = self.devices[name] = Device(name=name, source=source, spot=spot)
        return device

    def _move(self, device: Device, spot: Spot | None, now: int) -> None:
        """Map a device anew: what it says from now on is newer than anything said of the bay before."""
        device.spot, device.mapped_at = spot, now
        device.status = device.occupancy = device.health = device.fault = device.firmware = None
        self.touched.add(device.name)

    def _repeat(self, device: Device, now: int) -> list[Outgoing]:
        """Return what the newest uplink says, for a device that was heard before it was mapped."""
        last, boot, spot = device.last, device.counter.boot, device.spot
        if last is None or boot is None or spot is None or self._is_silent(device, spot, now):
            return []
        said = json.loads(last.json) if last.json is not None else None
        uplink = Uplink(
            device=device.name, at_ms=last.at_ms, port=last.port, frame=bytes.fromhex(last.frame), json=said
        )
        return self._say(device, uplink, Place(boot.boot_id, boot.seq, Verdict.FRESH), last.at_ms)

    def _is_silent(self, device: Device, spot: Spot, now: int) -> bool:
        return now - device.heard_at > 2 * self._profiles[spot.profile].heartbeat_s * 1000

    def _say(self, device: Device, uplink: Uplink, place: Place, at_ms: int) -> list[Outgoing]:
        spot = device.spot
        if spot is None:
            self.figures.unmapped += 1
            return []
        is_fresh = place.verdict is Verdict.FRESH
        try:
            reading = self._read(spot, uplink, device.status if is_fresh else None)
        except FrameError as error:
            device.errors += 1
            self.figures.errors += 1
            device.last_error = str(error)[:ERROR_MAX]
            return []
        if not is_fresh:
            return self._say_late(device, spot, reading, place, at_ms)
        stamp = Stamp(max(place.boot_id, device.mapped_at), place.seq, at_ms)
        said: list[Outgoing] = []
        if reading.status is not None:
            said += _missed(device, spot, reading, place, stamp)
            device.status, device.status_at, device.occupancy = reading.status, at_ms, stamp
            said.append(_occupancy(spot, stamp, reading.status))
        if _note_health(device, reading) or device.health is None or device.health.boot_id != stamp.boot_id:
            device.health = stamp
            said.append(self._health(device, spot, stamp))
        return said

    def _read(self, spot: Spot, uplink: Uplink, before: str | None) -> Reading:
        profile = self._profiles[spot.profile]
        if uplink.json is not None and (not uplink.frame or isinstance(profile.codec, GenericJson)):
            return profile.decode_json(uplink.json, before=before)  # type: ignore[arg-type]
        return profile.decode(uplink.frame, uplink.port, before=before)  # type: ignore[arg-type]

    def _say_late(self, device: Device, spot: Spot, reading: Reading, place: Place, at_ms: int) -> list[Outgoing]:
        """Return an older word for the history. One of a boot from before the mapping was about another bay."""
        is_current = device.counter.boot is not None and place.boot_id == device.counter.boot.boot_id
        if reading.status is None or (
            place.boot_id < device.mapped_at and (not is_current or at_ms < device.mapped_at)
        ):
            return []
        stamp = Stamp(max(place.boot_id, device.mapped_at), place.seq, at_ms)
        return [_occupancy(spot, stamp, reading.status, retain=False)]

    def _health(self, device: Device, spot: Spot, stamp: Stamp) -> Outgoing:
        profile = self._profiles[spot.profile]
        message = messages.Device(
            boot_id=stamp.boot_id,
            seq=stamp.seq,
            observed_at=stamp.observed_at,
            heartbeat_s=profile.heartbeat_s,
            battery_pct=device.battery_pct,
            rssi_dbm=device.rssi_dbm,
            temperature_c=device.temperature_c,
            firmware=device.firmware,
            fault=device.fault,
        )
        return Outgoing(TopicKind.DEVICE, spot.place, message)


def believed(at_ms: int | None, now: int) -> tuple[int, bool]:
    """Return the network's time where it can be true, else when it was received, and which of both it is."""
    if at_ms is None or not now - OLD_MAX_MS <= at_ms <= now + AHEAD_MAX_MS:
        return now, False
    return at_ms, True


def _occupancy(spot: Spot, stamp: Stamp, status: str, *, retain: bool = True) -> Outgoing:
    message = messages.Occupancy(
        boot_id=stamp.boot_id,
        seq=stamp.seq,
        observed_at=stamp.observed_at,
        status=status,  # type: ignore[arg-type]
    )
    return Outgoing(TopicKind.OCCUPANCY, spot.place, message, retain)


def _forsaken(spot: Spot, now: int) -> Outgoing:
    """Return the last word of a bay whose device was taken away."""
    return _occupancy(spot, Stamp(now, 0, now), "unknown")


def _missed(device: Device, spot: Spot, reading: Reading, place: Place, stamp: Stamp) -> list[Outgoing]:
    """Return the change whose uplink was lost, where the next one tells how long that state lasted.

    Two frames that say the same, with a gap between them, have a change between them; it is dated back.
    """
    lasted_s, seq = reading.previous_state_s, stamp.seq - 1
    if not lasted_s or place.lost < 1 or seq < 0 or reading.status != device.status:
        return []
    began_at = stamp.observed_at - lasted_s * 1000
    if reading.status not in OPPOSITE or began_at <= device.status_at:
        return []
    return [_occupancy(spot, Stamp(stamp.boot_id, seq, began_at), OPPOSITE[reading.status], retain=False)]


def _note_health(device: Device, reading: Reading) -> bool:
    """Note what a frame says of the device itself, and tell whether it says anything."""
    for name, (least, most) in RANGES.items():
        value = getattr(reading, name)
        if value is not None and math.isfinite(value):
            setattr(device, name, min(max(float(value), least), most))
    firmware = reading.fields.get("firmware")
    if isinstance(firmware, str) and firmware:
        device.firmware = firmware[:TOKEN_MAX]
    fault = reading.fields.get("fault")
    if reading.kind == "error" or fault:
        device.fault = str(fault or "device_error")[:TOKEN_MAX]
    elif reading.kind in HEALTH_KINDS:
        device.fault = None
    facts = [getattr(reading, name) for name in RANGES]
    return bool(fault) or reading.kind in HEALTH_KINDS or any(fact is not None for fact in facts)
