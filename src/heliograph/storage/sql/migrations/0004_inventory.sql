-- Numbers that the deployment has to give. A row stays while a project has its number: taken_at says since when.

CREATE TABLE inventory (
    number       TEXT   NOT NULL PRIMARY KEY,
    country      TEXT   NOT NULL,
    kind         TEXT   NOT NULL CHECK (kind IN ('local', 'toll-free')),
    national     TEXT   NOT NULL,
    region       TEXT,
    city         TEXT,
    city_key     TEXT,
    rate_center  TEXT,
    lata         TEXT,
    capabilities TEXT   NOT NULL,
    created_at   BIGINT NOT NULL,
    taken_at     BIGINT
);
CREATE INDEX inventory_free ON inventory (country, kind, number) WHERE taken_at IS NULL;
CREATE INDEX inventory_area ON inventory (national) WHERE taken_at IS NULL;
