"""The OpenAPI document holds: requests made from it are answered as it says, by status, type, headers and body."""

import asyncio

import schemathesis
import small_world
from hypothesis import HealthCheck, settings

_WORLD = asyncio.run(small_world.make())
_SCHEMA = schemathesis.openapi.from_asgi("/openapi.json", _WORLD.app)


@_SCHEMA.exclude(operation_id="delete_token").parametrize()
@settings(max_examples=25, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck))
def test_every_answer_is_the_documented_one(case: schemathesis.Case) -> None:
    case.call_and_validate(auth=(small_world.PROJECT, _WORLD.secrets[small_world.PROJECT]))
