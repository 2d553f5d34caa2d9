-- When a message that a carrier refused for now is tried again, and what was tried so far: memory need not hold either.
ALTER TABLE messages ADD COLUMN retry_at BIGINT;
ALTER TABLE messages ADD COLUMN tries TEXT;
UPDATE messages SET retry_at = 0
WHERE state IN ('queued', 'initiated', 'receiving') AND state = 'initiated' AND deferred = 1;
CREATE INDEX messages_deferred ON messages (carrier, project_id, retry_at, message_id)
    WHERE state = 'initiated' AND deferred = 1;
