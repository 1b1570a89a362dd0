"""schemathesis against the API's own OpenAPI document, as an operator, a driver and a resident, on a real server."""

from __future__ import annotations

import asyncio
import itertools
import threading
from contextlib import contextmanager

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)
from web_world import BAYS, town

from broker_bridge.transport.memory import MemoryBroker, MemoryTransport

CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]
EXAMPLES = 12
OPERATIONS = 20
ENDLESS = "/api/v1/stream"
WAIT_S = 60
KNOWN = {"bay": "b0", "zone": "z1", "reservation_id": "r-1", "request_id": "first"}


class Server:
    """A town in a thread of its own, for tests that are not asynchronous."""

    def __init__(self, path):
        self._path = path
        self.ready, self._loop = threading.Event(), asyncio.new_event_loop()

    def run(self):
        self._loop.run_until_complete(self._serve())

    async def _serve(self):
        broker = MemoryBroker()
        self._stop = asyncio.Event()
        async with town(self._path, lambda o, c: MemoryTransport(broker, o, on_connect=c)) as here:
            await here.prepare(*BAYS)
            await here.book("driver", key="first")
            self.url, self.tokens = here.web.url, here.tokens
            self.ready.set()
            await self._stop.wait()

    def stop(self):
        self._loop.call_soon_threadsafe(self._stop.set)


@contextmanager
def served(path):
    server = Server(path)
    thread = threading.Thread(target=server.run, name="town")
    thread.start()
    try:
        assert server.ready.wait(WAIT_S)
        yield server
    finally:
        server.stop()
        thread.join(WAIT_S)
        server._loop.close()


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with served(tmp_path_factory.mktemp("schemathesis") / "web.db") as found:
        yield found


@pytest.mark.timeout(300)
@pytest.mark.parametrize("who", ["operator", "driver", "resident", "nobody"])
def test_keeps_its_own_contract(server, who):
    headers = {"Authorization": f"Bearer {server.tokens[who]}"} if who != "nobody" else {}
    schema = schemathesis.openapi.from_url(f"{server.url}/api/v1/openapi.json").exclude(path=ENDLESS)
    operations = [found.ok() for found in schema.get_all_operations()]
    assert len(operations) >= OPERATIONS

    assert {operation.label for operation in operations} == {ask(operation, headers) for operation in operations}


def ask(operation, headers):
    """Send an operation whatever its schema allows; every second time about something that is there."""
    turn = itertools.count()

    @given(case=operation.as_strategy())
    @settings(
        max_examples=EXAMPLES, deadline=None, derandomize=True, database=None, suppress_health_check=[*HealthCheck]
    )
    def asked(case):
        if next(turn) % 2:
            case.path_parameters.update({name: it for name, it in KNOWN.items() if name in case.path_parameters})
            if isinstance(case.body, dict) and "bay" in case.body:
                case.body["bay"] = KNOWN["bay"]
        case.validate_response(case.call(headers=headers), checks=CHECKS)

    asked()
    return operation.label
