"""How a legal history is spoilt with plain SQL: once for each thing that a rule watches, and for nothing else."""

# ruff: noqa: S608 - nothing but our own text goes into the SQL

from __future__ import annotations

import verify_world as world

AGAIN = """
    INSERT INTO event (position, at, zone, event_no, type, payload)
    SELECT (SELECT MAX(position) + 1 FROM event), at, zone,
        (SELECT MAX(event_no) + 1 FROM event AS e WHERE e.zone = event.zone), type, {payload}
    FROM event WHERE {which};
"""
"""An event once more, at the end of the history, with another payload."""


def again(which: str, payload: str = "payload") -> str:
    return AGAIN.format(which=which, payload=payload)


def promised_too(**changes: object) -> str:
    """Return SQL for a fifth promise like that of rsv-4, in events, tables and answers, with these changes."""
    changes = {"reservation_id": "rsv-9", "request_id": "q-9", "vehicle_id": "v-9"} | changes
    pairs = ", ".join(f"'$.{name}', {value!r}" for name, value in changes.items())
    settings = ", ".join(f"{name} = {value!r}" for name, value in changes.items() if name != "reservation_id")
    return f"""
        DROP TRIGGER reservation_overlap_insert;
        DROP TRIGGER reservation_overlap_update;
        {again("payload ->> '$.reservation_id' = 'rsv-4'", f"json_set(payload, {pairs})")}
        CREATE TEMP TABLE copy AS SELECT * FROM reservation WHERE reservation_id = 'rsv-4';
        UPDATE copy SET reservation_id = 'rsv-9', {settings};
        INSERT INTO reservation SELECT * FROM copy;
        INSERT INTO answer SELECT party, 'q-9', topic, CAST('{{}}' AS BLOB) FROM answer WHERE request_id = 'q-4';
    """


def hour(at: float) -> int:
    return world.MIDNIGHT + int(at * world.HOUR)


def first(kind: str) -> str:
    return f"position = (SELECT MIN(position) FROM event WHERE type = '{kind}')"


def last(kind: str) -> str:
    return f"position = (SELECT MAX(position) FROM event WHERE type = '{kind}')"


def tell(name: str, value: object, which: str) -> str:
    """Return SQL that has events tell something else."""
    return f"UPDATE event SET payload = json_set(payload, '$.{name}', {value!r}) WHERE {which};"


CORRUPTIONS = {
    "two promises of one bay": ("S1", promised_too(), "bay-1 is held twice: by rsv-9 and rsv-4"),
    "two promises of one bay, by their buffers only": (
        "S1",
        promised_too(from_at=hour(16), until=hour(17), held_from=hour(16), held_until=hour(17)),
        "bay-1 is held twice",
    ),
    "a promise of a bay that is another's substitute": (
        "S1",
        promised_too(bay="bay-3", from_at=hour(11), until=hour(12), held_from=hour(11), held_until=hour(12)),
        "bay-3 is held twice: by rsv-9 and rsv-1",
    ),
    "two promises to one vehicle": ("S2", promised_too(vehicle_id="v-rsv-4", bay="bay-3"), "promised two bays"),
    "a promise past the end of the offer": (
        "S3",
        promised_too(from_at=hour(17), until=hour(18), held_from=hour(17), held_until=hour(18) + 300_000),
        "rsv-9 is placed on bay-1 outside its offers",
    ),
    "a promise on a bay whose offer was withdrawn": ("S3", promised_too(bay="bay-2"), "placed on bay-2 outside"),
    "a promise on an excepted date": (
        "S3",
        promised_too(from_at=hour(39), until=hour(40), held_from=hour(39), held_until=hour(40)),
        "outside its offers",
    ),
    "a stay that grows past the end of the offer": (
        "S3",
        """
            DELETE FROM snapshot;
            UPDATE event SET payload = json_set(payload, '$.held_until', payload ->> '$.held_until' + 18000000)
            WHERE type = 'reservation_extended';
            UPDATE reservation SET held_until = held_until + 18000000 WHERE reservation_id = 'rsv-2';
        """,
        "rsv-2 is extended on bay-1 past its offers",
    ),
    "a promise past the end of an absence's window": (
        "S3",
        tell("until", hour(16), f"type = 'auto_window_set' AND payload ->> '$.until' = {hour(18)}"),
        "rsv-5 is placed on bay-4 outside its offers",
    ),
    "a window while the resident is at home": (
        "S3",
        tell("until", hour(13), last("auto_window_set")) + f"UPDATE offer SET until = {hour(13)} WHERE kind = 'auto'",
        "bay-4 is opened by off-4 while its resident is not away",
    ),
    "a window that stays open when the resident is back": (
        "S3",
        "UPDATE event SET type = 'replanned', payload = '{\"moves\":[]}' WHERE "
        + last("auto_window_set")
        + f"; UPDATE offer SET from_at = {hour(11) + 300_000}, until = {hour(18)}, offered_ms = 0 WHERE kind = 'auto'",
        "bay-4 is left open although its resident is back",
    ),
    "an answer lost": ("S4", "DELETE FROM answer WHERE request_id = 'q-1'", "q-1 of drivers/drv-rsv-1 .* no answer"),
    "an answer to a request that no event knows": (
        "S4",
        "INSERT INTO answer VALUES ('drivers/drv-7', 'q-7', 't', CAST('{}' AS BLOB))",
        "q-7 of drivers/drv-7 was answered, but no event knows it",
    ),
    "an answer to another request": (
        "S4",
        "UPDATE answer SET payload = CAST(json_set(payload, '$.request_id', 'q-2') AS BLOB) WHERE request_id = 'q-1'",
        "kept for q-1 .* is one to q-2",
    ),
    "a request with two effects": (
        "S5",
        again("type = 'request_rejected'"),
        "q-5 of drivers/drv-5 has a second effect",
    ),
    "a column that the events do not tell": (
        "S6",
        "UPDATE reservation SET walk_m = 1 WHERE reservation_id = 'rsv-1'",
        "rsv-1: walk_m is 1, not 500",
    ),
    "a bay that the events do not tell": (
        "S6",
        "UPDATE bay SET occupancy = 'free' WHERE bay = 'bay-1'",
        "occupancy is",
    ),
    "an offer that the events do not tell": (
        "S6",
        "UPDATE offer SET withdrawn = 1 WHERE offer_id = 'off-1'",
        "withdrawn",
    ),
    "JSON in a column that is none": ("S6", "UPDATE bay SET needs = '[' WHERE bay = 'bay-1'", r"needs is '\['"),
    "a row lost": ("S6", "DELETE FROM reservation WHERE reservation_id = 'rsv-3'", "reservation lacks rsv-3"),
    "a row too many": (
        "S6",
        (
            "INSERT INTO bay SELECT 'bay-9', zone, lat, lon, gateway, resident, needs, tariff,"
            " occupancy, observed_at, boot_id, seq, lost, contested, closed, retired,"
            " away_since, absences, hazard_permille, rented_week, rented_ms, settled_at FROM bay LIMIT 1"
        ),
        "has bay-9, the events have not",
    ),
    "an event lost": ("S6", "DELETE FROM event WHERE type = 'reservation_received'", "position .*: events are missing"),
    "an event_no that leaps": (
        "S6",
        (
            "UPDATE event SET event_no = event_no + 1 WHERE type = 'offers_withdrawn'; UPDATE answer SET payload ="
            " CAST(json_remove(payload, '$.event_no') AS BLOB) WHERE request_id = 'q-withdraw'"
        ),
        "event_no .* of zone-a where .* is due",
    ),
    "an event_no where nothing is published": (
        "S6",
        "UPDATE event SET zone = 'zone-c', event_no = 1 WHERE " + first("replanned"),
        "replanned is never published, but has event_no 1",
    ),
    "an event of no known type": (
        "S6",
        "UPDATE event SET type = 'painted' WHERE type = 'overstay_warned'",
        "'painted'",
    ),
    "a payload that is no JSON": (
        "S6",
        "UPDATE event SET payload = '{' WHERE type = 'overstay_warned'",
        "does not fit",
    ),
    "a step that the lifecycle has not": (
        "S6",
        again("type = 'reservation_bound' AND payload ->> '$.reservation_id' = 'rsv-2'"),
        "rsv-2 is completed: reservation_bound cannot happen",
    ),
    "an event on another bay than the one it stands on": (
        "S6",
        "UPDATE event SET payload = json_set(payload, '$.from_bay', 'bay-3') WHERE type = 'reservation_relocated'",
        "rsv-1 stands on bay-2, but the event says bay-3",
    ),
    "an absence that no sensor saw begin": (
        "S6",
        tell("at", hour(12), "type = 'resident_left'"),
        "bay-4 leaves, but no sensor saw it",
    ),
    "an absence that did not begin": (
        "S6",
        tell("at", 5, "type = 'resident_returned'"),
        "bay-4 comes back, but had not left before",
    ),
    "an absence counted wrongly": (
        "S6",
        tell("at", hour(36), "type = 'resident_returned'"),
        "an absence of .* is counted wrongly",
    ),
    "an absence that the events do not tell": ("S6", "UPDATE bay SET hazard_permille = 1", "hazard_permille is 1, not"),
    "a household's history that the events do not tell": (
        "S6",
        "UPDATE bay SET away_since = 1 WHERE bay = 'bay-4'",
        "away_since is 1, not None",
    ),
    "offered time that the events do not tell": (
        "S6",
        "UPDATE offer SET offered_ms = offered_ms + 1 WHERE kind = 'auto'",
        "off-4: offered_ms is",
    ),
    "a window of an offer that opens nothing by itself": (
        "S6",
        tell("offer_id", "off-1", first("auto_window_set")),
        "off-1 is no offer that opens bay-4",
    ),
    "a snapshot that the events do not tell": (
        "S6",
        (
            "UPDATE snapshot SET image = json_set(image, '$.reservations[0].bay', 'bay-3')"
            " WHERE position = (SELECT MIN(position) FROM snapshot)"
        ),
        "snapshot .*, rsv-1: bay is 'bay-3', not 'bay-1'",
    ),
    "a snapshot with wrong numbers": (
        "S6",
        "UPDATE snapshot SET image = json_set(image, '$.accepted', 9)",
        "snapshot .* has other numbers",
    ),
    "a snapshot ahead of the events": ("S6", "UPDATE snapshot SET position = position + 900", "ahead of the events"),
    "a message of an event that is not committed": (
        "S7",
        "INSERT INTO outbox VALUES (999, 't', CAST('{\"position\":999}' AS BLOB), 1)",
        "outbox row 999 tells of position 999",
    ),
    "a message of an event_no that is not committed": (
        "S7",
        "UPDATE outbox SET payload = CAST(json_set(payload, '$.data.event_no', 999) AS BLOB) WHERE outbox_id = 1",
        "outbox row 1 tells of event 999 of zone-a",
    ),
    "an answer of an event that is not committed": (
        "S7",
        "UPDATE answer SET payload = CAST(json_set(payload, '$.position', 999) AS BLOB) WHERE request_id = 'q-1'",
        "the answer to q-1 of drivers/drv-rsv-1 tells of position 999",
    ),
    "money from nowhere": (
        "S8",
        "UPDATE ledger SET amount = amount + 1 WHERE account = 'operator'",
        "sums to 1 won, not to 0",
    ),
    "money to the wrong account": (
        "S8",
        "UPDATE ledger SET account = 'operator' WHERE account LIKE 'resident:%'",
        "charges .* the ledger books",
    ),
    "a charge that was never booked": ("S8", "DELETE FROM ledger", "charges .* the ledger books {}"),
    "a booking that points at no charge": ("S8", "UPDATE ledger SET position = 1", "event 1, which charges nothing"),
}
