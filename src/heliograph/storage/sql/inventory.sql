-- A number that a project has by another way (the command line, an import) is not free, whatever its row says.

-- name: inventory_free
SELECT number, country, kind, national, region, city, rate_center, lata, capabilities
FROM inventory
WHERE taken_at IS NULL
    AND NOT EXISTS (SELECT 1 FROM numbers n WHERE n.number = inventory.number)
    AND inventory.number = :number                                               --? number
    AND country = :country                                                       --? country
    AND kind = :kind                                                             --? kind
    AND substr(national, 1, length(CAST(:area_code AS TEXT))) = :area_code                     --? area_code
    AND substr(national, 1, length(CAST(:starts_with AS TEXT))) = :starts_with                 --? starts_with
    AND substr(national, length(national) - length(CAST(:ends_with AS TEXT)) + 1) = :ends_with --? ends_with
    AND replace(national, :contains, '') <> national                             --? contains
    AND region = :region                                                         --? region
    AND city_key = :city                                                         --? city
ORDER BY number
LIMIT :limit

-- name: inventory_countries
SELECT DISTINCT country FROM inventory WHERE taken_at IS NULL AND country <> '' ORDER BY country

-- name: inventory_stock
INSERT INTO inventory (number, country, kind, national, region, city, city_key, rate_center, lata, capabilities,
    created_at)
SELECT r_number, r_country, r_kind, r_national, r_region, r_city, r_city_key, r_rate_center, r_lata, r_capabilities,
    r_created
FROM rows(r_number text, r_country text, r_kind text, r_national text, r_region text, r_city text, r_city_key text,
    r_rate_center text, r_lata text, r_capabilities text, r_created bigint) WHERE true
ON CONFLICT (number) DO UPDATE
SET region = excluded.region, city = excluded.city, city_key = excluded.city_key, rate_center = excluded.rate_center,
    lata = excluded.lata, capabilities = excluded.capabilities

-- name: inventory_take
UPDATE inventory SET taken_at = :at
WHERE number = :number AND taken_at IS NULL
    AND NOT EXISTS (SELECT 1 FROM numbers n WHERE n.number = inventory.number)
RETURNING number

-- name: inventory_give_back
UPDATE inventory SET taken_at = NULL WHERE number = :number

-- name: number_remove
DELETE FROM numbers WHERE project_id = :project_id AND number_id = :number_id RETURNING number
