-- All the SQL of the metrics: reads only. `-- name --` begins a statement, the next comment line says what it does.

-- now --
-- What is cheap to ask: the last position, what waits to be published, what was refused, how many requests got a number.
SELECT
    (SELECT COALESCE(MAX(position), 0) FROM event) AS position,
    (SELECT COUNT(*) FROM outbox) AS outbox,
    (SELECT COUNT(*) FROM quarantine) AS quarantined,
    (SELECT COALESCE(MAX(rowid), 0) FROM reservation) AS numbers;

-- live --
-- The reservations that hold a bay, by status.
SELECT status, COUNT(*) AS reservations FROM reservation
WHERE status IN ('accepted', 'bound', 'active') GROUP BY status;

-- counts --
-- The events of (after, until] by type; of relocations how many broke a promise, of rejections how many had waited.
SELECT
    type, COUNT(*) AS events, COALESCE(SUM(json_extract(payload, '$.violation')), 0) AS violations,
    COUNT(json_extract(payload, '$.reservation_id')) AS of_reservations
FROM event WHERE position > :after AND position <= :until GROUP BY type;

-- waiting --
-- Who waits for a bay: read once, then followed by the next statement.
SELECT reservation_id FROM reservation WHERE status = 'waiting';

-- lining_up --
-- Who began to wait, and who waits no more, in (after, until].
SELECT type, json_extract(payload, '$.reservation_id') AS reservation_id FROM event
WHERE position > :after AND position <= :until AND type IN (
    'request_waitlisted', 'reservation_accepted', 'request_rejected', 'reservation_cancelled'
) ORDER BY position;
