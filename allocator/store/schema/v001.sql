-- The first schema. Times are epoch milliseconds, money is whole won, distances are metres.

-- What happened, in order. The other tables of the domain are folds of it.
CREATE TABLE event (
    position INTEGER PRIMARY KEY CHECK (position > 0),
    at INTEGER NOT NULL,
    zone TEXT,
    event_no INTEGER CHECK (event_no IS NULL OR (event_no > 0 AND zone IS NOT NULL)),
    type TEXT NOT NULL,
    payload TEXT NOT NULL,
    UNIQUE (zone, event_no)
) STRICT;

-- A bay's own history without reading everyone's.
CREATE INDEX event_occupancy ON event (json_extract(payload, '$.bay'), position) WHERE type = 'occupancy_changed';

-- A reservation's own history: what became of a promise, and why.
CREATE INDEX event_reservation ON event (json_extract(payload, '$.reservation_id'), position)
WHERE type <> 'occupancy_changed';

CREATE VIEW occupancy_change (position, at, bay, before, status, observed_at, boot_id, seq, late) AS
SELECT
    position,
    at,
    json_extract(payload, '$.bay'),
    json_extract(payload, '$.before'),
    json_extract(payload, '$.status'),
    json_extract(payload, '$.observed_at'),
    json_extract(payload, '$.boot_id'),
    json_extract(payload, '$.seq'),
    json_extract(payload, '$.late')
FROM event
WHERE type = 'occupancy_changed';

CREATE TABLE bay (
    bay TEXT PRIMARY KEY,
    zone TEXT NOT NULL,
    lat REAL NOT NULL,
    lon REAL NOT NULL,
    gateway TEXT NOT NULL,
    resident TEXT,
    needs TEXT NOT NULL,
    tariff TEXT,
    occupancy TEXT NOT NULL CHECK (occupancy IN ('free', 'occupied', 'unknown')),
    observed_at INTEGER NOT NULL,
    boot_id INTEGER NOT NULL,
    seq INTEGER NOT NULL,
    lost TEXT,
    contested TEXT,
    closed INTEGER NOT NULL CHECK (closed IN (0, 1)),
    retired INTEGER NOT NULL CHECK (retired IN (0, 1)),
    away_since INTEGER,
    absences INTEGER NOT NULL,
    hazard_permille INTEGER NOT NULL,
    rented_week INTEGER NOT NULL,
    rented_ms INTEGER NOT NULL,
    settled_at INTEGER
) STRICT, WITHOUT ROWID;

CREATE TABLE offer (
    offer_id TEXT PRIMARY KEY,
    bay TEXT NOT NULL REFERENCES bay (bay),
    resident TEXT NOT NULL,
    kind TEXT NOT NULL CHECK (kind IN ('weekly', 'once', 'auto', 'recall')),
    rrule TEXT,
    "start" TEXT,
    "end" TEXT,
    except_dates TEXT NOT NULL,
    from_at INTEGER,
    until INTEGER,
    withdrawn INTEGER NOT NULL CHECK (withdrawn IN (0, 1)),
    risk_permille INTEGER,
    offered_at INTEGER NOT NULL,
    withdrawn_at INTEGER,
    offered_ms INTEGER NOT NULL,
    CHECK (
        (kind = 'weekly' AND rrule IS NOT NULL AND "start" IS NOT NULL AND "end" IS NOT NULL)
        OR (kind IN ('once', 'recall') AND from_at < until)
        OR (kind = 'auto' AND risk_permille IS NOT NULL)
    )
) STRICT;

CREATE TABLE reservation (
    reservation_id TEXT PRIMARY KEY,
    request_id TEXT NOT NULL,
    driver TEXT NOT NULL,
    vehicle_id TEXT NOT NULL,
    zone TEXT NOT NULL,
    lat REAL NOT NULL,
    lon REAL NOT NULL,
    from_at INTEGER NOT NULL,
    until INTEGER NOT NULL,
    held_from INTEGER NOT NULL,
    held_until INTEGER NOT NULL,
    max_walk_m INTEGER NOT NULL,
    needs TEXT NOT NULL,
    quote_won INTEGER NOT NULL,
    status TEXT NOT NULL CHECK (
        status IN (
            'waiting', 'accepted', 'bound', 'active', 'completed', 'rejected', 'cancelled', 'expired', 'failed'
        )
    ),
    bay TEXT REFERENCES bay (bay),
    walk_m INTEGER NOT NULL,
    accepted_at INTEGER NOT NULL,
    bound_at INTEGER,
    activated_at INTEGER,
    ended_at INTEGER,
    warned_at INTEGER,
    violation INTEGER NOT NULL CHECK (violation IN (0, 1)),
    price_won INTEGER,
    wait_until INTEGER,
    max_price_won INTEGER,
    recalled_at INTEGER,
    CHECK (from_at < until),
    CHECK (held_from < held_until)
) STRICT;

-- The overlap triggers look here; their WHERE clauses must name the same statuses for SQLite to use these.
CREATE INDEX reservation_live_bay ON reservation (bay, held_from) WHERE status IN ('accepted', 'bound', 'active');
CREATE INDEX reservation_live_vehicle ON reservation (vehicle_id, from_at)
WHERE status IN ('accepted', 'bound', 'active');

-- No bay and no vehicle is promised twice at one time, whatever the program believes.
CREATE TRIGGER reservation_overlap_insert BEFORE INSERT ON reservation
WHEN NEW.status IN ('accepted', 'bound', 'active')
BEGIN
    SELECT RAISE(ABORT, 'a live reservation of the same bay overlaps')
    WHERE EXISTS (
        SELECT 1 FROM reservation
        WHERE status IN ('accepted', 'bound', 'active') AND bay = NEW.bay
            AND held_from < NEW.held_until AND held_until > NEW.held_from
            AND reservation_id <> NEW.reservation_id
    );
    SELECT RAISE(ABORT, 'a live reservation of the same vehicle overlaps')
    WHERE EXISTS (
        SELECT 1 FROM reservation
        WHERE status IN ('accepted', 'bound', 'active') AND vehicle_id = NEW.vehicle_id
            AND from_at < NEW.until AND until > NEW.from_at
            AND reservation_id <> NEW.reservation_id
    );
END;

CREATE TRIGGER reservation_overlap_update BEFORE UPDATE ON reservation
WHEN NEW.status IN ('accepted', 'bound', 'active')
BEGIN
    SELECT RAISE(ABORT, 'a live reservation of the same bay overlaps')
    WHERE EXISTS (
        SELECT 1 FROM reservation
        WHERE status IN ('accepted', 'bound', 'active') AND bay = NEW.bay
            AND held_from < NEW.held_until AND held_until > NEW.held_from
            AND reservation_id <> NEW.reservation_id
    );
    SELECT RAISE(ABORT, 'a live reservation of the same vehicle overlaps')
    WHERE EXISTS (
        SELECT 1 FROM reservation
        WHERE status IN ('accepted', 'bound', 'active') AND vehicle_id = NEW.vehicle_id
            AND from_at < NEW.until AND until > NEW.from_at
            AND reservation_id <> NEW.reservation_id
    );
END;

-- What each party was told, so that a repeated request gets the same answer.
CREATE TABLE answer (
    party TEXT NOT NULL,
    request_id TEXT NOT NULL,
    topic TEXT NOT NULL,
    payload BLOB NOT NULL,
    PRIMARY KEY (party, request_id)
) STRICT;

-- What is still to be published, in this order.
CREATE TABLE outbox (
    outbox_id INTEGER PRIMARY KEY,
    topic TEXT NOT NULL,
    payload BLOB NOT NULL,
    retain INTEGER NOT NULL CHECK (retain IN (0, 1))
) STRICT;

-- When each sensor was last heard, whether its bay is registered or not.
CREATE TABLE heard (
    bay TEXT PRIMARY KEY,
    boot_id INTEGER NOT NULL,
    seq INTEGER NOT NULL,
    last_heard_at INTEGER NOT NULL,
    heartbeat_ms INTEGER NOT NULL,
    seen INTEGER NOT NULL -- bit n is set when the message numbered seq - n came
) STRICT, WITHOUT ROWID;

-- Double entries: those of one position and unit sum to zero.
CREATE TABLE ledger (
    entry_id INTEGER PRIMARY KEY,
    position INTEGER NOT NULL REFERENCES event (position),
    account TEXT NOT NULL,
    unit TEXT NOT NULL CHECK (unit IN ('won', 'millipoints')),
    amount INTEGER NOT NULL
) STRICT;

CREATE INDEX ledger_account ON ledger (account, position);

CREATE TABLE meta (
    name TEXT PRIMARY KEY,
    value TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- Who writes here. The epoch grows with each holder and fences off a former one.
CREATE TABLE lease (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    holder TEXT,
    epoch INTEGER NOT NULL,
    taken_at INTEGER NOT NULL
) STRICT;

-- The whole state at a position, as JSON; a restart folds only what came after.
CREATE TABLE snapshot (
    position INTEGER PRIMARY KEY,
    image TEXT NOT NULL
) STRICT;

-- Commands that the database would not take.
CREATE TABLE quarantine (
    quarantine_id INTEGER PRIMARY KEY,
    at INTEGER NOT NULL,
    topic TEXT NOT NULL,
    payload BLOB NOT NULL,
    error TEXT NOT NULL
) STRICT;
