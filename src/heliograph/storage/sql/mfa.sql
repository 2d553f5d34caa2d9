-- name: challenge_put
INSERT INTO challenges (project_id, challenge_id, message_id, code_hash, attempts_left, used, expires_at)
VALUES (:project_id, :challenge_id, :message_id, :code_hash, :attempts_left, 0, :expires_at)

-- The attempt is paid for before anybody looks at the code: two at once can't share the last one.
-- name: challenge_attempt
UPDATE challenges SET attempts_left = attempts_left - 1
WHERE project_id = :project_id AND challenge_id = :challenge_id
    AND attempts_left > 0 AND used = 0 AND expires_at > :now
RETURNING message_id, code_hash, attempts_left, expires_at

-- A used one ends at once.
-- name: challenge_use
UPDATE challenges SET used = 1, expires_at = :now
WHERE project_id = :project_id AND challenge_id = :challenge_id AND used = 0 AND expires_at > :now
RETURNING challenge_id

-- name: challenges_ended
SELECT project_id, challenge_id, message_id, code_hash, attempts_left, expires_at
FROM challenges WHERE expires_at <= :now ORDER BY expires_at LIMIT :limit

-- name: challenge_remove
DELETE FROM challenges WHERE project_id = :project_id AND challenge_id = :challenge_id

-- name: project_delete_challenges
DELETE FROM challenges WHERE project_id = :project_id
