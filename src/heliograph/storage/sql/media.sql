-- name: media_insert
INSERT INTO media (project_id, message_id, media_id, position, content_type, size, sha256, created_at, updated_at)
SELECT r_project, r_message, r_media, r_position, r_type, r_size, r_sha256, r_at, r_at
FROM rows(r_project uuid, r_message uuid, r_media uuid, r_position int, r_type text, r_size bigint, r_sha256 text, r_at bigint)
WHERE true
ON CONFLICT (project_id, message_id, media_id) DO NOTHING

-- name: media_of
SELECT media_id, project_id, message_id, position, content_type, size, sha256, created_at, updated_at
FROM media WHERE project_id = :project_id AND message_id = :message_id AND deleted_at IS NULL ORDER BY position

-- name: media_get
SELECT media_id, project_id, message_id, position, content_type, size, sha256, created_at, updated_at
FROM media
WHERE project_id = :project_id AND message_id = :message_id AND media_id = :media_id AND deleted_at IS NULL

-- name: media_delete
UPDATE media SET deleted_at = :at, updated_at = :at
WHERE project_id = :project_id AND message_id = :message_id AND deleted_at IS NULL
    AND media_id = :media_id   --? one
RETURNING sha256

-- name: media_in_use
SELECT 1 FROM media WHERE sha256 = :sha256 AND deleted_at IS NULL LIMIT 1
