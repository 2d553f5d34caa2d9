-- define: script_columns
-- project_id, script_id, place, name, contents, requests, last_request_at, created_at, updated_at

-- name: cxml_script_add
INSERT INTO cxml_scripts ({script_columns}, octets)
VALUES (:project_id, :script_id, :place, :name, :contents, 0, NULL, :created_at, :updated_at, :octets)

-- name: cxml_script_update
UPDATE cxml_scripts SET name = :name, contents = :contents, octets = :octets, updated_at = :updated_at
WHERE project_id = :project_id AND script_id = :script_id RETURNING script_id

-- name: cxml_script_remove
DELETE FROM cxml_scripts WHERE project_id = :project_id AND script_id = :script_id RETURNING octets

-- name: cxml_script_counts
SELECT project_id, count(*), CAST(sum(octets) AS BIGINT) FROM cxml_scripts GROUP BY project_id

-- name: cxml_script_get
SELECT {script_columns} FROM cxml_scripts WHERE project_id = :project_id AND script_id = :script_id

-- name: cxml_script_public
SELECT {script_columns} FROM cxml_scripts WHERE script_id = :script_id

-- name: cxml_scripts_page
SELECT {script_columns} FROM cxml_scripts
WHERE project_id = :project_id
    AND name = :name --? name
    AND place < :older_than --? older_than
    AND place > :newer_than --? newer_than
ORDER BY place DESC --? forward
ORDER BY place --? backward
LIMIT :limit

-- name: cxml_scripts_count
UPDATE cxml_scripts
SET requests = requests + r_uses,
    last_request_at = CASE WHEN last_request_at > r_last_at THEN last_request_at ELSE r_last_at END
FROM rows(r_project uuid, r_script uuid, r_uses bigint, r_last_at bigint)
WHERE project_id = r_project AND script_id = r_script

-- name: project_delete_scripts
DELETE FROM cxml_scripts WHERE project_id = :project_id
