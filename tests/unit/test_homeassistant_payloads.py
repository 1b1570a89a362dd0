"""Home Assistant's device discovery: only documented keys, and the right thing at the right time."""

from __future__ import annotations

import json
from typing import Annotated, Literal

import pytest
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from broker_bridge.bridge.homeassistant import Announcer
from broker_bridge.wire import codec, topics
from broker_bridge.wire.messages import Device, GatewayStatus, Occupancy
from broker_bridge.wire.topics import TopicKind

AT = 1_772_442_000_000
CONFIG = "homeassistant/device/baybroker_seoul_z-1_b-1/config"


class Documented(BaseModel):
    """The keys that Home Assistant's pages document, and no others."""

    model_config = ConfigDict(extra="forbid", strict=True)


class HaDevice(Documented):
    identifiers: list[str] = Field(min_length=1)
    name: str
    manufacturer: str
    model: str
    suggested_area: str
    sw_version: str | None = None


class HaOrigin(Documented):
    name: str
    sw_version: str


class HaAvailability(Documented):
    topic: str
    value_template: str
    payload_available: str
    payload_not_available: str


class HaEntity(Documented):
    unique_id: Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]+$")]
    name: str
    state_topic: str
    value_template: str
    expire_after: Annotated[int, Field(gt=0)]


class HaBinarySensor(HaEntity):
    platform: Literal["binary_sensor"]
    device_class: Literal["occupancy"]
    payload_on: str
    payload_off: str


class HaSensor(HaEntity):
    platform: Literal["sensor"]
    device_class: Literal["battery"]
    unit_of_measurement: Literal["%"]
    state_class: Literal["measurement"]
    entity_category: Literal["diagnostic"]


class HaConfig(Documented):
    device: HaDevice
    origin: HaOrigin
    availability: list[HaAvailability]
    components: dict[str, Annotated[HaBinarySensor | HaSensor, Field(discriminator="platform")]]
    qos: Literal[0, 1, 2]


def occupancy(bay="b-1", *, gateway="gw-1", boot_id=AT, status="free"):
    topic = topics.build(TopicKind.OCCUPANCY, "seoul", gateway=gateway, zone="z-1", bay=bay)
    return topic, codec.encode(Occupancy(boot_id=boot_id, seq=0, observed_at=AT, status=status))


def device(bay="b-1", *, gateway="gw-1", heartbeat_s=600, **known):
    topic = topics.build(TopicKind.DEVICE, "seoul", gateway=gateway, zone="z-1", bay=bay)
    return topic, codec.encode(Device(boot_id=AT, seq=0, observed_at=AT, heartbeat_s=heartbeat_s, **known))


@pytest.fixture
def announcer():
    return Announcer("seoul", version="1.2.3")


def due(announcer):
    """What is due, after which the broker has told us what we published."""
    messages = announcer.due()
    for topic, payload in messages:
        announcer.hear(topic, payload)
    return dict(messages)


def test_a_bay_becomes_a_device_with_documented_keys_only(announcer):
    announcer.hear(*occupancy())
    announcer.hear(*device(heartbeat_s=600, firmware="0.29.2"))
    messages = due(announcer)
    assert list(messages) == [CONFIG]
    config = TypeAdapter(HaConfig).validate_json(messages[CONFIG])
    assert config.device.identifiers == ["baybroker_seoul_z-1_b-1"]
    assert config.device.sw_version == "0.29.2"
    assert config.components["occupancy"].state_topic == occupancy()[0]
    assert config.components["battery"].state_topic == device()[0]
    assert {entity.expire_after for entity in config.components.values()} == {2 * 600 + 60}
    assert len({entity.unique_id for entity in config.components.values()}) == 2
    assert config.availability[0].topic == topics.build(TopicKind.GATEWAY_STATUS, "seoul", gateway="gw-1")


def render(template, message):
    """Evaluate one of our three templates as Jinja would: they are Python expressions but for one filter."""
    inner = template.removeprefix("{{ ").removesuffix(" }}").replace("| default(", "or (")
    fields = json.loads(message)
    return str(eval(inner, {"value_json": type("Json", (), {"__getattr__": lambda _, name: fields.get(name)})()}))  # noqa: S307 - our own templates


@pytest.mark.parametrize(("status", "shown"), [("occupied", "ON"), ("free", "OFF"), ("unknown", "None")])
def test_the_templates_read_our_messages(announcer, status, shown):
    announcer.hear(*occupancy())
    config = TypeAdapter(HaConfig).validate_json(due(announcer)[CONFIG])
    entities = config.components
    assert render(entities["occupancy"].value_template, occupancy(status=status)[1]) == shown
    assert {entities["occupancy"].payload_on, entities["occupancy"].payload_off} == {"ON", "OFF"}
    assert render(entities["battery"].value_template, device(battery_pct=81.5)[1]) == "81.5"
    assert render(entities["battery"].value_template, device()[1]) == ""
    (availability,) = config.availability
    for online, said in ((True, availability.payload_available), (False, availability.payload_not_available)):
        message = codec.encode(GatewayStatus(online=online, started_at=AT, bays=1))
        assert render(availability.value_template, message) == said


def test_only_what_the_announcement_depends_on_announces_again(announcer):
    announcer.hear(*occupancy())
    assert list(due(announcer)) == [CONFIG]
    announcer.hear(*occupancy(status="occupied"))
    assert due(announcer) == {}
    announcer.hear(*device(heartbeat_s=60))
    assert json.loads(due(announcer)[CONFIG])["components"]["battery"]["expire_after"] == 180
    announcer.hear(*device(heartbeat_s=60, battery_pct=50))
    assert due(announcer) == {}


def test_home_assistants_birth_announces_everything_again(announcer):
    for bay in ("b-1", "b-2"):
        announcer.hear(*occupancy(bay))
    first = due(announcer)
    announcer.hear("homeassistant/status", b"offline")
    assert due(announcer) == {}
    announcer.hear("homeassistant/status", b"online")
    assert due(announcer) == first
    assert len(first) == 2


def test_a_bay_that_goes_away_is_taken_back(announcer):
    announcer.hear(*occupancy())
    announcer.hear(*device())
    due(announcer)
    announcer.hear(occupancy()[0], b"")
    assert due(announcer) == {CONFIG: b""}
    assert (announcer.bays, announcer.held) == (0, 0)
    announcer.hear(device()[0], b"")
    announcer.again()
    assert due(announcer) == {}


def test_a_bay_moves_to_the_gateway_that_booted_later(announcer):
    announcer.hear(*occupancy(gateway="gw-1", boot_id=AT))
    announcer.hear(*occupancy(gateway="gw-2", boot_id=AT - 1))
    assert b"gateways/gw-1/" in due(announcer)[CONFIG]
    announcer.hear(*occupancy(gateway="gw-2", boot_id=AT + 1))
    moved = due(announcer)[CONFIG]
    assert b"gateways/gw-2/" in moved
    assert b"gateways/gw-1/" not in moved
    announcer.hear(occupancy(gateway="gw-2")[0], b"")
    assert b"gateways/gw-1/" in due(announcer)[CONFIG]


def test_what_an_earlier_run_announced_is_taken_back_and_what_others_announced_is_left(announcer):
    announcer.hear("homeassistant/device/baybroker_seoul_z-9_gone/config", b"{}")
    announcer.hear("homeassistant/device/baybroker_busan_z-9_other/config", b"{}")
    announcer.hear("homeassistant/device/baybroker_seoul_z-9/config", b"{}")
    announcer.hear("homeassistant/device/kitchen-lamp/config", b"{}")
    announcer.hear(*occupancy())
    due(announcer)
    (gone,) = announcer.unheard()
    assert announcer.sensors_of([gone]) == ["parking/v1/seoul/gateways/+/bays/z-9/gone/occupancy"]
    announcer.forget([gone])
    assert due(announcer) == {"homeassistant/device/baybroker_seoul_z-9_gone/config": b""}


def test_names_with_hyphens_cannot_be_confused(announcer):
    for zone, bay in (("a-b", "c"), ("a", "b-c")):
        _, payload = occupancy()
        announcer.hear(topics.build(TopicKind.OCCUPANCY, "seoul", gateway="gw-1", zone=zone, bay=bay), payload)
    assert len(due(announcer)) == 2


def test_what_is_not_valid_is_counted_and_announces_nothing(announcer):
    announcer.hear(occupancy()[0], b"{")
    announcer.hear("parking/v1/seoul/gateways/gw-1/bays/z-1/B1/occupancy", occupancy()[1])
    assert announcer.dropped == 2
    assert due(announcer) == {}
    assert announcer.bays == 0
