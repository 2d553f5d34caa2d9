-- What each version of the directory touched, so that a server with many numbers rereads no more than that. The last
-- some thousand versions are kept; who has an older one reads all of it. `kind` and `object_id`: see core.directory.Key.

CREATE TABLE directory_changes (
    version   BIGINT NOT NULL,
    kind      TEXT   NOT NULL,
    owner_id  UUID   NOT NULL,
    object_id TEXT   NOT NULL,
    PRIMARY KEY (version, kind, owner_id, object_id)
);
