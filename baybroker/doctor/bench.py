"""Where broker checks are done: topics and client ids of their own, and everything taken away afterwards."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Any, Self

from baybroker.doctor.probe import Probe
from broker_bridge.transport.base import TransportError
from broker_bridge.wire.topics import PREFIX

if TYPE_CHECKING:
    from broker_bridge.transport.base import BrokerAddress


class Bench:
    """A broker under examination. As a context manager it clears what it retained and ends its sessions."""

    def __init__(self, address: BrokerAddress, *, topic_root: str | None = None, city: str | None = None) -> None:
        self.address = address
        self.name = f"doctor-{secrets.token_hex(4)}"
        self.root = (topic_root or f"{PREFIX}/{self.name}").rstrip("/")
        self.city = city or "+"
        self.untidy: str | None = None
        """Why something may have been left behind, once the bench is closed."""
        self._retained: set[str] = set()
        self._sessions: set[str] = set()
        self._probes = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._tidy()

    def topic(self, name: str) -> str:
        """Return a topic of ours."""
        return f"{self.root}/{name}"

    def retained(self, name: str) -> str:
        """Return a topic of ours that will hold a retained message; it is cleared at the end."""
        topic = self.topic(name)
        self._retained.add(topic)
        return topic

    def probe(self, **how: Any) -> Probe:
        """Return a client that is not connected yet."""
        self._probes += 1
        return Probe(self.address, f"{self.name}-{self._probes}", **how)

    def session(self, name: str, **how: Any) -> Probe:
        """Return a client with a persistent session, which ends with the bench."""
        client_id = f"{self.name}-{name}"
        self._sessions.add(client_id)
        return Probe(self.address, client_id, clean=False, **how)

    def _tidy(self) -> None:
        """A clean session of the same client id ends a persistent one; an empty message clears a retained one."""
        try:
            for client_id in sorted(self._sessions):
                with Probe(self.address, client_id):
                    pass
            if self._retained:
                with self.probe() as cleaner:
                    for topic in sorted(self._retained):
                        cleaner.publish(topic, b"", retain=True)
        except TransportError as error:
            self.untidy = str(error)
