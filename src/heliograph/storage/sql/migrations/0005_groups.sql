-- Groups of numbers that send as one, and which of them sent last to whom.

CREATE TABLE number_groups (
    project_id    UUID     NOT NULL,
    group_id      UUID     NOT NULL,
    name          TEXT     NOT NULL,
    sticky_sender SMALLINT NOT NULL,
    created_at    BIGINT   NOT NULL,
    updated_at    BIGINT   NOT NULL,
    PRIMARY KEY (project_id, group_id)
);

CREATE TABLE memberships (
    project_id    UUID   NOT NULL,
    membership_id UUID   NOT NULL,
    group_id      UUID   NOT NULL,
    number_id     UUID   NOT NULL,
    created_at    BIGINT NOT NULL,
    updated_at    BIGINT NOT NULL,
    PRIMARY KEY (project_id, membership_id)
);
CREATE UNIQUE INDEX memberships_number ON memberships (project_id, group_id, number_id);

CREATE TABLE sticky_senders (
    project_id UUID   NOT NULL,
    group_id   UUID   NOT NULL,
    to_number  TEXT   NOT NULL,
    number_id  UUID   NOT NULL,
    used_at    BIGINT NOT NULL,
    PRIMARY KEY (project_id, group_id, to_number)
);
CREATE INDEX sticky_senders_age ON sticky_senders (used_at);
