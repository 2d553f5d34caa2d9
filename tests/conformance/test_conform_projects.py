"""REST: Projects."""

import uuid

import claims
import pytest
from claims import ISO_8601, TEXT, UUID, Like

from caller import PROJECTS, Caller


def test_a_project(api: Caller) -> None:
    shown = claims.answered("rest.get_project", api.ask("GET", f"{PROJECTS}/{api.project_id}"))
    claims.fields(
        "rest.Project",
        shown,
        {
            "id": api.project_id,
            "name": api.get(api.account)["friendly_name"],
            "parent_project_id": None,
            "subproject": False,
            "region_preference": TEXT,
            "protect_recordings": False,
            "protect_message_media": False,
            "protect_fax_media": False,
            "force_https_requests": False,
            "created_at": ISO_8601,
            "updated_at": ISO_8601,
        },
    )


def test_a_project_below(api: Caller) -> None:
    name = f"below-{uuid.uuid4()}"
    sent = {
        "name": name,
        "protect_recordings": True,
        "protect_message_media": True,
        "protect_fax_media": True,
        "force_https_requests": True,
    }
    made = claims.answered("rest.create_subproject", api.ask("POST", PROJECTS, body=sent))
    claims.fields(
        "rest.ProjectWithSigningKey",
        made,
        {
            "id": UUID,
            "name": name,
            "parent_project_id": api.project_id,
            "subproject": True,
            "region_preference": TEXT,
            "protect_recordings": True,
            "protect_message_media": True,
            "protect_fax_media": True,
            "force_https_requests": True,
            "created_at": ISO_8601,
            "updated_at": ISO_8601,
            "signing_key": Like("PSK.+"),
        },
    )
    claims.effects(
        "rest.create_subproject",
        {
            "name": (made["name"], name),
            "protect_recordings": (made["protect_recordings"], True),
            "protect_message_media": (made["protect_message_media"], True),
            "protect_fax_media": (made["protect_fax_media"], True),
            "force_https_requests": (made["force_https_requests"], True),
        },
    )
    page = claims.answered("rest.list_projects", api.ask("GET", f"{PROJECTS}?name={name}"))
    assert [each["id"] for each in page["data"]] == [made["id"]]
    claims.effects("rest.list_projects", {"name": ([each["name"] for each in page["data"]], [name])})
    claims.fields("rest.ProjectList", page, {"data": [api.get(f"{PROJECTS}/{made['id']}")]})


def test_a_project_is_changed_its_key_rotated_and_it_is_deleted(api: Caller) -> None:
    made = api.ask("POST", PROJECTS, body={"name": f"below-{uuid.uuid4()}"}).json()
    where = f"{PROJECTS}/{made['id']}"
    sent = {
        "name": "renamed",
        "protect_recordings": True,
        "protect_message_media": True,
        "protect_fax_media": True,
        "force_https_requests": True,
    }
    changed = claims.answered("rest.update_project", api.ask("PATCH", where, body=sent))
    claims.effects(
        "rest.update_project",
        {
            "name": (changed["name"], "renamed"),
            "protect_recordings": ((made["protect_recordings"], changed["protect_recordings"]), (False, True)),
            "protect_message_media": ((made["protect_message_media"], changed["protect_message_media"]), (False, True)),
            "protect_fax_media": ((made["protect_fax_media"], changed["protect_fax_media"]), (False, True)),
            "force_https_requests": ((made["force_https_requests"], changed["force_https_requests"]), (False, True)),
        },
    )
    rotated = claims.answered("rest.rotate_signing_key", api.ask("POST", f"{where}/signing-key/rotate"))
    assert rotated["signing_key"] != made["signing_key"]
    claims.answered("rest.delete_subproject", api.ask("DELETE", where))
    claims.refused("rest.get_project", api.ask("GET", where), 404)


@pytest.mark.parametrize(
    "switch", ["protect_recordings", "protect_message_media", "protect_fax_media", "force_https_requests"]
)
def test_each_switch_is_its_own(api: Caller, switch: str) -> None:
    made = api.ask("POST", PROJECTS, body={"name": f"below-{uuid.uuid4()}", switch: True}).json()
    assert [name for name, value in made.items() if value is True] == ["subproject", switch]
    changed = api.ask("PATCH", f"{PROJECTS}/{made['id']}", body={switch: False}).json()
    assert [name for name, value in changed.items() if value is True] == ["subproject"]
