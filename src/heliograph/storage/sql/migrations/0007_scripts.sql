-- What is switched on for a project, and when a subproject was deleted: its messages are removed after it.

ALTER TABLE projects ADD COLUMN switches TEXT NOT NULL DEFAULT '[]';
ALTER TABLE projects ADD COLUMN deleted_at BIGINT;

-- cXML scripts. Their ids are random, so lists go by `place`; the public document is found by its id alone.

CREATE TABLE cxml_scripts (
    project_id      UUID    NOT NULL,
    script_id       UUID    NOT NULL,
    place           UUID    NOT NULL,
    name            TEXT    NOT NULL,
    contents        TEXT    NOT NULL,
    requests        BIGINT  NOT NULL,
    last_request_at BIGINT,
    created_at      BIGINT  NOT NULL,
    updated_at      BIGINT  NOT NULL,
    PRIMARY KEY (project_id, script_id)
);
CREATE UNIQUE INDEX cxml_scripts_script_id ON cxml_scripts (script_id);
CREATE INDEX cxml_scripts_place ON cxml_scripts (project_id, place);
