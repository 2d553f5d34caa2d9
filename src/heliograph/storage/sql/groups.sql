-- name: directory_groups
SELECT project_id, group_id, name, sticky_sender, created_at, updated_at FROM number_groups
WHERE (project_id, group_id) IN {touched} --? touched
ORDER BY group_id

-- name: directory_memberships
SELECT m.project_id, m.membership_id, m.group_id, m.number_id, m.created_at, m.updated_at
FROM memberships m
JOIN numbers n ON n.project_id = m.project_id AND n.number_id = m.number_id
WHERE (m.project_id, m.membership_id) IN {touched} --? touched
ORDER BY m.membership_id

-- name: group_put
INSERT INTO number_groups (project_id, group_id, name, sticky_sender, created_at, updated_at)
VALUES (:project_id, :group_id, :name, :sticky_sender, :created_at, :updated_at)

-- name: group_update
UPDATE number_groups SET name = :name, sticky_sender = :sticky_sender, updated_at = :updated_at
WHERE project_id = :project_id AND group_id = :group_id RETURNING group_id

-- name: group_remove
DELETE FROM number_groups WHERE project_id = :project_id AND group_id = :group_id RETURNING group_id

-- name: memberships_of_group_remove
DELETE FROM memberships WHERE project_id = :project_id AND group_id = :group_id RETURNING membership_id

-- A number that is released, or moved to another project, leaves its groups in the same transaction.
-- name: memberships_of_number_remove
DELETE FROM memberships WHERE project_id = :project_id AND number_id = :number_id RETURNING membership_id

-- name: membership_add
INSERT INTO memberships (project_id, membership_id, group_id, number_id, created_at, updated_at)
SELECT g.project_id, :membership_id, g.group_id, n.number_id, :created_at, :updated_at
FROM number_groups g
JOIN numbers n ON n.project_id = g.project_id
WHERE g.project_id = :project_id AND g.group_id = :group_id AND n.number_id = :number_id
RETURNING membership_id

-- name: membership_remove
DELETE FROM memberships WHERE project_id = :project_id AND membership_id = :membership_id RETURNING membership_id

-- name: sticky_get
SELECT number_id, used_at FROM sticky_senders
WHERE project_id = :project_id AND group_id = :group_id AND to_number = :to_number

-- name: sticky_put
INSERT INTO sticky_senders (project_id, group_id, to_number, number_id, used_at)
SELECT r_project, r_group, r_to, r_number, r_used
FROM rows(r_project uuid, r_group uuid, r_to text, r_number uuid, r_used bigint) WHERE true
ON CONFLICT (project_id, group_id, to_number) DO UPDATE
SET number_id = excluded.number_id, used_at = excluded.used_at

-- name: sticky_forget
DELETE FROM sticky_senders
WHERE (project_id, group_id, to_number) IN (
    SELECT project_id, group_id, to_number FROM sticky_senders
    WHERE used_at < :before                                    --? aged
    ORDER BY used_at                                           --? aged
    WHERE project_id = :project_id AND group_id = :group_id    --? of_group
    LIMIT :limit
)

-- name: project_delete_groups
DELETE FROM number_groups WHERE project_id = :project_id

-- name: project_delete_memberships
DELETE FROM memberships WHERE project_id = :project_id

-- name: project_delete_sticky_senders
DELETE FROM sticky_senders WHERE project_id = :project_id
