-- With what a project's SMPP customers bind to us. A system_id belongs to one project of the deployment.

CREATE TABLE smpp_credentials (
    project_id    UUID    NOT NULL,
    system_id     TEXT    NOT NULL,
    name          TEXT    NOT NULL,
    password_hash TEXT    NOT NULL,
    max_binds     INTEGER NOT NULL,
    rate          INTEGER NOT NULL,
    deliver_window INTEGER NOT NULL,
    allowed       TEXT    NOT NULL,
    alphabet      TEXT    NOT NULL,
    long_mode     TEXT    NOT NULL,
    created_at    BIGINT  NOT NULL,
    updated_at    BIGINT  NOT NULL,
    PRIMARY KEY (project_id, system_id)
);
CREATE UNIQUE INDEX smpp_credentials_system_id ON smpp_credentials (system_id);
