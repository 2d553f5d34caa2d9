-- Parts of long messages, receipts that are held, pieces of inbound ones.

-- define: part
--     project_id, message_id, part, total, state, carrier, carrier_ref, error_code, updated_at
-- define: piece
--     project_id, owner, from_number, to_number, reference, total, part, alphabet, data, extra, at

-- name: parts_put
INSERT INTO parts ({part})
SELECT r_project, r_message, r_part, r_total, r_state, r_carrier, r_carrier_ref, r_error, r_at
FROM rows(r_project uuid, r_message uuid, r_part int, r_total int, r_state text, r_carrier text, r_carrier_ref text,
    r_error int, r_at bigint)
WHERE true
ON CONFLICT (project_id, message_id, part) DO UPDATE
SET state = excluded.state, carrier = excluded.carrier, carrier_ref = excluded.carrier_ref,
    error_code = excluded.error_code, updated_at = excluded.updated_at
WHERE parts.state = 'sent'

-- name: parts_of
SELECT {part} FROM parts WHERE project_id = :project_id AND message_id = :message_id ORDER BY part

-- name: parts_by_carrier_ref
SELECT {part} FROM parts
WHERE ltrim(lower(replace(carrier_ref, '-', '')), '0') = ltrim(lower(replace(:key, '-', '')), '0')
    AND carrier = :carrier
ORDER BY message_id DESC, part LIMIT :limit

-- name: part_waits_put
INSERT INTO part_waits (project_id, message_id, due_at)
SELECT r_project, r_message, r_due_at FROM rows(r_project uuid, r_message uuid, r_due_at bigint) WHERE true
ON CONFLICT (project_id, message_id) DO NOTHING

-- name: part_waits_due
SELECT project_id, message_id, due_at FROM part_waits WHERE due_at <= :now ORDER BY due_at LIMIT :limit

-- name: part_waits_remove
DELETE FROM part_waits
WHERE (project_id, message_id) IN
    (SELECT r_project, r_message FROM rows(r_project uuid, r_message uuid, r_due_at bigint))

-- name: held_put
INSERT INTO held_receipts (carrier, carrier_ref, held_no, receipt, at)
SELECT r_carrier, r_carrier_ref, r_no, r_receipt, r_at
FROM rows(r_carrier text, r_carrier_ref text, r_no bigint, r_receipt text, r_at bigint)
WHERE true
ON CONFLICT (carrier, carrier_ref, held_no) DO NOTHING

-- name: held_remove
DELETE FROM held_receipts
WHERE (carrier, carrier_ref, held_no) IN
    (SELECT r_carrier, r_carrier_ref, r_no FROM rows(r_carrier text, r_carrier_ref text, r_no bigint))

-- name: held_all
SELECT carrier, carrier_ref, held_no, receipt, at FROM held_receipts ORDER BY held_no LIMIT :limit

-- name: pieces_put
INSERT INTO pieces ({piece})
SELECT r_project, r_owner, r_from, r_to, r_reference, r_total, r_part, r_alphabet, r_data, r_extra, r_at
FROM rows(r_project uuid, r_owner text, r_from text, r_to text, r_reference int, r_total int, r_part int,
    r_alphabet text, r_data text, r_extra text, r_at bigint)
WHERE true
ON CONFLICT (project_id, owner, from_number, to_number, reference, total, part) DO UPDATE
SET alphabet = excluded.alphabet, data = excluded.data, extra = excluded.extra, at = excluded.at
WHERE pieces.extra = 'repeat'

-- name: pieces_remove
DELETE FROM pieces
WHERE project_id = :project_id AND owner = :owner AND from_number = :from_number AND to_number = :to_number
    AND reference = :reference AND total = :total

-- name: pieces_remove_repeated
DELETE FROM pieces
WHERE project_id = :project_id AND owner = :owner AND from_number = :from_number AND to_number = :to_number
    AND reference = :reference AND total = :total AND extra = 'repeat'

-- name: pieces_forget
DELETE FROM pieces WHERE part = 0 AND at < :before

-- name: pieces_all
SELECT {piece} FROM pieces ORDER BY at LIMIT :limit
