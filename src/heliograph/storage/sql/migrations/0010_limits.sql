-- When a message that a carrier refused for now is tried again, and what was tried so far: memory need not hold either.
ALTER TABLE messages ADD COLUMN retry_at BIGINT;
ALTER TABLE messages ADD COLUMN tries TEXT;
UPDATE messages SET retry_at = 0
WHERE state IN ('queued', 'initiated', 'receiving') AND state = 'initiated' AND deferred = 1;
CREATE INDEX messages_deferred ON messages (carrier, project_id, retry_at, message_id)
    WHERE state = 'initiated' AND deferred = 1;

-- How large a script is, so that those of a project are summed up without reading them.
ALTER TABLE cxml_scripts ADD COLUMN octets BIGINT NOT NULL DEFAULT 0;
UPDATE cxml_scripts SET octets = LENGTH(name) + LENGTH(contents);
CREATE INDEX cxml_scripts_octets ON cxml_scripts (project_id, octets);
