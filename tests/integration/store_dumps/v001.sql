PRAGMA application_id = 1650555234;
PRAGMA user_version = 1;
BEGIN TRANSACTION;
CREATE TABLE answer (
    party TEXT NOT NULL,
    request_id TEXT NOT NULL,
    topic TEXT NOT NULL,
    payload BLOB NOT NULL,
    PRIMARY KEY (party, request_id)
) STRICT;
INSERT INTO "answer" VALUES('drivers/drv-1','q-10','t/reply',X'7B7D');
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
INSERT INTO "bay" VALUES('bay-1','zone-a',37.45,126.9,'gw-1','res-bay-1','["ev"]','t','occupied',11,12,13,'silent','stranger',1,0,14,15,16,17,18,19);
INSERT INTO "bay" VALUES('bay-2','zone-a',37.45,126.9,'gw-1','res-bay-2','["ev"]','t','occupied',11,12,13,'silent','stranger',1,0,14,15,16,17,18,19);
CREATE TABLE event (
    position INTEGER PRIMARY KEY CHECK (position > 0),
    at INTEGER NOT NULL,
    zone TEXT,
    event_no INTEGER CHECK (event_no IS NULL OR (event_no > 0 AND zone IS NOT NULL)),
    type TEXT NOT NULL,
    payload TEXT NOT NULL,
    UNIQUE (zone, event_no)
) STRICT;
INSERT INTO "event" VALUES(1,1772409600001,'zone-a',1,'bay_registered','{"spec":{"bay":"bay-1","zone":"zone-a","lat":37.45,"lon":126.9,"gateway":"gw-1","resident":"res-bay-1","needs":["ev"],"tariff":"t"},"operator":"op-1","request_id":"q-1"}');
INSERT INTO "event" VALUES(2,1772409600002,'zone-a',2,'bay_retired','{"bay":"bay-1","operator":"op-1","request_id":"q-2"}');
INSERT INTO "event" VALUES(3,1772409600003,'zone-a',3,'bay_closed','{"bay":"bay-1","operator":"op-1","request_id":"q-3"}');
INSERT INTO "event" VALUES(4,1772409600004,'zone-a',4,'bay_opened','{"bay":"bay-1","operator":"op-1","request_id":"q-4"}');
INSERT INTO "event" VALUES(5,1772409600005,'zone-a',5,'sensor_repaired','{"bay":"bay-1","operator":"op-1","request_id":"q-5"}');
INSERT INTO "event" VALUES(6,1772409600006,'zone-a',6,'occupancy_changed','{"bay":"bay-1","before":"free","status":"occupied","observed_at":1772409600000,"boot_id":7,"seq":8,"late":true,"clock_off":true}');
INSERT INTO "event" VALUES(7,1772409600007,'zone-a',7,'sensor_lost','{"bay":"bay-1","reason":"silent"}');
INSERT INTO "event" VALUES(8,1772409600008,'zone-a',8,'sensor_restored','{"bay":"bay-1"}');
INSERT INTO "event" VALUES(9,1772409600009,'zone-a',9,'bay_contested','{"bay":"bay-1","reason":"stranger","reservation_id":"rsv-1"}');
INSERT INTO "event" VALUES(10,1772409600010,'zone-a',10,'bay_cleared','{"bay":"bay-1"}');
INSERT INTO "event" VALUES(11,1772409600011,'zone-a',11,'weekly_offered','{"offer_id":"off-1","bay":"bay-1","resident":"res-1","request_id":"q-6","rrule":"FREQ=WEEKLY;BYDAY=MO,TU","start":"09:00","end":"18:00","except_dates":["2026-03-01","2026-05-05"]}');
INSERT INTO "event" VALUES(12,1772409600012,'zone-a',12,'once_offered','{"offer_id":"off-2","bay":"bay-1","resident":"res-1","request_id":"q-7","from_at":1772409600000,"until":1772413200000}');
INSERT INTO "event" VALUES(13,1772409600013,'zone-a',13,'auto_offered','{"offer_id":"off-3","bay":"bay-1","resident":"res-1","request_id":"q-20","risk_permille":100}');
INSERT INTO "event" VALUES(14,1772409600014,NULL,NULL,'resident_left','{"bay":"bay-1","at":1772409600000}');
INSERT INTO "event" VALUES(15,1772409600015,NULL,NULL,'resident_returned','{"bay":"bay-1","at":1772413200000,"hazard_permille":310}');
INSERT INTO "event" VALUES(16,1772409600016,NULL,NULL,'auto_window_set','{"bay":"bay-1","offer_id":"off-3","from_at":1772409600000,"until":1772413200000}');
INSERT INTO "event" VALUES(17,1772409600017,'zone-a',14,'bay_recalled','{"offer_id":"off-4","bay":"bay-1","resident":"res-1","request_id":"q-21","from_at":1772409600000,"until":1772413200000,"free_at":1772409660000,"meanwhile":"bay-2"}');
INSERT INTO "event" VALUES(18,1772409600018,'zone-a',15,'guest_recalled','{"reservation_id":"rsv-1","bay":"bay-1","until":1772409660000,"held_until":1772409720000,"quote_won":null}');
INSERT INTO "event" VALUES(19,1772409600019,'zone-a',16,'offer_rejected','{"resident":"res-1","request_id":"q-8","bay":"bay-1","reason":"not_yours"}');
INSERT INTO "event" VALUES(20,1772409600020,'zone-a',17,'offers_withdrawn','{"bay":"bay-1","resident":"res-1","request_id":"q-9","offer_ids":["off-1","off-2"]}');
INSERT INTO "event" VALUES(21,1772409600021,'zone-a',18,'reservation_accepted','{"reservation_id":"rsv-1","request_id":"q-10","driver":"drv-1","vehicle_id":"v-1","zone":"zone-a","lat":37.45,"lon":126.9,"from_at":1772409600001,"until":1772413200000,"held_from":1772409600000,"held_until":1772416800000,"max_walk_m":300,"needs":["ev","large"],"quote_won":1200,"bay":"bay-1","walk_m":90,"explanation":{"policy":"bind-late","candidates":12,"fell":{"closed":3,"busy":2},"examined":9,"cut":true,"walk_m":80,"chain":[{"reservation_id":"rsv-1","from_bay":"bay-1","to_bay":"bay-2","walk_m":120}],"fairness_m":0}}');
INSERT INTO "event" VALUES(22,1772409600022,'zone-a',19,'request_waitlisted','{"reservation_id":"rsv-2","request_id":"q-22","driver":"drv-2","vehicle_id":"v-2","zone":"zone-a","lat":37.45,"lon":126.9,"from_at":1772409600001,"until":1772413200000,"held_from":1772409600000,"held_until":1772416800000,"max_walk_m":300,"needs":[],"quote_won":1200,"wait_until":1772409660000,"max_price_won":2000,"explanation":{"policy":"nearest","candidates":0,"fell":{},"examined":0,"cut":false,"walk_m":null,"chain":[],"fairness_m":0}}');
INSERT INTO "event" VALUES(23,1772409600023,'zone-a',20,'request_rejected','{"request_id":"q-11","driver":"drv-1","zone":null,"reason":"no_bay","explanation":{"policy":"nearest","candidates":0,"fell":{},"examined":0,"cut":false,"walk_m":null,"chain":[],"fairness_m":0},"reservation_id":null}');
INSERT INTO "event" VALUES(24,1772409600024,'zone-a',21,'driver_command_refused','{"request_id":"q-12","driver":"drv-1","type":"extend","reason":"too_late","zone":"zone-a","reservation_id":"rsv-1"}');
INSERT INTO "event" VALUES(25,1772409600025,NULL,NULL,'operator_command_refused','{"request_id":"q-13","operator":"op-1","reason":"no_such_bay"}');
INSERT INTO "event" VALUES(26,1772409600026,NULL,NULL,'replanned','{"moves":[{"reservation_id":"rsv-1","from_bay":"bay-1","to_bay":"bay-2","walk_m":120},{"reservation_id":"rsv-1","from_bay":"bay-1","to_bay":"bay-2","walk_m":120}]}');
INSERT INTO "event" VALUES(27,1772409600027,'zone-a',22,'reservation_bound','{"reservation_id":"rsv-1","bay":"bay-2","walk_m":120}');
INSERT INTO "event" VALUES(28,1772409600028,'zone-a',23,'reservation_activated','{"reservation_id":"rsv-1","bay":"bay-2","at":1772409660000,"source":"driver","request_id":"q-14"}');
INSERT INTO "event" VALUES(29,1772409600029,'zone-a',24,'reservation_relocated','{"reservation_id":"rsv-1","from_bay":"bay-1","to_bay":"bay-2","walk_m":400,"reason":"contested","violation":true,"request_id":"q-15","cost_won":0,"explanation":null}');
INSERT INTO "event" VALUES(30,1772409600030,'zone-a',25,'reservation_received','{"reservation_id":"rsv-1","to_bay":"bay-2"}');
INSERT INTO "event" VALUES(31,1772409600031,'zone-a',26,'reservation_extended','{"reservation_id":"rsv-1","request_id":"q-16","until":1772416800000,"held_until":1772420400000,"quote_won":2400}');
INSERT INTO "event" VALUES(32,1772409600032,'zone-a',27,'overstay_warned','{"reservation_id":"rsv-1"}');
INSERT INTO "event" VALUES(33,1772409600033,'zone-a',28,'reservation_completed','{"reservation_id":"rsv-1","bay":"bay-2","at":1772413200000,"source":"sensor","price_won":1200,"resident_won":700,"request_id":"q-17","surcharge_won":0,"millipoints":0}');
INSERT INTO "event" VALUES(34,1772409600034,NULL,NULL,'points_awarded','{"bay":"bay-1","resident":"res-1","from_at":1772409600000,"until":1772413200000,"offered_ms":3600000,"millipoints_per_hour":10,"millipoints":10}');
INSERT INTO "event" VALUES(35,1772409600035,'zone-a',29,'reservation_cancelled','{"reservation_id":"rsv-1","request_id":"q-18","operator":"op-1"}');
INSERT INTO "event" VALUES(36,1772409600036,'zone-a',30,'reservation_expired','{"reservation_id":"rsv-1","bay":"bay-1"}');
INSERT INTO "event" VALUES(37,1772409600037,'zone-a',31,'reservation_failed','{"reservation_id":"rsv-1","reason":"no_substitute","request_id":"q-19"}');
CREATE TABLE heard (
    bay TEXT PRIMARY KEY,
    boot_id INTEGER NOT NULL,
    seq INTEGER NOT NULL,
    last_heard_at INTEGER NOT NULL,
    heartbeat_ms INTEGER NOT NULL,
    seen INTEGER NOT NULL -- bit n is set when the message numbered seq - n came
) STRICT, WITHOUT ROWID;
INSERT INTO "heard" VALUES('bay-1',1,2,3,4,1);
CREATE TABLE lease (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    holder TEXT,
    epoch INTEGER NOT NULL,
    taken_at INTEGER NOT NULL
) STRICT;
INSERT INTO "lease" VALUES(1,NULL,1,1795492132191);
CREATE TABLE ledger (
    entry_id INTEGER PRIMARY KEY,
    position INTEGER NOT NULL REFERENCES event (position),
    account TEXT NOT NULL,
    unit TEXT NOT NULL CHECK (unit IN ('won', 'millipoints')),
    amount INTEGER NOT NULL
) STRICT;
INSERT INTO "ledger" VALUES(1,1,'driver:drv-1','won',-1200);
INSERT INTO "ledger" VALUES(2,1,'operator','won',1200);
CREATE TABLE meta (
    name TEXT PRIMARY KEY,
    value TEXT NOT NULL
) STRICT, WITHOUT ROWID;
INSERT INTO "meta" VALUES('timezone','Asia/Seoul');
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
INSERT INTO "offer" VALUES('off-1','bay-1','res-1','weekly','FREQ=WEEKLY;BYDAY=MO','09:00','18:00','["2026-03-01"]',NULL,NULL,0,NULL,1772409600000,NULL,0);
INSERT INTO "offer" VALUES('off-2','bay-1','res-1','once',NULL,NULL,NULL,'[]',1772409600000,1772413200000,1,NULL,1772409600000,1772409660000,0);
INSERT INTO "offer" VALUES('off-3','bay-1','res-1','auto',NULL,NULL,NULL,'[]',1,2,0,101,0,NULL,3);
CREATE TABLE outbox (
    outbox_id INTEGER PRIMARY KEY,
    topic TEXT NOT NULL,
    payload BLOB NOT NULL,
    retain INTEGER NOT NULL CHECK (retain IN (0, 1))
) STRICT;
INSERT INTO "outbox" VALUES(1,'t/1',X'7B7D',1);
CREATE TABLE quarantine (
    quarantine_id INTEGER PRIMARY KEY,
    at INTEGER NOT NULL,
    topic TEXT NOT NULL,
    payload BLOB NOT NULL,
    error TEXT NOT NULL
) STRICT;
INSERT INTO "quarantine" VALUES(1,1,'t/request',X'FF','overlap');
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
INSERT INTO "reservation" VALUES('rsv-1','q-rsv-1','drv-rsv-1','v-rsv-1','zone-a',37.25,126.75,1772409600001,1772416799999,1772409600000,1772416800000,301,'["ev","large"]',1202,'accepted','bay-1',93,1772409599996,1772409599995,1772409599994,1772409599993,1772409599992,1,1109,1772409599990,1310,1772409599989);
INSERT INTO "reservation" VALUES('rsv-2','q-rsv-2','drv-rsv-2','v-rsv-2','zone-a',37.25,126.75,1772409600001,1772416799999,1772409600000,1772416800000,301,'["ev","large"]',1202,'accepted','bay-2',93,1772409599996,1772409599995,1772409599994,1772409599993,1772409599992,1,1109,1772409599990,1310,1772409599989);
CREATE TABLE snapshot (
    position INTEGER PRIMARY KEY,
    image TEXT NOT NULL
) STRICT;
CREATE INDEX event_occupancy ON event (json_extract(payload, '$.bay'), position) WHERE type = 'occupancy_changed';
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
CREATE INDEX reservation_live_bay ON reservation (bay, held_from) WHERE status IN ('accepted', 'bound', 'active');
CREATE INDEX reservation_live_vehicle ON reservation (vehicle_id, from_at)
WHERE status IN ('accepted', 'bound', 'active');
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
CREATE INDEX ledger_account ON ledger (account, position);
COMMIT;
