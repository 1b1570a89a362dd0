-- All the SQL of the feeds: reads only. `-- name --` begins a statement, the next comment line says what it does.
-- `+column` compares without the column's affinity: otherwise SQLite does not use an index on an expression.

-- meta --
-- The values of the database as a whole.
SELECT name, value FROM meta;

-- ends --
-- Where the history begins and ends.
SELECT
    (SELECT MIN(position) FROM event) AS first,
    (SELECT MAX(position) FROM event) AS last,
    (SELECT at FROM event ORDER BY position LIMIT 1) AS began_at,
    (SELECT at FROM event ORDER BY position DESC LIMIT 1) AS as_of;

-- committed_at --
-- When the event of a position was committed.
SELECT at FROM event WHERE position = :position;

-- bays --
-- Bays in the order of their zones, with the bound or active reservation that each is shown for.
SELECT
    bay.bay, bay.zone, bay.lat, bay.lon, bay.needs, bay.tariff, bay.occupancy, bay.observed_at, bay.lost,
    bay.contested, bay.closed, heard.last_heard_at,
    (
        SELECT held.status FROM reservation AS held
        WHERE held.status IN ('accepted', 'bound', 'active') AND held.bay = bay.bay AND held.status <> 'accepted'
        ORDER BY held.status = 'active' DESC, held.from_at LIMIT 1
    ) AS held,
    (
        SELECT held.until FROM reservation AS held
        WHERE held.status IN ('accepted', 'bound', 'active') AND held.bay = bay.bay AND held.status <> 'accepted'
        ORDER BY held.status = 'active' DESC, held.from_at LIMIT 1
    ) AS held_until
FROM bay LEFT JOIN heard ON heard.bay = bay.bay
WHERE bay.retired = 0 AND (:zone IS NULL OR bay.zone = :zone)
    AND bay.lat BETWEEN :south AND :north AND bay.lon BETWEEN :west AND :east
    AND (:names IS NULL OR bay.bay IN (SELECT value FROM json_each(:names)))
ORDER BY bay.zone, bay.bay LIMIT :limit OFFSET :offset;

-- points --
-- Where the bays of a zone, or of all, in a box are.
SELECT bay, lat, lon FROM bay
WHERE retired = 0 AND (:zone IS NULL OR zone = :zone)
    AND lat BETWEEN :south AND :north AND lon BETWEEN :west AND :east;

-- count_bays --
-- How many bays the same question finds.
SELECT COUNT(*) AS bays FROM bay
WHERE retired = 0 AND (:zone IS NULL OR zone = :zone)
    AND lat BETWEEN :south AND :north AND lon BETWEEN :west AND :east;

-- zones --
-- The zones, how many bays each has and where they lie.
SELECT
    zone, COUNT(*) AS bays, MIN(lat) AS south, MAX(lat) AS north, MIN(lon) AS west, MAX(lon) AS east,
    MAX(observed_at) AS observed_at
FROM bay WHERE retired = 0 GROUP BY zone ORDER BY zone;

-- zone_of_id --
-- The zone of a UUID.
SELECT zone FROM (SELECT DISTINCT zone FROM bay) WHERE feed_id('zone', zone) = :id;

-- bay_of_id --
-- The bay of a UUID.
SELECT bay FROM bay WHERE feed_id('space', bay) = :id;

-- offers --
-- What the residents of now offer, and did not end, of the bays of a JSON list, or of all.
SELECT
    offer.offer_id, offer.bay, offer.resident, offer.kind, offer.rrule, offer."start", offer."end",
    offer.except_dates, offer.from_at, offer.until, offer.offered_at
FROM offer JOIN bay ON bay.bay = offer.bay AND bay.resident = offer.resident
WHERE offer.withdrawn = 0 AND bay.retired = 0
    AND (offer.kind IN ('weekly', 'auto') OR offer.until > :now)
    AND (:bays IS NULL OR offer.bay IN (SELECT value FROM json_each(:bays)))
ORDER BY offer.bay, offer.offer_id;

-- first_offered --
-- Since when each regulation was ever offered: what makes it, its tariff, and the first time.
SELECT
    offer.kind, offer.rrule, offer."start", offer."end", offer.except_dates,
    CASE WHEN offer.kind IN ('once', 'recall') THEN offer.from_at END AS from_at,
    CASE WHEN offer.kind IN ('once', 'recall') THEN offer.until END AS until,
    bay.tariff, MIN(offer.offered_at) AS offered_at
FROM offer JOIN bay ON bay.bay = offer.bay
WHERE bay.retired = 0
GROUP BY 1, 2, 3, 4, 5, 6, 7, 8
HAVING MAX(
    offer.withdrawn = 0 AND bay.resident = offer.resident AND (offer.kind IN ('weekly', 'auto') OR offer.until > :now)
)
ORDER BY 9 DESC, 1, 2, 3, 4, 5, 6, 7, 8;

-- zone_regulations --
-- What makes the regulations that stand in each zone now.
SELECT DISTINCT
    bay.zone, offer.kind, offer.rrule, offer."start", offer."end", offer.except_dates,
    CASE WHEN offer.kind IN ('once', 'recall') THEN offer.from_at END AS from_at,
    CASE WHEN offer.kind IN ('once', 'recall') THEN offer.until END AS until,
    bay.tariff
FROM offer JOIN bay ON bay.bay = offer.bay AND bay.resident = offer.resident
WHERE offer.withdrawn = 0 AND bay.retired = 0 AND (offer.kind IN ('weekly', 'auto') OR offer.until > :now);

-- curb_events --
-- What CDS calls events, of the positions [first, until), newest first, from a (time, position) on.
WITH happened AS (
    SELECT
        event.position, event.at, event.type, event.payload,
        COALESCE(json_extract(event.payload, '$.bay'), reservation.bay) AS bay,
        CASE event.type
            WHEN 'occupancy_changed' THEN json_extract(event.payload, '$.observed_at')
            WHEN 'reservation_completed' THEN json_extract(event.payload, '$.at')
            ELSE event.at
        END AS event_time
    FROM event
    LEFT JOIN reservation ON event.type IN ('overstay_warned', 'reservation_completed')
        AND reservation.reservation_id = json_extract(event.payload, '$.reservation_id')
    WHERE event.position >= :first AND event.position < :until AND (
        event.type IN (
            'sensor_lost', 'sensor_restored', 'bay_retired', 'bay_contested', 'bay_cleared', 'overstay_warned'
        )
        OR (
            event.type = 'occupancy_changed' AND NOT json_extract(event.payload, '$.late') AND (
                json_extract(event.payload, '$.status') = 'occupied'
                OR (
                    json_extract(event.payload, '$.status') = 'free'
                    AND json_extract(event.payload, '$.before') = 'occupied'
                )
            )
        )
        OR (event.type = 'reservation_completed' AND reservation.warned_at IS NOT NULL)
    )
)
SELECT
    happened.position, happened.at, happened.type, happened.payload, happened.event_time,
    bay.bay, bay.zone, bay.lat, bay.lon,
    (
        SELECT stay.position FROM event AS stay
        WHERE stay.type = 'occupancy_changed' AND json_extract(stay.payload, '$.bay') = happened.bay
            AND stay.position <= happened.position AND json_extract(stay.payload, '$.status') = 'occupied'
            AND NOT json_extract(stay.payload, '$.late')
        ORDER BY stay.position DESC LIMIT 1
    ) AS stay
FROM happened JOIN bay ON bay.bay = happened.bay
WHERE happened.event_time >= :from_at AND happened.event_time < :until_at
    AND (:zone IS NULL OR bay.zone = :zone) AND (:bay IS NULL OR bay.bay = :bay)
    AND (happened.event_time, happened.position) < (:before_at, :before)
ORDER BY happened.event_time DESC, happened.position DESC LIMIT :limit;

-- stays --
-- Stays by the sensors' word, of those that began in [first, until) and before a position, newest first.
SELECT
    began.position, json_extract(began.payload, '$.observed_at') AS began_at,
    bay.bay, bay.zone, bay.lat, bay.lon, ended.position AS ended_position,
    json_extract(ended.payload, '$.observed_at') AS ended_at
FROM event AS began JOIN bay ON bay.bay = json_extract(began.payload, '$.bay')
LEFT JOIN event AS ended ON json_extract(ended.payload, '$.status') = 'free' AND ended.position = (
    SELECT next.position FROM event AS next
    WHERE next.type = 'occupancy_changed'
        AND json_extract(next.payload, '$.bay') = json_extract(began.payload, '$.bay')
        AND next.position > began.position AND NOT json_extract(next.payload, '$.late')
    ORDER BY next.position LIMIT 1
)
WHERE began.type = 'occupancy_changed' AND json_extract(began.payload, '$.status') = 'occupied'
    AND NOT json_extract(began.payload, '$.late')
    AND began.position >= :first AND began.position < MIN(:until, :before)
    AND json_extract(began.payload, '$.observed_at') >= :from_at
    AND json_extract(began.payload, '$.observed_at') < :until_at
    AND (:zone IS NULL OR bay.zone = :zone) AND (:bay IS NULL OR bay.bay = :bay)
ORDER BY began.position DESC LIMIT :limit;

-- changes --
-- What the sensors of a zone or of a bay said in [first, until), in order, and when they were not to be believed.
SELECT
    event.position, event.at, event.type, bay.bay, bay.zone,
    json_extract(event.payload, '$.before') AS before, json_extract(event.payload, '$.status') AS status,
    json_extract(event.payload, '$.observed_at') AS observed_at
FROM event JOIN bay ON bay.bay = json_extract(event.payload, '$.bay')
WHERE event.position >= :first AND event.position < :until
    AND event.type IN ('occupancy_changed', 'sensor_lost', 'sensor_restored')
    AND COALESCE(json_extract(event.payload, '$.late'), 0) = 0
    AND bay.retired = 0 AND (:zone IS NULL OR bay.zone = :zone) AND (:bay IS NULL OR bay.bay = :bay)
ORDER BY event.position;

-- before_changes --
-- What the sensors had said last before a position, and whether they are to be believed now.
SELECT
    bay.bay, bay.zone, bay.lost,
    (
        SELECT json_extract(said.payload, '$.status') FROM event AS said
        WHERE said.type = 'occupancy_changed' AND json_extract(said.payload, '$.bay') = +bay.bay
            AND said.position < :first AND NOT json_extract(said.payload, '$.late')
        ORDER BY said.position DESC LIMIT 1
    ) AS status
FROM bay
WHERE bay.retired = 0 AND (:zone IS NULL OR bay.zone = :zone) AND (:bay IS NULL OR bay.bay = :bay)
ORDER BY bay.zone, bay.bay;

-- count_offers --
-- How many offers the residents of now stand by.
SELECT COUNT(*) AS offers
FROM offer JOIN bay ON bay.bay = offer.bay AND bay.resident = offer.resident
WHERE offer.withdrawn = 0 AND bay.retired = 0 AND offer.kind <> 'recall'
    AND (offer.kind <> 'once' OR offer.until > :now);

-- offers_page --
-- Some of them, in a fixed order, with the tariff of their bays.
SELECT
    offer.offer_id, offer.bay, offer.resident, offer.kind, offer.rrule, offer."start", offer."end",
    offer.except_dates, offer.from_at, offer.until, offer.offered_at, bay.tariff
FROM offer JOIN bay ON bay.bay = offer.bay AND bay.resident = offer.resident
WHERE offer.withdrawn = 0 AND bay.retired = 0 AND offer.kind <> 'recall'
    AND (offer.kind <> 'once' OR offer.until > :now)
ORDER BY offer.rowid LIMIT :limit OFFSET :offset;

-- count_rights --
-- How many reservations ever had a bay of their own, of those that begin and end within limits.
SELECT COUNT(*) AS rights FROM reservation
WHERE bound_at IS NOT NULL AND bay IS NOT NULL
    AND from_at > :start_after AND from_at < :start_before AND until > :end_after AND until < :end_before;

-- rights --
-- Some of them, oldest first, with how many events each has: its version.
SELECT
    reservation_id, vehicle_id, bay, from_at, until, status, quote_won, price_won, bound_at, ended_at,
    (
        SELECT COUNT(*) FROM event
        WHERE json_extract(event.payload, '$.reservation_id') = +reservation.reservation_id
            AND event.type <> 'occupancy_changed'
    ) AS events
FROM reservation
WHERE bound_at IS NOT NULL AND bay IS NOT NULL
    AND from_at > :start_after AND from_at < :start_before AND until > :end_after AND until < :end_before
ORDER BY rowid LIMIT :limit OFFSET :offset;

-- offers_of_bays --
-- Every offer there ever was of the bays of a JSON list.
SELECT
    offer_id, bay, resident, kind, rrule, "start", "end", except_dates, from_at, until, offered_at, withdrawn_at
FROM offer WHERE kind <> 'recall' AND bay IN (SELECT value FROM json_each(:bays))
ORDER BY bay, offer_id;

-- count_sessions --
-- How many reservations were ever used, of those that were within limits.
SELECT COUNT(*) AS sessions FROM reservation
WHERE activated_at IS NOT NULL
    AND activated_at > :start_after AND activated_at < :start_before
    AND COALESCE(ended_at, 9007199254740991) > :end_after AND COALESCE(ended_at, 0) < :end_before;

-- sessions --
-- Some of them, oldest first.
SELECT reservation_id, bay, until, activated_at, ended_at FROM reservation
WHERE activated_at IS NOT NULL
    AND activated_at > :start_after AND activated_at < :start_before
    AND COALESCE(ended_at, 9007199254740991) > :end_after AND COALESCE(ended_at, 0) < :end_before
ORDER BY rowid LIMIT :limit OFFSET :offset;

-- session_events --
-- What happened to the reservations of a JSON list, in order.
SELECT wanted.value AS reservation_id, event.at, event.type, event.payload
FROM json_each(:reservations) AS wanted
CROSS JOIN event
WHERE json_extract(event.payload, '$.reservation_id') = wanted.value AND event.type <> 'occupancy_changed'
ORDER BY event.position;

-- count_sensors --
-- How many bays' sensors a question finds.
SELECT COUNT(*) AS sensors FROM bay
WHERE retired = 0 AND (:zone IS NULL OR zone = :zone) AND (:bay IS NULL OR bay = :bay);

-- sensors --
-- How some of them are.
SELECT bay.bay, bay.closed, bay.lost, heard.last_heard_at
FROM bay LEFT JOIN heard ON heard.bay = bay.bay
WHERE bay.retired = 0 AND (:zone IS NULL OR bay.zone = :zone) AND (:bay IS NULL OR bay.bay = :bay)
ORDER BY bay.zone, bay.bay LIMIT :limit OFFSET :offset;
