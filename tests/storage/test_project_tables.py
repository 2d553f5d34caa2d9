"""Nothing of a deleted project is left in any table."""

import re

from heliograph.storage import migrate, queries

KEPT = {
    "projects": "forgotten when its messages are",
    "numbers": "a project with numbers is not deleted",
    "claims": "forgotten after idempotency_hours",
    "pieces": "forgotten after reassembly_seconds",
}
"""Tables of projects that no deletion has to name, and why."""


def test_every_table_of_projects_is_emptied_when_one_is_deleted() -> None:
    statements = [each for migration in migrate.migrations() for each in migration.statements]
    made = [re.match(r"CREATE TABLE (\w+) \((.*)\)", each, re.DOTALL) for each in statements]
    of_projects = {each[1] for each in made if each and re.search(r"\bproject_id\b", each[2])}
    emptied = {
        table
        for name, text in queries.blocks().items()
        if name.startswith(("project_delete_", "purge_"))
        for table in re.findall(r"DELETE FROM (\w+)", text)
    }
    assert {"tokens", "messages"} <= of_projects
    left = of_projects - emptied - set(KEPT)
    assert not left, f"write a block project_delete_... for {', '.join(sorted(left))} in storage/sql"
