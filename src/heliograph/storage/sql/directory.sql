-- name: meta_get
SELECT value FROM meta WHERE key = :key

-- name: meta_put
INSERT INTO meta (key, value) VALUES (:key, :value) ON CONFLICT (key) DO UPDATE SET value = excluded.value

-- name: directory_changed
INSERT INTO meta (key, value) VALUES ('directory_version', '1')
ON CONFLICT (key) DO UPDATE SET value = CAST(CAST(meta.value AS BIGINT) + 1 AS TEXT)

-- Who looks before it writes holds the others off first: two databases' sessions may write at once.

-- name: directory_hold
UPDATE meta SET value = value WHERE key = 'directory_version'

-- name: directory_touched
INSERT INTO directory_changes (version, kind, owner_id, object_id)
SELECT CAST(m.value AS BIGINT), r_kind, r_owner, r_object
FROM meta m CROSS JOIN rows(r_kind text, r_owner uuid, r_object text) WHERE m.key = 'directory_version'
ON CONFLICT (version, kind, owner_id, object_id) DO NOTHING

-- name: directory_changes_forget
DELETE FROM directory_changes
WHERE version <= (SELECT CAST(value AS BIGINT) FROM meta WHERE key = 'directory_version') - :kept

-- name: directory_changes_since
SELECT version, kind, owner_id, object_id FROM directory_changes WHERE version > :since ORDER BY version

-- What was touched, or all of it.

-- define: touched
-- (SELECT r_owner, r_object FROM rows(r_owner uuid, r_object uuid))

-- name: directory_projects
SELECT project_id, parent_id, name, signing_key, created_at, updated_at, switches FROM projects
WHERE deleted_at IS NULL
    AND (project_id, project_id) IN {touched} --? touched
ORDER BY project_id

-- name: directory_tokens
SELECT project_id, token_id, name, scopes, sha256, created_at, updated_at FROM tokens
WHERE (project_id, token_id) IN {touched} --? touched
ORDER BY token_id

-- name: directory_numbers
SELECT project_id, number_id, number, name, capabilities, settings, created_at, updated_at FROM numbers
WHERE (project_id, number_id) IN {touched} --? touched
ORDER BY number_id

-- name: directory_applications
SELECT project_id, application_id, name, settings, created_at, updated_at FROM applications
WHERE (project_id, application_id) IN {touched} --? touched
ORDER BY application_id

-- name: directory_smpp_credentials
SELECT project_id, system_id, name, password_hash, max_binds, rate, deliver_window, allowed, alphabet, long_mode,
    created_at, updated_at
FROM smpp_credentials
WHERE (project_id, system_id) IN (SELECT r_owner, r_object FROM rows(r_owner uuid, r_object text)) --? touched
ORDER BY system_id

-- name: project_put
INSERT INTO projects (project_id, parent_id, name, signing_key, created_at, updated_at, switches)
VALUES (:project_id, :parent_id, :name, :signing_key, :created_at, :updated_at, :switches)
ON CONFLICT (project_id) DO UPDATE
SET name = excluded.name, signing_key = excluded.signing_key, updated_at = excluded.updated_at,
    switches = excluded.switches

-- name: project_is_there
SELECT project_id FROM projects WHERE project_id = :project_id AND deleted_at IS NULL

-- name: project_update
UPDATE projects SET name = :name, signing_key = :signing_key, updated_at = :updated_at, switches = :switches
WHERE project_id = :project_id AND deleted_at IS NULL RETURNING project_id

-- name: project_delete
UPDATE projects SET deleted_at = :at
WHERE project_id = :project_id AND deleted_at IS NULL AND parent_id IS NOT NULL
    AND NOT EXISTS (SELECT 1 FROM numbers n WHERE n.project_id = :project_id)
RETURNING project_id

-- name: project_delete_tokens
DELETE FROM tokens WHERE project_id = :project_id

-- name: project_delete_applications
DELETE FROM applications WHERE project_id = :project_id

-- name: project_delete_smpp_credentials
DELETE FROM smpp_credentials WHERE project_id = :project_id

-- name: projects_deleted
SELECT project_id FROM projects WHERE deleted_at IS NOT NULL ORDER BY project_id LIMIT :limit

-- name: project_forget
DELETE FROM projects WHERE project_id = :project_id AND deleted_at IS NOT NULL
    AND NOT EXISTS (SELECT 1 FROM messages m WHERE m.project_id = :project_id)

-- name: token_put
INSERT INTO tokens (project_id, token_id, name, scopes, sha256, created_at, updated_at)
VALUES (:project_id, :token_id, :name, :scopes, :sha256, :created_at, :updated_at)
ON CONFLICT (project_id, token_id) DO UPDATE
SET name = excluded.name, scopes = excluded.scopes, updated_at = excluded.updated_at

-- name: token_update
UPDATE tokens SET name = :name, scopes = :scopes, updated_at = :updated_at
WHERE project_id = :project_id AND token_id = :token_id RETURNING token_id

-- name: token_remove
DELETE FROM tokens WHERE project_id = :project_id AND token_id = :token_id RETURNING token_id

-- name: smpp_credential_add
INSERT INTO smpp_credentials (project_id, system_id, name, password_hash, max_binds, rate, deliver_window, allowed,
    alphabet, long_mode, created_at, updated_at)
VALUES (:project_id, :system_id, :name, :password_hash, :max_binds, :rate, :deliver_window, :allowed,
    :alphabet, :long_mode, :created_at, :updated_at)

-- name: smpp_credential_update
UPDATE smpp_credentials SET name = :name, password_hash = :password_hash, max_binds = :max_binds, rate = :rate,
    deliver_window = :deliver_window, allowed = :allowed, alphabet = :alphabet, long_mode = :long_mode,
    updated_at = :updated_at
WHERE project_id = :project_id AND system_id = :system_id RETURNING system_id

-- name: smpp_credential_remove
DELETE FROM smpp_credentials WHERE project_id = :project_id AND system_id = :system_id RETURNING system_id

-- name: number_put
INSERT INTO numbers (project_id, number_id, number, name, capabilities, settings, created_at, updated_at)
VALUES (:project_id, :number_id, :number, :name, :capabilities, :settings, :created_at, :updated_at)
ON CONFLICT (project_id, number_id) DO UPDATE
SET name = excluded.name, capabilities = excluded.capabilities, settings = excluded.settings,
    updated_at = excluded.updated_at

-- name: number_update
UPDATE numbers SET name = :name, capabilities = :capabilities, settings = :settings, updated_at = :updated_at
WHERE project_id = :project_id AND number_id = :number_id RETURNING number_id

-- name: application_put
INSERT INTO applications (project_id, application_id, name, settings, created_at, updated_at)
VALUES (:project_id, :application_id, :name, :settings, :created_at, :updated_at)
ON CONFLICT (project_id, application_id) DO UPDATE
SET name = excluded.name, settings = excluded.settings, updated_at = excluded.updated_at

-- name: application_update
UPDATE applications SET name = :name, settings = :settings, updated_at = :updated_at
WHERE project_id = :project_id AND application_id = :application_id RETURNING application_id

-- name: application_remove
DELETE FROM applications WHERE project_id = :project_id AND application_id = :application_id RETURNING application_id

-- name: space_id
INSERT INTO meta (key, value) VALUES ('space_id', :candidate)
ON CONFLICT (key) DO UPDATE SET value = meta.value RETURNING value
