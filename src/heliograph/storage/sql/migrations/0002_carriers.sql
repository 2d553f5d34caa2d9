-- Real carriers: long messages in parts, receipts that come early, long inbound messages in pieces.

ALTER TABLE messages ADD COLUMN options TEXT;
-- 1: its carrier's last word was "not now", so that it is in nobody's hands; only of initiated messages.
ALTER TABLE messages ADD COLUMN deferred SMALLINT NOT NULL DEFAULT 0;

-- A part of a message that travels in several. Messages of one part have no rows here.
CREATE TABLE parts (
    project_id  UUID    NOT NULL,
    message_id  UUID    NOT NULL,
    part        INTEGER NOT NULL,
    total       INTEGER NOT NULL,
    state       TEXT    NOT NULL CHECK (state IN ('sent', 'delivered', 'undelivered')),
    carrier     TEXT    NOT NULL,
    carrier_ref TEXT    NOT NULL,
    error_code  INTEGER,
    updated_at  BIGINT  NOT NULL,
    PRIMARY KEY (project_id, message_id, part)
);
CREATE INDEX parts_carrier_ref ON parts (carrier_ref);

-- Receipts that nobody could place yet: the answer that names their reference may still come.
CREATE TABLE held_receipts (
    carrier     TEXT   NOT NULL,
    carrier_ref TEXT   NOT NULL,
    held_no     BIGINT NOT NULL,
    receipt     TEXT   NOT NULL,
    at          BIGINT NOT NULL,
    PRIMARY KEY (carrier, carrier_ref, held_no)
);

-- Parts of long messages on their way in, from a carrier or from an SMPP customer, until they are one message.
CREATE TABLE pieces (
    project_id  UUID    NOT NULL,
    owner       TEXT    NOT NULL,
    from_number TEXT    NOT NULL,
    to_number   TEXT    NOT NULL,
    reference   INTEGER NOT NULL,
    total       INTEGER NOT NULL,
    part        INTEGER NOT NULL,
    alphabet    TEXT    NOT NULL,
    data        TEXT    NOT NULL,
    extra       TEXT,
    at          BIGINT  NOT NULL,
    PRIMARY KEY (project_id, owner, from_number, to_number, reference, total, part)
);
