-- The foundation: the directory, messages with their timelines, media, callbacks and claims.
-- One text for both stores: SQLite reads UUID, BIGINT and SMALLINT as affinities, PostgreSQL as types.
-- Moments are microseconds since 1970 UTC, money is millionths of a US dollar, flags are 0 or 1.
-- Every tenant table has project_id first in its primary key, so that the schema can be distributed by it.

CREATE TABLE meta (
    key   TEXT NOT NULL PRIMARY KEY,
    value TEXT NOT NULL
);

CREATE TABLE projects (
    project_id  UUID   NOT NULL PRIMARY KEY,
    parent_id   UUID,
    name        TEXT   NOT NULL,
    signing_key TEXT   NOT NULL,
    created_at  BIGINT NOT NULL,
    updated_at  BIGINT NOT NULL
);

CREATE TABLE tokens (
    project_id UUID   NOT NULL,
    token_id   UUID   NOT NULL,
    name       TEXT   NOT NULL,
    scopes     TEXT   NOT NULL,
    sha256     TEXT   NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    PRIMARY KEY (project_id, token_id)
);

CREATE TABLE numbers (
    project_id   UUID   NOT NULL,
    number_id    UUID   NOT NULL,
    number       TEXT   NOT NULL,
    name         TEXT   NOT NULL,
    capabilities TEXT   NOT NULL,
    settings     TEXT   NOT NULL,
    created_at   BIGINT NOT NULL,
    updated_at   BIGINT NOT NULL,
    PRIMARY KEY (project_id, number_id)
);
CREATE UNIQUE INDEX numbers_number ON numbers (number);

CREATE TABLE applications (
    project_id     UUID   NOT NULL,
    application_id UUID   NOT NULL,
    name           TEXT   NOT NULL,
    settings       TEXT   NOT NULL,
    created_at     BIGINT NOT NULL,
    updated_at     BIGINT NOT NULL,
    PRIMARY KEY (project_id, application_id)
);

CREATE TABLE messages (
    project_id       UUID     NOT NULL,
    message_id       UUID     NOT NULL,
    direction        TEXT     NOT NULL CHECK (direction IN ('inbound', 'outbound-api', 'outbound-reply', 'outbound-call')),
    kind             TEXT     NOT NULL CHECK (kind IN ('sms', 'mms')),
    source           TEXT     NOT NULL CHECK (source IN ('laml', 'realtime_api')),
    from_number      TEXT     NOT NULL,
    to_number        TEXT     NOT NULL,
    body             TEXT,
    segments         INTEGER  NOT NULL,
    state            TEXT     NOT NULL CHECK (state IN
        ('queued', 'initiated', 'sent', 'delivered', 'undelivered', 'failed', 'receiving', 'received')),
    created_at       BIGINT   NOT NULL,
    updated_at       BIGINT   NOT NULL,
    expires_at       BIGINT   NOT NULL,
    media_urls       TEXT,
    num_media        INTEGER  NOT NULL,
    sent_at          BIGINT,
    sent_day         INTEGER,
    error_code       INTEGER,
    price_micros     BIGINT   CHECK (price_micros IS NULL OR state IN ('sent', 'delivered', 'undelivered', 'received')),
    max_price_micros BIGINT,
    group_id         UUID,
    callback_url     TEXT,
    callback_method  TEXT,
    custom_variables TEXT,
    carrier          TEXT,
    carrier_ref      TEXT,
    uncertain        SMALLINT NOT NULL,
    deleted_at       BIGINT,
    redacted         SMALLINT NOT NULL,
    CHECK ((direction = 'inbound') = (state IN ('receiving', 'received'))),
    PRIMARY KEY (project_id, message_id)
);
-- One index per filter of the list, each ending in the id that pages go by.
CREATE INDEX messages_to ON messages (project_id, to_number, message_id) WHERE deleted_at IS NULL;
CREATE INDEX messages_from ON messages (project_id, from_number, message_id) WHERE deleted_at IS NULL;
CREATE INDEX messages_state ON messages (project_id, state, message_id) WHERE deleted_at IS NULL;
CREATE INDEX messages_sent_day ON messages (project_id, sent_day, message_id)
    WHERE deleted_at IS NULL AND sent_day IS NOT NULL;
-- What a node goes on with: small, since final messages are not in them.
CREATE INDEX messages_open ON messages (state, message_id) WHERE state IN ('queued', 'initiated', 'receiving');
CREATE INDEX messages_expiry ON messages (expires_at) WHERE state IN ('queued', 'initiated');
CREATE INDEX messages_carrier_ref ON messages (carrier_ref) WHERE carrier_ref IS NOT NULL;

CREATE TABLE events (
    project_id UUID   NOT NULL,
    message_id UUID   NOT NULL,
    event_no   BIGINT NOT NULL,
    at         BIGINT NOT NULL,
    kind       TEXT   NOT NULL,
    state      TEXT,
    error_code INTEGER,
    detail     TEXT,
    PRIMARY KEY (project_id, message_id, event_no)
);

CREATE TABLE media (
    project_id   UUID    NOT NULL,
    message_id   UUID    NOT NULL,
    media_id     UUID    NOT NULL,
    position     INTEGER NOT NULL,
    content_type TEXT    NOT NULL,
    size         BIGINT  NOT NULL,
    sha256       TEXT    NOT NULL,
    created_at   BIGINT  NOT NULL,
    updated_at   BIGINT  NOT NULL,
    deleted_at   BIGINT,
    PRIMARY KEY (project_id, message_id, media_id)
);
CREATE INDEX media_sha256 ON media (sha256);

CREATE TABLE callbacks (
    project_id UUID    NOT NULL,
    message_id UUID    NOT NULL,
    rank       INTEGER NOT NULL,
    state      TEXT    NOT NULL,
    at         BIGINT  NOT NULL,
    error_code INTEGER,
    origin     TEXT    NOT NULL,
    status     TEXT    NOT NULL CHECK (status IN ('pending', 'delivered', 'dead')),
    attempts   INTEGER NOT NULL,
    next_at    BIGINT  NOT NULL,
    created_at BIGINT  NOT NULL,
    PRIMARY KEY (project_id, message_id, rank)
);
CREATE INDEX callbacks_due ON callbacks (origin, next_at) WHERE status = 'pending';
CREATE INDEX callbacks_dead ON callbacks (project_id, message_id) WHERE status = 'dead';

CREATE TABLE callback_attempts (
    project_id  UUID    NOT NULL,
    message_id  UUID    NOT NULL,
    rank        INTEGER NOT NULL,
    attempt     INTEGER NOT NULL,
    at          BIGINT  NOT NULL,
    http_status INTEGER,
    error       TEXT,
    duration_ms INTEGER NOT NULL,
    PRIMARY KEY (project_id, message_id, rank, attempt)
);

-- Idempotency keys: a key stands for the first message that claimed it.
CREATE TABLE claims (
    project_id  UUID   NOT NULL,
    key         TEXT   NOT NULL,
    fingerprint TEXT   NOT NULL,
    message_id  UUID   NOT NULL,
    created_at  BIGINT NOT NULL,
    PRIMARY KEY (project_id, key)
);
CREATE INDEX claims_age ON claims (created_at);
