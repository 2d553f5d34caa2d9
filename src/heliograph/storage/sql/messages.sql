-- Fragments, put in for {name}. A row shape lists, in their order, the values of one row of the JSON parameter.
-- define: message
--     project_id, message_id, direction, kind, source, from_number, to_number, body, segments, state, created_at,
--     updated_at, expires_at, media_urls, num_media, sent_at, error_code, price_micros, max_price_micros, group_id,
--     callback_url, callback_method, custom_variables, carrier, carrier_ref, uncertain, deleted_at, redacted, options,
--     tags, region, relay_session
-- define: new_message
--     r_project uuid, r_message uuid, r_direction text, r_kind text, r_source text, r_from text, r_to text, r_body
--     text, r_segments int, r_state text, r_created bigint, r_expires bigint, r_media_urls text, r_num_media int,
--     r_sent_at bigint, r_sent_day int, r_error int, r_max_price bigint, r_group uuid, r_callback_url text,
--     r_callback_method text, r_variables text, r_carrier text, r_event_no bigint, r_options text, r_detail text,
--     r_tags text, r_region text, r_relay_session text
-- define: step
--     r_project uuid, r_message uuid, r_before text, r_after text, r_at bigint, r_event_no bigint, r_error int,
--     r_price bigint, r_sent_at bigint, r_sent_day int, r_carrier text, r_carrier_ref text, r_uncertain int, r_rank
--     int, r_origin text, r_next_at bigint, r_detail text, r_sequence text, r_done_at bigint
-- define: legal_steps
--     ('queued', 'initiated'), ('queued', 'failed'), ('initiated', 'sent'), ('initiated', 'undelivered'),
--     ('initiated', 'failed'), ('sent', 'delivered'), ('sent', 'undelivered'), ('receiving', 'received')
-- define: partly
--     CASE WHEN EXISTS (SELECT 1 FROM parts p WHERE p.project_id = messages.project_id
--     AND p.message_id = messages.message_id) THEN 1 ELSE 0 END
-- define: claim
--     r_project uuid, r_key text, r_fingerprint text, r_message uuid, r_created bigint

-- name: claims_take
INSERT INTO claims (project_id, key, fingerprint, message_id, created_at)
SELECT r_project, r_key, r_fingerprint, r_message, r_created
FROM rows({claim}) WHERE true
ON CONFLICT (project_id, key) DO NOTHING
RETURNING message_id

-- name: claims_held
SELECT c.project_id, c.key, c.fingerprint, c.message_id
FROM rows({claim})
JOIN claims c ON c.project_id = r_project AND c.key = r_key

-- name: claim_get
SELECT message_id, fingerprint FROM claims WHERE project_id = :project_id AND key = :key

-- name: claims_forget
DELETE FROM claims WHERE created_at < :before

-- name: messages_insert
INSERT INTO messages (project_id, message_id, direction, kind, source, from_number, to_number, body, segments, state,
    created_at, updated_at, expires_at, media_urls, num_media, sent_at, sent_day, error_code, price_micros,
    max_price_micros, group_id, callback_url, callback_method, custom_variables, carrier, carrier_ref, uncertain,
    deleted_at, redacted, options, tags, region, relay_session)
SELECT r_project, r_message, r_direction, r_kind, r_source, r_from, r_to, r_body, r_segments, r_state,
    r_created, r_created, r_expires, r_media_urls, r_num_media, r_sent_at, r_sent_day, r_error, NULL,
    r_max_price, r_group, r_callback_url, r_callback_method, r_variables, r_carrier, NULL, 0,
    NULL, 0, r_options, r_tags, r_region, r_relay_session
FROM rows({new_message})

-- name: messages_insert_events
INSERT INTO events (project_id, message_id, event_no, at, kind, state, error_code, detail)
SELECT r_project, r_message, r_event_no, r_created, 'state', r_state, r_error, r_detail
FROM rows({new_message})

-- name: messages_advance_events
INSERT INTO events (project_id, message_id, event_no, at, kind, state, error_code, detail)
SELECT r_project, r_message, r_event_no, r_at, 'state', r_after, r_error, r_detail
FROM rows({step}) CROSS JOIN messages m
WHERE m.project_id = r_project AND m.message_id = r_message AND m.state = r_before
    AND (r_before, r_after) IN (VALUES {legal_steps})
ON CONFLICT (project_id, message_id, event_no) DO NOTHING

-- name: messages_advance
UPDATE messages
SET state = r_after, updated_at = r_at,
    error_code = COALESCE(r_error, error_code),
    price_micros = COALESCE(r_price, price_micros),
    sent_at = COALESCE(r_sent_at, sent_at),
    sent_day = COALESCE(r_sent_day, sent_day),
    carrier = COALESCE(r_carrier, carrier),
    carrier_ref = COALESCE(r_carrier_ref, carrier_ref),
    uncertain = CASE WHEN r_uncertain = 1 THEN 1 ELSE uncertain END
FROM rows({step})
WHERE project_id = r_project AND message_id = r_message AND state = r_before
    AND (r_before, r_after) IN (VALUES {legal_steps})

-- name: messages_advance_callbacks
INSERT INTO callbacks (project_id, message_id, rank, state, at, error_code, origin, status, attempts, next_at,
    created_at, sequence, done_at)
SELECT r_project, r_message, r_rank, r_after, r_at, r_error, r_origin, 'pending', 0, r_next_at, r_at, r_sequence,
    r_done_at
FROM rows({step})
WHERE r_origin IS NOT NULL
ON CONFLICT (project_id, message_id, rank) DO NOTHING

-- name: messages_advanced
SELECT e.event_no
FROM rows({step}) CROSS JOIN events e
WHERE e.project_id = r_project AND e.message_id = r_message AND e.event_no = r_event_no

-- name: events_insert
INSERT INTO events (project_id, message_id, event_no, at, kind, state, error_code, detail)
SELECT r_project, r_message, r_event_no, r_at, r_kind, NULL, r_error, r_detail
FROM rows(r_project uuid, r_message uuid, r_event_no bigint, r_at bigint, r_kind text, r_error int, r_detail text)
WHERE true
ON CONFLICT (project_id, message_id, event_no) DO NOTHING

-- name: message_get
SELECT {message}
FROM messages WHERE project_id = :project_id AND message_id = :message_id

-- name: messages_by_carrier_ref
SELECT {message}
FROM messages
WHERE ltrim(lower(replace(carrier_ref, '-', '')), '0') = ltrim(lower(replace(:key, '-', '')), '0')
    AND carrier_ref IS NOT NULL AND carrier = :carrier
ORDER BY message_id DESC LIMIT :limit

-- name: messages_page
SELECT {message}
FROM messages
WHERE project_id = :project_id
    AND deleted_at IS NULL                --? hide_deleted
    AND to_number = :to_number            --? to_number
    AND from_number = :from_number        --? from_number
    AND state = :state                    --? state
    AND sent_day = :sent_day              --? sent_day
    AND sent_at >= :sent_from             --? sent_from
    AND sent_at < :sent_before            --? sent_before
    AND message_id >= :lowest             --? lowest
    AND message_id < :highest             --? highest
    AND message_id < :older_than          --? older_than
    AND message_id > :newer_than          --? newer_than
ORDER BY message_id DESC                  --? forward
ORDER BY message_id ASC                   --? backward
LIMIT :limit

-- name: messages_slice_edge
SELECT message_id
FROM messages
WHERE project_id = :project_id
    AND deleted_at IS NULL                --? hide_deleted
    AND to_number = :to_number            --? by_to_number
    AND from_number = :from_number        --? by_from_number
    AND state = :state                    --? by_state
    AND sent_day = :sent_day              --? by_sent_day
    AND message_id >= :lowest             --? lowest
    AND message_id < :highest             --? highest
    AND message_id < :older_than          --? older_than
    AND message_id > :newer_than          --? newer_than
ORDER BY message_id DESC                  --? forward
ORDER BY message_id ASC                   --? backward
LIMIT 1 OFFSET :skipped

-- name: messages_slice
-- Conditions of other filters are written so that no index serves them: the driver's index does.
SELECT {message}
FROM messages
WHERE project_id = :project_id
    AND deleted_at IS NULL                --? hide_deleted
    AND to_number = :to_number            --? by_to_number
    AND from_number = :from_number        --? by_from_number
    AND state = :state                    --? by_state
    AND sent_day = :sent_day              --? by_sent_day
    AND to_number || '' = :to_number      --? to_number
    AND from_number || '' = :from_number  --? from_number
    AND state || '' = :state              --? state
    AND sent_day + 0 = :sent_day          --? sent_day
    AND sent_at >= :sent_from             --? sent_from
    AND sent_at < :sent_before            --? sent_before
    AND message_id >= :lowest             --? lowest
    AND message_id < :highest             --? highest
    AND message_id < :older_than          --? older_than
    AND message_id > :newer_than          --? newer_than
    AND message_id >= :edge               --? down_to_edge
    AND message_id <= :edge               --? up_to_edge
ORDER BY message_id DESC                  --? forward
ORDER BY message_id ASC                   --? backward
LIMIT :limit

-- The deferred messages of one project at one carrier, in the order of their next tries; `partly`: a part is accepted.
-- name: messages_deferred
SELECT {message}, retry_at, tries, {partly}
FROM messages
WHERE state = 'initiated' AND deferred = 1 AND carrier = :carrier AND project_id = :project_id
    AND retry_at <= :until AND (retry_at, message_id) > (:after_at, :after_id)
ORDER BY retry_at, message_id LIMIT :limit

-- name: messages_deferred_counts
SELECT carrier, project_id, count(*), min(retry_at) FROM messages
WHERE state = 'initiated' AND deferred = 1 GROUP BY carrier, project_id

-- name: messages_in_doubt
SELECT {message}
FROM messages
WHERE state IN ('queued', 'initiated', 'receiving') AND state = 'initiated' AND deferred = 0 AND message_id > :after
ORDER BY message_id LIMIT :limit

-- name: messages_hand_over
UPDATE messages SET deferred = r_deferred, carrier = COALESCE(r_carrier, carrier), retry_at = r_retry_at,
    tries = COALESCE(r_tries, tries)
FROM rows(r_project uuid, r_message uuid, r_deferred int, r_carrier text, r_retry_at bigint, r_tries text)
WHERE project_id = r_project AND message_id = r_message AND state = 'initiated'
RETURNING message_id

-- name: messages_queued_after
SELECT {message}
FROM messages
WHERE state IN ('queued', 'initiated', 'receiving') AND state = :state AND message_id > :after
ORDER BY message_id LIMIT :limit

-- name: messages_queued_counts
SELECT project_id, count(*) FROM messages
WHERE state IN ('queued', 'initiated', 'receiving') AND state = 'queued' GROUP BY project_id

-- name: messages_unsent_counts
SELECT from_number, count(*) FROM messages
WHERE state IN ('queued', 'initiated', 'receiving') AND state <> 'receiving' GROUP BY from_number

-- One page, in the order in which their validity ended.
-- name: messages_expired
SELECT {message}, deferred, {partly}
FROM messages
WHERE state IN ('queued', 'initiated') AND expires_at <= :now
    AND (expires_at, message_id) > (:after_at, :after_id)
ORDER BY expires_at, message_id LIMIT :limit

-- name: messages_mark_uncertain
UPDATE messages SET uncertain = 1
FROM rows(r_project uuid, r_message uuid)
WHERE project_id = r_project AND message_id = r_message

-- name: message_redact
UPDATE messages SET body = '', redacted = 1, updated_at = :at
WHERE project_id = :project_id AND message_id = :message_id AND state NOT IN ('queued', 'initiated', 'receiving')
RETURNING message_id

-- name: message_delete
UPDATE messages SET deleted_at = :at, updated_at = :at
WHERE project_id = :project_id AND message_id = :message_id AND deleted_at IS NULL
    AND state NOT IN ('queued', 'initiated', 'receiving')
RETURNING message_id

-- name: event_add
INSERT INTO events (project_id, message_id, event_no, at, kind, state, error_code, detail)
VALUES (:project_id, :message_id, :event_no, :at, :kind, NULL, NULL, NULL)

-- The newest lines, newest first.
-- name: timeline
SELECT event_no AS place, at, kind, state, error_code, detail FROM events
WHERE project_id = :project_id AND message_id = :message_id
UNION ALL
SELECT a.at AS place, a.at, 'callback' AS kind, c.state, NULL AS error_code,
    COALESCE(a.error, 'answered ' || CAST(a.http_status AS TEXT)) || ', ' || CAST(a.duration_ms AS TEXT) || ' ms' AS detail
FROM callback_attempts a
JOIN callbacks c ON c.project_id = a.project_id AND c.message_id = a.message_id AND c.rank = a.rank
WHERE a.project_id = :project_id AND a.message_id = :message_id
ORDER BY place DESC LIMIT :limit

-- name: purge_candidates
SELECT project_id, message_id FROM messages
WHERE project_id = :project_id AND message_id < :before
    AND state IN ('delivered', 'undelivered', 'failed', 'received', 'sent')
ORDER BY message_id LIMIT :limit

-- name: purge_messages
DELETE FROM messages WHERE project_id = :project_id AND message_id = :message_id

-- name: purge_events
DELETE FROM events WHERE project_id = :project_id AND message_id = :message_id

-- name: purge_callbacks
DELETE FROM callbacks WHERE project_id = :project_id AND message_id = :message_id

-- name: purge_attempts
DELETE FROM callback_attempts WHERE project_id = :project_id AND message_id = :message_id

-- name: purge_parts
DELETE FROM parts WHERE project_id = :project_id AND message_id = :message_id

-- name: purge_part_waits
DELETE FROM part_waits WHERE project_id = :project_id AND message_id = :message_id

-- name: purge_media
DELETE FROM media WHERE project_id = :project_id AND message_id = :message_id RETURNING sha256
