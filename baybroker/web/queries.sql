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
