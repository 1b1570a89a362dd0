-- All the SQL of the store. `-- name --` begins a statement, the next comment line says what it does.

-- take_lease --
-- Become the one who writes (holder, taken_at); returns the epoch, which grows each time.
INSERT INTO lease (id, holder, epoch, taken_at) VALUES (1, ?, 1, ?)
ON CONFLICT (id) DO UPDATE SET holder = excluded.holder, epoch = lease.epoch + 1, taken_at = excluded.taken_at
RETURNING epoch;

-- give_lease_back --
-- Nobody writes now (epoch); the epoch stays, so that it never goes back.
UPDATE lease SET holder = NULL WHERE epoch = ?;

-- fence --
-- What a commit must find unchanged: the lease's epoch, and the last position.
SELECT (SELECT epoch FROM lease WHERE id = 1), (SELECT COALESCE(MAX(position), 0) FROM event);

-- insert_event --
-- Record what happened.
INSERT INTO event (position, at, zone, event_no, type, payload) VALUES (?, ?, ?, ?, ?, ?);

-- upsert_bay --
-- Write a bay as it is now.
INSERT INTO bay (
    bay, zone, lat, lon, gateway, resident, needs, tariff,
    occupancy, observed_at, boot_id, seq, lost, contested, closed, retired,
    away_since, absences, hazard_permille, rented_week, rented_ms, settled_at
) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (bay) DO UPDATE SET
    zone = excluded.zone, lat = excluded.lat, lon = excluded.lon, gateway = excluded.gateway,
    resident = excluded.resident, needs = excluded.needs, tariff = excluded.tariff, occupancy = excluded.occupancy,
    observed_at = excluded.observed_at, boot_id = excluded.boot_id, seq = excluded.seq, lost = excluded.lost,
    contested = excluded.contested, closed = excluded.closed, retired = excluded.retired,
    away_since = excluded.away_since, absences = excluded.absences, hazard_permille = excluded.hazard_permille,
    rented_week = excluded.rented_week, rented_ms = excluded.rented_ms, settled_at = excluded.settled_at;

-- upsert_offer --
-- Write an offer as it is now.
INSERT INTO offer (
    offer_id, bay, resident, kind, rrule, "start", "end", except_dates, from_at, until, withdrawn,
    risk_permille, offered_at, withdrawn_at, offered_ms
) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (offer_id) DO UPDATE SET
    bay = excluded.bay, resident = excluded.resident, kind = excluded.kind, rrule = excluded.rrule,
    "start" = excluded."start", "end" = excluded."end", except_dates = excluded.except_dates,
    from_at = excluded.from_at, until = excluded.until, withdrawn = excluded.withdrawn,
    risk_permille = excluded.risk_permille, offered_at = excluded.offered_at, withdrawn_at = excluded.withdrawn_at,
    offered_ms = excluded.offered_ms;

-- lift_reservation --
-- Take a reservation off its bay until its new row is written.
UPDATE reservation SET bay = NULL WHERE reservation_id = ?;

-- upsert_reservation --
-- Write a reservation as it is now; the overlap triggers watch.
INSERT INTO reservation (
    reservation_id, request_id, driver, vehicle_id, zone, lat, lon, from_at, until, held_from, held_until,
    max_walk_m, needs, quote_won, status, bay, walk_m, accepted_at, bound_at, activated_at, ended_at, warned_at,
    violation, price_won, wait_until, max_price_won, recalled_at
) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (reservation_id) DO UPDATE SET
    request_id = excluded.request_id, driver = excluded.driver, vehicle_id = excluded.vehicle_id,
    zone = excluded.zone, lat = excluded.lat, lon = excluded.lon, from_at = excluded.from_at,
    until = excluded.until, held_from = excluded.held_from, held_until = excluded.held_until,
    max_walk_m = excluded.max_walk_m, needs = excluded.needs, quote_won = excluded.quote_won,
    status = excluded.status, bay = excluded.bay, walk_m = excluded.walk_m, accepted_at = excluded.accepted_at,
    bound_at = excluded.bound_at, activated_at = excluded.activated_at, ended_at = excluded.ended_at,
    warned_at = excluded.warned_at, violation = excluded.violation, price_won = excluded.price_won, wait_until = excluded.wait_until,
    max_price_won = excluded.max_price_won, recalled_at = excluded.recalled_at;

-- insert_answer --
-- Keep what a party was told; a second answer to one request is refused.
INSERT INTO answer (party, request_id, topic, payload) VALUES (?, ?, ?, ?);

-- insert_outbox --
-- Queue a message to publish.
INSERT INTO outbox (outbox_id, topic, payload, retain) VALUES (?, ?, ?, ?);

-- delete_outbox --
-- Forget a message that the broker has acknowledged.
DELETE FROM outbox WHERE outbox_id = ?;

-- upsert_heard --
-- Note when a sensor was last heard.
INSERT INTO heard (bay, boot_id, seq, last_heard_at, heartbeat_ms, seen) VALUES (?, ?, ?, ?, ?, ?)
ON CONFLICT (bay) DO UPDATE SET
    boot_id = excluded.boot_id, seq = excluded.seq, last_heard_at = excluded.last_heard_at,
    heartbeat_ms = excluded.heartbeat_ms, seen = excluded.seen;

-- insert_ledger --
-- Book one side of a charge.
INSERT INTO ledger (position, account, unit, amount) VALUES (?, ?, ?, ?);

-- upsert_meta --
-- Set a value of the database as a whole.
INSERT INTO meta (name, value) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value;

-- insert_quarantine --
-- Keep a command that could not be committed.
INSERT INTO quarantine (at, topic, payload, error) VALUES (?, ?, ?, ?);

-- upsert_snapshot --
-- Write down the whole state.
INSERT INTO snapshot (position, image) VALUES (?, ?) ON CONFLICT (position) DO UPDATE SET image = excluded.image;

-- trim_snapshots --
-- Keep the newest (how many).
DELETE FROM snapshot WHERE position NOT IN (SELECT position FROM snapshot ORDER BY position DESC LIMIT ?);

-- select_answers --
-- The answers to the requests of a JSON list of [party, request_id].
SELECT answer.party, answer.request_id, answer.topic, answer.payload
FROM json_each(?) AS wanted
CROSS JOIN answer
WHERE answer.party = json_extract(wanted.value, '$[0]')
    AND answer.request_id = json_extract(wanted.value, '$[1]');

-- select_snapshots --
-- The snapshots, newest first.
SELECT image FROM snapshot ORDER BY position DESC;

-- select_events --
-- The events after a position, in order.
SELECT position, at, zone, event_no, type, payload FROM event WHERE position > ? ORDER BY position;

-- select_numbers --
-- The last position, and how many reservations and offers there ever were.
SELECT
    (SELECT COALESCE(MAX(position), 0) FROM event),
    (SELECT COUNT(*) FROM reservation),
    (SELECT COUNT(*) FROM offer);

-- select_event_nos --
-- The last event_no of each zone.
SELECT zone, MAX(event_no) FROM event WHERE zone IS NOT NULL AND event_no IS NOT NULL GROUP BY zone ORDER BY zone;

-- select_bays --
-- Every bay, retired ones included.
SELECT
    bay, zone, lat, lon, gateway, resident, needs, tariff,
    occupancy, observed_at, boot_id, seq, lost, contested, closed, retired,
    away_since, absences, hazard_permille, rented_week, rented_ms, settled_at
FROM bay ORDER BY bay;

-- select_offers --
-- Every offer, withdrawn ones included.
SELECT
    offer_id, bay, resident, kind, rrule, "start", "end", except_dates, from_at, until, withdrawn,
    risk_permille, offered_at, withdrawn_at, offered_ms
FROM offer ORDER BY offer_id;

-- select_reservations --
-- The live reservations, and those that wait for a bay.
SELECT
    reservation_id, request_id, driver, vehicle_id, zone, lat, lon, from_at, until, held_from, held_until,
    max_walk_m, needs, quote_won, status, bay, walk_m, accepted_at, bound_at, activated_at, ended_at, warned_at,
    violation, price_won, wait_until, max_price_won, recalled_at
FROM reservation WHERE status IN ('waiting', 'accepted', 'bound', 'active') ORDER BY reservation_id;

-- select_heard --
-- When each sensor was last heard.
SELECT bay, boot_id, seq, last_heard_at, heartbeat_ms, seen FROM heard ORDER BY bay;

-- select_outbox --
-- What is still to be published, in order.
SELECT outbox_id, topic, payload, retain FROM outbox ORDER BY outbox_id;

-- select_meta --
-- The values of the database as a whole.
SELECT name, value FROM meta ORDER BY name;
