"""The generated pages are up to date, and the AsyncAPI document is whole."""

from __future__ import annotations

import runpy
from pathlib import Path

import pytest
import yaml

from broker_bridge.wire import asyncapi
from broker_bridge.wire.topics import PREFIX, RETAINED, TopicKind

ROOT = Path(__file__).parents[2]
PAGES = runpy.run_path(str(ROOT / "scripts" / "generate_docs.py"))["pages"]()
DOCUMENT = asyncapi.document()


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_generated_page_is_up_to_date(path):
    assert path.read_text(encoding="utf-8") == PAGES[path], "run .venv/bin/python scripts/generate_docs.py"


def test_yaml_says_what_the_generator_says():
    assert yaml.safe_load((ROOT / "docs" / "asyncapi.yaml").read_text(encoding="utf-8")) == DOCUMENT


def resolve(reference):
    part = DOCUMENT
    for key in reference.removeprefix("#/").split("/"):
        part = part[key]
    return part


def references(part):
    if isinstance(part, dict):
        if "$ref" in part:
            yield part["$ref"]
        for value in part.values():
            yield from references(value)
    elif isinstance(part, list):
        for value in part:
            yield from references(value)


def test_every_reference_leads_somewhere():
    found = list(references(DOCUMENT))
    assert len(found) > len(TopicKind)
    for reference in found:
        assert resolve(reference)


@pytest.mark.parametrize("kind", TopicKind, ids=lambda kind: kind.name)
def test_channel_has_its_topic_its_parameters_and_every_field(kind):
    (channel,) = [one for one in DOCUMENT["channels"].values() if one["address"] == f"{PREFIX}/{{city}}/{kind.value}"]
    placeholders = {level[1:-1] for level in channel["address"].split("/") if level.startswith("{")}
    assert set(channel["parameters"]) == placeholders
    models = asyncapi.models_of(kind)
    assert set(channel["messages"]) == {model.__name__ for model in models}
    for model in models:
        message = resolve(channel["messages"][model.__name__]["$ref"])
        schema = resolve(message["payload"]["$ref"])
        names = {field.alias or name for name, field in model.model_fields.items()}
        assert set(schema["properties"]) == names
        assert message["summary"] == model.__doc__
        must = {field.alias or name for name, field in model.model_fields.items() if field.is_required()}
        assert set(schema.get("required", ())) == must | ({"type"} if len(models) > 1 else set())


def test_operations_follow_the_publisher_and_the_retained_flag():
    by_channel = {one["channel"]["$ref"]: one for one in DOCUMENT["operations"].values()}
    assert len(by_channel) == len(TopicKind)
    for kind, (name, channel) in zip(TopicKind, DOCUMENT["channels"].items(), strict=True):
        operation = by_channel[f"#/channels/{name}"]
        ours = asyncapi.PUBLISHERS[kind] in {"allocator", "simulator"}
        assert operation["action"] == ("send" if ours else "receive")
        assert operation["bindings"]["mqtt"]["qos"] == 1
        assert operation["bindings"]["mqtt"]["retain"] == (kind in RETAINED)
        assert {one["$ref"].rsplit("/", 1)[1] for one in operation["messages"]} == set(channel["messages"])


def test_times_are_strings_in_the_document():
    assert DOCUMENT["components"]["schemas"]["Occupancy"]["properties"]["observed_at"]["format"] == "date-time"


def test_aliases_are_the_names_on_the_wire():
    properties = DOCUMENT["components"]["schemas"]["OfferOnce"]["properties"]
    assert "from" in properties
    assert "from_at" not in properties
