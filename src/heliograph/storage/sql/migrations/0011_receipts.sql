-- A receipt finds its message by a key that all spellings of a carrier's id share: core.carrier_refs.fold says the same.

DROP INDEX messages_carrier_ref;
CREATE INDEX messages_carrier_key ON messages (ltrim(lower(replace(carrier_ref, '-', '')), '0'))
    WHERE carrier_ref IS NOT NULL;
DROP INDEX parts_carrier_ref;
CREATE INDEX parts_carrier_key ON parts (ltrim(lower(replace(carrier_ref, '-', '')), '0'));

-- When it happened that a callback tells of, where the carrier says so.
ALTER TABLE callbacks ADD COLUMN done_at BIGINT;

-- Messages of which some parts have a receipt: until when those of the other parts are waited for.
CREATE TABLE part_waits (
    project_id UUID   NOT NULL,
    message_id UUID   NOT NULL,
    due_at     BIGINT NOT NULL,
    PRIMARY KEY (project_id, message_id)
);
CREATE INDEX part_waits_due ON part_waits (due_at);
