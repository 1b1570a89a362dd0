-- All the SQL of the web part, for reading only. `-- name --` begins a statement, the next comment line says what it does.

-- select_meta --
-- The values of the database as a whole.
SELECT name, value FROM meta;

-- select_last --
-- The last position.
SELECT COALESCE(MAX(position), 0) AS position FROM event;

-- select_register --
-- The bays that are in the register.
SELECT bay, zone, lat, lon, gateway, resident, needs, tariff FROM bay WHERE retired = 0 ORDER BY bay;

-- select_published --
-- The published events after a position and up to another, in order.
SELECT position, at, zone, event_no, type, payload FROM event
WHERE position > ? AND position <= ? AND event_no IS NOT NULL ORDER BY position;

-- select_sensor --
-- What is known of a bay's sensor (bay).
SELECT bay.occupancy, bay.observed_at, bay.lost, bay.contested, heard.last_heard_at, heard.heartbeat_ms
FROM bay LEFT JOIN heard ON heard.bay = bay.bay
WHERE bay.bay = ?;

-- select_bay_offers --
-- The offers of a bay that stand (bay), oldest first.
SELECT offer_id, bay, kind, rrule, "start", "end", except_dates, from_at, until, risk_permille
FROM offer WHERE bay = ? AND withdrawn = 0 ORDER BY offered_at, offer_id LIMIT 1000;

-- select_bay_bookings --
-- The bookings of a bay that are bound or under way (bay): a plan is nobody's business.
SELECT reservation_id, from_at, until, status FROM reservation
WHERE bay = ? AND status IN ('bound', 'active') ORDER BY from_at;

-- select_bay_occupancy --
-- The newest changes that a bay's sensor told of (bay, how many).
SELECT position, at, type, payload FROM event
WHERE type = 'occupancy_changed' AND json_extract(payload, '$.bay') = ? ORDER BY position DESC LIMIT ?;

-- select_bay_events --
-- What else happened at a bay since a position (position, bay, how many), newest first.
SELECT position, at, type, payload FROM event
WHERE position > ? AND type IN (
    'bay_closed', 'bay_opened', 'sensor_repaired', 'sensor_lost', 'sensor_restored', 'bay_contested', 'bay_cleared',
    'bay_recalled', 'reservation_activated', 'reservation_completed', 'reservation_bound'
) AND json_extract(payload, '$.bay') = ? ORDER BY position DESC LIMIT ?;

-- select_answer --
-- What a party was answered to a request (party, request_id).
SELECT payload FROM answer WHERE party = ? AND request_id = ?;

-- select_reservations --
-- Reservations newest first, of a driver and a status or of all (driver, status, row to be before, how many).
SELECT
    rowid AS row, reservation_id, status, driver, from_at, until, bay, bound_at, walk_m, max_walk_m, quote_won, price_won,
    lat, lon, zone
FROM reservation
WHERE driver = COALESCE(?, driver) AND status = COALESCE(?, status) AND rowid < ?
ORDER BY rowid DESC LIMIT ?;

-- select_reservation --
-- A reservation (reservation_id).
SELECT
    rowid AS row, reservation_id, status, driver, from_at, until, bay, bound_at, walk_m, max_walk_m, quote_won, price_won,
    lat, lon, zone
FROM reservation WHERE reservation_id = ?;

-- select_offers --
-- Offers that stand, of a resident and a bay or of all (resident, bay, row to be after, how many).
SELECT rowid AS row, offer_id, bay, kind, rrule, "start", "end", except_dates, from_at, until, risk_permille
FROM offer
WHERE withdrawn = 0 AND resident = COALESCE(?, resident) AND bay = COALESCE(?, bay) AND rowid > ?
ORDER BY rowid LIMIT ?;

-- select_ledger --
-- The ledger after an entry, in order (entry_id, how many).
SELECT ledger.entry_id, ledger.position, event.at, ledger.account, ledger.unit, ledger.amount
FROM ledger JOIN event ON event.position = ledger.position
WHERE ledger.entry_id > ? ORDER BY ledger.entry_id LIMIT ?;

-- select_time_of --
-- When an event happened (position).
SELECT at FROM event WHERE position = ?;

-- select_tally --
-- How often what happened in each hour since a position (position).
SELECT at / 3600000 AS hour, type, COUNT(*) AS count FROM event
WHERE position > ? AND type IN (
    'reservation_accepted', 'request_waitlisted', 'request_rejected', 'reservation_relocated', 'reservation_completed',
    'reservation_expired', 'reservation_failed'
) GROUP BY hour, type;

-- select_statuses --
-- How many reservations have each status, and how many of them broke a promise.
SELECT status, COUNT(*) AS count, SUM(violation) AS violations FROM reservation GROUP BY status;

-- select_troubles --
-- Bays that are contested or whose sensor says nothing (how many).
SELECT bay.bay, bay.zone, bay.contested, bay.lost, heard.last_heard_at
FROM bay LEFT JOIN heard ON heard.bay = bay.bay
WHERE bay.retired = 0 AND (bay.contested IS NOT NULL OR bay.lost IS NOT NULL) ORDER BY bay.bay LIMIT ?;

-- select_violations --
-- Promises that were not kept as they were made, the newest first (how many).
SELECT reservation_id, bay, status, from_at, walk_m, max_walk_m FROM reservation
WHERE violation = 1 OR status = 'failed' ORDER BY rowid DESC LIMIT ?;
