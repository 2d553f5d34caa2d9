-- define: outcome
--     r_project uuid, r_message uuid, r_rank int, r_attempt int, r_at bigint, r_status text, r_next_at bigint,
--     r_http_status int, r_error text, r_duration int

-- define: due
--     m.project_id, m.message_id, m.direction, m.kind, m.source, m.from_number, m.to_number, m.body, m.segments,
--     m.state, m.created_at, m.updated_at, m.expires_at, m.media_urls, m.num_media, m.sent_at, m.error_code,
--     m.price_micros, m.max_price_micros, m.group_id, m.callback_url, m.callback_method, m.custom_variables, m.carrier,
--     m.carrier_ref, m.uncertain, m.deleted_at, m.redacted, m.options, m.tags, m.region, m.relay_session,
--     c.rank, c.state, c.at, c.error_code, c.attempts, c.created_at, c.next_at, c.sequence, c.done_at

-- name: callbacks_release
UPDATE callbacks SET next_at = :now WHERE status = 'pending' AND attempts = 0 AND next_at > :now

-- One step of an index for each origin, however many callbacks wait; so below, for sequences.
-- name: callbacks_origins
WITH RECURSIVE found (origin) AS (
    SELECT (SELECT c.origin FROM callbacks c
        WHERE c.status = 'pending' AND c.origin > :after
        ORDER BY c.origin LIMIT 1)
    UNION ALL
    SELECT (SELECT c.origin FROM callbacks c
        WHERE c.status = 'pending' AND c.origin > found.origin
        ORDER BY c.origin LIMIT 1)
    FROM found WHERE found.origin IS NOT NULL
)
SELECT origin FROM found
WHERE origin IS NOT NULL AND EXISTS (SELECT 1 FROM callbacks c
    WHERE c.status = 'pending' AND c.origin = found.origin AND c.next_at <= :now AND c.sequence IS NULL)
LIMIT :limit

-- name: callbacks_due
SELECT {due}
FROM callbacks c JOIN messages m ON m.project_id = c.project_id AND m.message_id = c.message_id
WHERE c.status = 'pending' AND c.sequence IS NULL
    AND c.origin = :origin AND c.next_at <= :fresh_until                            --? due
    AND (c.next_at <= :now OR c.attempts = 0)                                       --? due
    AND NOT EXISTS (SELECT 1 FROM callbacks e WHERE e.project_id = c.project_id     --? due
        AND e.message_id = c.message_id AND e.rank < c.rank AND e.status = 'pending') --? due
    AND c.project_id = :project_id AND c.message_id = :message_id                   --? one
ORDER BY c.next_at, c.message_id   --? due
ORDER BY c.rank                    --? one
LIMIT :limit

-- name: sequences_origins
WITH RECURSIVE found (origin) AS (
    SELECT (SELECT c.origin FROM callbacks c
        WHERE c.status = 'pending' AND c.sequence IS NOT NULL AND c.origin > :after
        ORDER BY c.origin LIMIT 1)
    UNION ALL
    SELECT (SELECT c.origin FROM callbacks c
        WHERE c.status = 'pending' AND c.sequence IS NOT NULL AND c.origin > found.origin
        ORDER BY c.origin LIMIT 1)
    FROM found WHERE found.origin IS NOT NULL
)
SELECT origin FROM found WHERE origin IS NOT NULL LIMIT :limit

-- name: sequences_names
WITH RECURSIVE found (sequence) AS (
    SELECT (SELECT c.sequence FROM callbacks c
        WHERE c.status = 'pending' AND c.origin = :origin AND c.sequence > :after
        ORDER BY c.sequence LIMIT 1)
    UNION ALL
    SELECT (SELECT c.sequence FROM callbacks c
        WHERE c.status = 'pending' AND c.origin = :origin AND c.sequence > found.sequence
        ORDER BY c.sequence LIMIT 1)
    FROM found WHERE found.sequence IS NOT NULL
)
SELECT sequence FROM found WHERE sequence IS NOT NULL LIMIT :limit

-- CROSS JOIN: SQLite goes through the rows first then, and finds each by the index.
-- name: sequences_heads
SELECT {due}
FROM rows(r_sequence text)
CROSS JOIN callbacks c
CROSS JOIN messages m
WHERE c.status = 'pending' AND c.origin = :origin AND c.sequence = r_sequence AND c.message_id = (
        SELECT e.message_id FROM callbacks e
        WHERE e.status = 'pending' AND e.origin = :origin AND e.sequence = r_sequence
        ORDER BY e.message_id LIMIT 1)
    AND m.project_id = c.project_id AND m.message_id = c.message_id

-- name: sequences_first
SELECT {due}
FROM callbacks c JOIN messages m ON m.project_id = c.project_id AND m.message_id = c.message_id
WHERE c.status = 'pending' AND c.origin = :origin AND c.sequence = :sequence
ORDER BY c.message_id LIMIT :limit

-- name: callbacks_bury_attempts
INSERT INTO callback_attempts (project_id, message_id, rank, attempt, at, http_status, error, duration_ms)
SELECT project_id, message_id, rank, attempts + 1, CAST(:now AS BIGINT), NULL, CAST(:error AS TEXT), 0
FROM callbacks
WHERE status = 'pending' AND origin LIKE :scheme || ':%' AND created_at <= :oldest
ORDER BY message_id, rank LIMIT :limit
ON CONFLICT (project_id, message_id, rank, attempt) DO NOTHING

-- name: callbacks_bury
UPDATE callbacks SET status = 'dead', attempts = attempts + 1, next_at = :now
WHERE (project_id, message_id, rank) IN (
    SELECT project_id, message_id, rank FROM callbacks
    WHERE status = 'pending' AND origin LIKE :scheme || ':%' AND created_at <= :oldest
    ORDER BY message_id, rank LIMIT :limit)
RETURNING message_id

-- name: callbacks_settle
UPDATE callbacks SET status = r_status, attempts = r_attempt, next_at = r_next_at
FROM rows({outcome})
WHERE project_id = r_project AND message_id = r_message AND rank = r_rank

-- name: callbacks_settle_attempts
INSERT INTO callback_attempts (project_id, message_id, rank, attempt, at, http_status, error, duration_ms)
SELECT r_project, r_message, r_rank, r_attempt, r_at, r_http_status, r_error, r_duration
FROM rows({outcome})
WHERE true
ON CONFLICT (project_id, message_id, rank, attempt) DO NOTHING

-- name: callbacks_list
SELECT c.message_id, c.state, c.status, m.callback_url, c.attempts, c.next_at, a.http_status, a.error
FROM callbacks c
JOIN messages m ON m.project_id = c.project_id AND m.message_id = c.message_id
LEFT JOIN callback_attempts a ON a.project_id = c.project_id AND a.message_id = c.message_id AND a.rank = c.rank
    AND a.attempt = c.attempts
WHERE c.project_id = :project_id
    AND c.status = :status
    AND c.message_id = :message_id  --? one
    AND c.message_id < :older_than  --? older_than
    AND c.message_id >= :edge       --? down_to_edge
ORDER BY c.message_id DESC, c.rank DESC LIMIT :limit

-- name: callbacks_slice_edge
SELECT message_id
FROM callbacks
WHERE project_id = :project_id
    AND message_id < :older_than    --? older_than
ORDER BY message_id DESC, rank DESC LIMIT 1 OFFSET :skipped

-- name: callbacks_replay
UPDATE callbacks SET status = 'pending', next_at = :now, created_at = :now
WHERE project_id = :project_id AND status = 'dead' AND (message_id, rank) IN (
    SELECT message_id, rank FROM callbacks
    WHERE project_id = :project_id AND status = 'dead'
        AND message_id = :message_id                         --? one
        AND (message_id, rank) > (:after_id, :after_rank)
    ORDER BY message_id, rank LIMIT :limit)
RETURNING message_id, rank
