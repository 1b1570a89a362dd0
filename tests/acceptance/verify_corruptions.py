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


def json_object(data: dict[str, object]) -> str:
    return f"json_object({', '.join(f'{name!r}, {value!r}' for name, value in data.items())})"


def inserted(kind: str, payload: str) -> str:
    """Return SQL for a new event of zone-a at the end of the history."""
    return f"""
        INSERT INTO event (position, at, zone, event_no, type, payload)
        SELECT MAX(position) + 1, MAX(at), 'zone-a', MAX(event_no) FILTER (WHERE zone = 'zone-a') + 1, '{kind}',
            {payload} FROM event;
    """


def appended(kind: str, **data: object) -> str:
    """Return SQL for a new event of zone-a with such a payload."""
    return inserted(kind, json_object(data))


def recalled(from_hour: float, until_hour: float) -> str:
    """Return SQL for a recall of bay-1, in events, tables and answers."""
    span = {"from_at": hour(from_hour), "until": hour(until_hour)}
    who = {"offer_id": "off-9", "bay": "bay-1", "resident": "res-bay-1", "request_id": "q-recall"}
    return f"""
        {appended("bay_recalled", **who, **span, free_at=hour(from_hour))}
        INSERT INTO offer
            (offer_id, bay, resident, kind, except_dates, from_at, until, withdrawn, offered_at, offered_ms)
        SELECT 'off-9', 'bay-1', 'res-bay-1', 'recall', '[]', {span["from_at"]}, {span["until"]}, 0, MAX(at), 0
        FROM event;
        INSERT INTO answer VALUES ('residents/res-bay-1', 'q-recall', 't', CAST('{{}}' AS BLOB));
    """


ASKED = {
    "reservation_id": "rsv-9", "request_id": "q-9", "driver": "drv-rsv-9", "vehicle_id": "v-9", "zone": "zone-a",
    "lat": 37.45, "lon": 126.9, "from_at": hour(64), "until": hour(65), "held_from": hour(64), "held_until": hour(66),
    "max_walk_m": 300, "quote_won": 1_200,
}  # fmt: skip


def waits() -> str:
    """Return SQL for a request of drv-rsv-9 that waits, in events, tables and answers."""
    values = ", ".join(repr(value) for value in ASKED.values())
    data = f"json_set({json_object(ASKED)}, '$.needs', json('[]'), '$.wait_until', {hour(30)})"
    return f"""
        {inserted("request_waitlisted", data)}
        INSERT INTO reservation
            ({", ".join(ASKED)}, needs, status, walk_m, accepted_at, violation, wait_until)
        SELECT {values}, '[]', 'waiting', 0, MAX(at), 0, {hour(30)} FROM event;
        INSERT INTO answer VALUES ('drivers/drv-rsv-9', 'q-9', 't', CAST('{{}}' AS BLOB));
    """


def refused() -> str:
    """Return SQL that refuses it at once."""
    who = {"reservation_id": "rsv-9", "request_id": "q-9", "driver": "drv-rsv-9"}
    return f"""
        {appended("request_rejected", **who, reason="wait_over")}
        UPDATE reservation SET status = 'rejected', ended_at = (SELECT MAX(at) FROM event)
        WHERE reservation_id = 'rsv-9';
    """


def promoted(**changes: object) -> str:
    """Return SQL that promises it bay-1, with these changes of what was asked for."""
    told = ASKED | changes
    settings = ", ".join(f"{name} = {value!r}" for name, value in told.items() if name != "reservation_id")
    data = f"json_set({json_object(told | {'bay': 'bay-1', 'walk_m': 90})}, '$.needs', json('[]'))"
    return f"""
        {inserted("reservation_accepted", data)}
        UPDATE reservation SET {settings}, status = 'accepted', bay = 'bay-1', walk_m = 90
        WHERE reservation_id = 'rsv-9';
    """


def bound() -> str:
    """Return SQL that binds rsv-4 to bay-1."""
    return f"""
        {appended("reservation_bound", reservation_id="rsv-4", bay="bay-1", walk_m=90)}
        UPDATE reservation SET status = 'bound', bound_at = (SELECT MAX(at) FROM event) WHERE reservation_id = 'rsv-4';
    """


def sent_away() -> str:
    """Return SQL that has rsv-4 come to bay-1 and be sent away again."""
    stay = {"until": hour(15.75), "held_until": hour(16)}
    return f"""
        {appended("reservation_activated", reservation_id="rsv-4", bay="bay-1", at=hour(15), source="driver")}
        {appended("guest_recalled", reservation_id="rsv-4", bay="bay-1", **stay)}
        UPDATE reservation SET status = 'active', activated_at = {hour(15)}, until = {stay["until"]},
            held_until = {stay["held_until"]}, recalled_at = (SELECT MAX(at) FROM event)
        WHERE reservation_id = 'rsv-4';
    """


HOUR = world.HOUR
END = hour(13)
"""When rsv-2 was to end."""


def charged(path: str, value: object) -> str:
    """Return SQL that changes what the one completed stay came to."""
    ended = f"""
        UPDATE reservation SET ended_at = {value} WHERE reservation_id = 'rsv-2';
        UPDATE bay SET rented_ms = {value} - activated_at FROM reservation
        WHERE bay.bay = 'bay-1' AND reservation_id = 'rsv-2';
    """
    ended = ended if path == "$.at" else ""
    return f"""
        UPDATE event SET payload = json_set(payload, '{path}', {value!r}) WHERE type = 'reservation_completed'; {ended}
    """


def awarded(path: str, value: object) -> str:
    """Return SQL that changes what points were given for."""
    where = "type = 'points_awarded'"
    return f"UPDATE event SET payload = json_set(payload, '{path}', {value!r}) WHERE {where};"


PAID_BY_RSV_1 = (
    f"json_set(payload, '$.reservation_id', 'rsv-1', '$.bay', 'bay-3', '$.at', {hour(10)}, '$.surcharge_won', 0)"
)


def booked_again(name: str, bay: str) -> str:
    """Return SQL that books the last event as the one completed stay was, for another driver and resident."""
    return f"""
        INSERT INTO ledger (position, account, unit, amount)
        SELECT (SELECT MAX(position) FROM event),
            replace(replace(account, 'rsv-2', '{name}'), 'bay-1', '{bay}'), unit, amount
        FROM ledger WHERE abs(amount) <> 50;
    """


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
    "a promise on a bay that its resident recalled": (
        "S3",
        recalled(16, 18) + promised_too(from_at=hour(16.5), until=hour(17), held_from=hour(16.5), held_until=hour(17)),
        "rsv-9 is placed on bay-1 outside its offers",
    ),
    "a bay bound that its resident recalled": (
        "S3",
        recalled(15.5, 18) + bound(),
        "rsv-4 is bound on bay-1, which its resident has recalled",
    ),
    "a guest sent away whom nobody recalled": (
        "S3",
        bound() + sent_away(),
        "rsv-4 is sent away from bay-1: nobody asked",
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
    "one who waits is refused before the time": ("S4", waits() + refused(), "rsv-9 was to wait until"),
    "one who waited gets less than he asked for": (
        "S6",
        waits() + promoted(until=hour(64.5), from_at=hour(64), held_from=hour(64), held_until=hour(65)),
        "rsv-9 waited, and gets another stay",
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
    "rented time that the events do not tell": (
        "S6",
        "UPDATE bay SET rented_ms = rented_ms + 1 WHERE bay = 'bay-1'",
        "rented_ms is",
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
        "DROP INDEX event_reservation; UPDATE event SET payload = '{' WHERE type = 'overstay_warned'",
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
    "a snapshot that learnt what nobody saw": (
        "S6",
        "UPDATE snapshot SET image = json_set(image, '$.lateness[1]', 3)",
        "has seen guests late",
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
        "UPDATE ledger SET amount = amount + 1 WHERE account = 'operator' AND unit = 'won'",
        "sums to 1 won, not to 0",
    ),
    "points from nowhere": (
        "S8",
        "UPDATE ledger SET amount = amount + 1 WHERE account LIKE 'resident:%' AND unit = 'millipoints'",
        "sums to 2 millipoints, not to 0",
    ),
    "points booked as money": ("S8", "UPDATE ledger SET unit = 'won'", "the ledger books .* won of resident"),
    "more than was quoted": ("S8", charged("$.at", END - 1), "rsv-2 pays 3000 won, 2400 at most"),
    "a surcharge within the promise": ("S8", charged("$.at", END), "rsv-2 pays a surcharge of 400 won of 3000"),
    "a surcharge above the price": ("S8", charged("$.surcharge_won", 3_001), "a surcharge of 3001 won of 3000"),
    "a broken promise that is charged": (
        "S8",
        f"""
            {again("type = 'reservation_completed'", PAID_BY_RSV_1)}
            UPDATE reservation SET status = 'completed', ended_at = from_at, price_won = 0 + 3000
            WHERE reservation_id = 'rsv-1';
            UPDATE bay SET rented_week = {world.MIDNIGHT} WHERE bay = 'bay-3';
            {booked_again("rsv-1", "bay-3")}
        """,
        "rsv-1 pays 3000 won, 0 at most were due",
    ),
    "a share above the price": (
        "S8",
        f"""
            {charged("$.resident_won", 3_001)}
            UPDATE ledger SET amount = 3001 WHERE amount = 2000; UPDATE ledger SET amount = -1 WHERE amount = 1000;
        """,
        "3001 won of 3000 go to the resident",
    ),
    "points for longer than there was": ("S8", awarded("$.offered_ms", 6 * HOUR), "for 21600000 ms on offer in"),
    "points at another rate": ("S8", awarded("$.millipoints_per_hour", 11), "50 millipoints for .* at 11 an hour"),
    "points for somebody else": ("S8", awarded("$.resident", "res-bay-2"), "go to res-bay-2, not to its resident"),
    "points twice for one time": (
        "S8",
        f"""
            {again("type = 'points_awarded'")}
            INSERT INTO ledger (position, account, unit, amount)
            SELECT (SELECT MAX(position) FROM event), account, unit, amount FROM ledger WHERE abs(amount) = 50;
        """,
        "points for bay-1 from .*, settled up to",
    ),
    "money to the wrong account": (
        "S8",
        "UPDATE ledger SET account = 'operator' WHERE account LIKE 'resident:%'",
        "charges .* the ledger books",
    ),
    "a charge that was never booked": ("S8", "DELETE FROM ledger", "charges .* the ledger books {}"),
    "a booking that points at no charge": ("S8", "UPDATE ledger SET position = 1", "event 1, which charges nothing"),
}
