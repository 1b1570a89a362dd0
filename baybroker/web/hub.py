"""The live stream: one reader of the database and the mirror, and frames for any number of clients.

A frame's id is the position up to which the client has then seen all events. Only `events` frames and the snapshot
have one, so whoever resumes by it misses no event and sees none twice. States are told anew after a gap.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from typing import TYPE_CHECKING, Any, NamedTuple

from allocator.domain.events import Recorded
from allocator.service.announce import zone_event
from allocator.store.base import StoreError
from allocator.store.event_codec import decode_event
from baybroker.web import sse
from baybroker.web.views import clock_view, shown, zones_view

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from baybroker.web.database import Database, Row
    from baybroker.web.mirror import Mirror

FRAME_EVERY_S = 0.1
POSITIONS_AT_ONCE = 2_000
REPLAYED_AT_ONCE = 50
"""Events a frame: a client on a line that is cut again and again must get a frame whole some time."""
FRAMES_WAITING_MAX = 100
CLIENTS_MAX = 2_000
QUIET_S = 15.0
log = logging.getLogger("baybroker.web")
_OF_REGISTER = frozenset({"bay_registered", "bay_retired"})


class Published(NamedTuple):
    """A published event as it is sent."""

    position: int
    zone: str
    body: bytes
    changes_register: bool


class Audience(NamedTuple):
    """Who sees the same: of one zone or of all, and with the reservations or without."""

    zone: str | None
    sees_reservations: bool

    def sees(self, zone: str) -> bool:
        """Tell whether something of a zone is for them."""
        return self.zone in (None, zone)


class Client:
    """Frames wait here for one client; one that is too slow is let go, and resumes by its id."""

    def __init__(self, audience: Audience, party: str | None) -> None:
        self.audience, self.party = audience, party
        self.gone = False
        self._frames: deque[bytes] = deque()
        self._news = asyncio.Event()

    def put(self, frame: bytes) -> None:
        """Queue a frame; too many let the client go."""
        if len(self._frames) >= FRAMES_WAITING_MAX:
            self.leave()
        if not self.gone:
            self._frames.append(frame)
            self._news.set()

    def leave(self) -> None:
        """Send nothing more."""
        self.gone = True
        self._frames.clear()
        self._news.set()

    async def take(self) -> bytes:
        """Return what waits, or a sign of life after a quiet time, or nothing where the client has to go."""
        if not self._frames and not self.gone:
            self._news.clear()
            try:
                async with asyncio.timeout(QUIET_S):
                    await self._news.wait()
            except TimeoutError:
                return sse.KEEPALIVE_COMMENT
        waiting = b"".join(self._frames)
        self._frames.clear()
        return waiting


class Hub:
    """Looks for news ten times a second; `tail` is the position up to which every client has been told."""

    def __init__(self, city: str, database: Database, mirror: Mirror) -> None:
        self.tail: int | None = None
        self.let_go = 0
        self.begun = asyncio.Event()
        """Set once the database has been read."""
        self._city, self._database, self._mirror = city, database, mirror
        self._clients: set[Client] = set()
        self._looking = asyncio.Lock()
        self._clock: dict[str, Any] | None = None
        self._closed = False

    @property
    def clients(self) -> int:
        """How many listen."""
        return len(self._clients)

    @property
    def full(self) -> bool:
        """Whether no more may come."""
        return self._closed or len(self._clients) >= CLIENTS_MAX

    async def run(self) -> None:
        """Send news until cancelled; a database that cannot be read is waited for."""
        trouble = ""
        while True:
            try:
                await self.look()
                trouble = ""
            except StoreError as error:
                if str(error) != trouble:
                    trouble = str(error)
                    log.warning("the stream waits: %s", error)
            await asyncio.sleep(FRAME_EVERY_S)

    def close(self) -> None:
        """Let every client go."""
        self._closed = True
        self._let_all_go()

    def tell(self, party: str, payload: bytes) -> None:
        """Pass on what a party is told, to the party alone."""
        for client in self._clients:
            if client.party == party:
                client.put(sse.frame("mine", payload))

    async def look(self) -> None:
        """Read what is new and queue it; raises StoreError."""
        async with self._looking:
            await self._look_at_events()
            changed = self._mirror.take_changed()
            if changed:
                self._send(lambda audience: self._bays_frame(changed, audience))
            clock = clock_view(self._mirror)
            if clock != self._clock:
                self._clock = clock
                self._send(lambda _audience: sse.frame("clock", clock))

    async def stream(
        self, after: int | None, audience: Audience, party: str | None, allowed: Callable[[], bool]
    ) -> AsyncIterator[bytes]:
        """Yield what was published since `after`, the state of things, and what is new.

        It ends when the client is too slow, or not allowed to listen any more.
        """
        if self.tail is None or (after is not None and after > self.tail):
            await self.look()  # another server may have been quicker than this one
        if after is None or after > self._told:
            after = self._told  # a newcomer, or one who comes from another database
        while after < self._told:
            until = min(after + POSITIONS_AT_ONCE, self._told)
            missed = [event for event in await self._between(after, until) if audience.sees(event.zone)]
            after = until
            for at in range(0, len(missed), REPLAYED_AT_ONCE):
                yield _events_frame(missed[at : at + REPLAYED_AT_ONCE], audience)
        # No await between the last look at the tail and joining: from here on everything comes by the queue.
        client = Client(audience, party)
        client.put(self._snapshot(audience))
        self._clients.add(client)
        try:
            while (waiting := await client.take()) and allowed():
                yield waiting
        finally:
            self._clients.discard(client)
            self.let_go += client.gone

    @property
    def _told(self) -> int:
        return self.tail or 0

    async def _look_at_events(self) -> None:
        last = await self._last()
        if self.tail is None or last < self.tail:  # the first look, or an older database has taken this one's place
            self._mirror.enrol(await self._database.rows("select_register"))
            self.tail = last
            self._let_all_go()
            self.begun.set()
        while self.tail < last:
            until = min(self.tail + POSITIONS_AT_ONCE, last)
            events = await self._between(self.tail, until)
            if any(event.changes_register for event in events):
                self._mirror.enrol(await self._database.rows("select_register"))
            self.tail = until
            self._send(lambda audience, events=events: _events_frame(events, audience))  # type: ignore[misc]

    async def _last(self) -> int:
        row = await self._database.row("select_last")
        return int(row["position"]) if row else 0

    async def _between(self, after: int, until: int) -> list[Published]:
        return [self._published(row) for row in await self._database.rows("select_published", after, until)]

    def _published(self, row: Row) -> Published:
        event = decode_event(row["type"], row["payload"])
        recorded = Recorded(row["position"], row["at"], row["zone"], row["event_no"], event)
        body = zone_event(self._city, recorded).payload
        return Published(row["position"], row["zone"], body, row["type"] in _OF_REGISTER)

    def _send(self, make: Callable[[Audience], bytes]) -> None:
        """Queue for every client what its audience is to see; nothing where that is nothing."""
        made: dict[Audience, bytes] = {}
        for client in self._clients:
            if client.audience not in made:
                made[client.audience] = make(client.audience)
            if made[client.audience]:
                client.put(made[client.audience])

    def _let_all_go(self) -> None:
        for client in self._clients:
            client.leave()

    def _snapshot(self, audience: Audience) -> bytes:
        mirror = self._mirror
        bays = {bay: mirror.state(bay).status for bay, row in mirror.register.items() if audience.sees(row["zone"])}
        zones = [zone for zone in zones_view(mirror) if audience.sees(zone["zone"])]
        state = {"position": self._told, "bays": bays, "zones": zones, "clock": clock_view(mirror)}
        return sse.frame("snapshot", state, self._told)

    def _bays_frame(self, changed: list[str], audience: Audience) -> bytes:
        rows = [self._mirror.register[bay] for bay in changed if bay in self._mirror.register]
        changes = [
            shown(row["bay"], self._mirror.state(row["bay"]), sees_reservations=audience.sees_reservations)
            for row in rows
            if audience.sees(row["zone"])
        ]
        return sse.frame("bays", {"position": self._told, "changes": changes}) if changes else b""


def _events_frame(events: list[Published], audience: Audience) -> bytes:
    """Return the events of the audience's zone as one frame, with the last one's position; nothing where none is."""
    seen = [event for event in events if audience.sees(event.zone)]
    return sse.frame("events", sse.joined([event.body for event in seen]), seen[-1].position) if seen else b""
