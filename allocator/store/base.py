"""The store's Protocol: one writer commits whole batches; what it loads is what was committed."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from broker_bridge.wire.errors import BaybrokerError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from allocator.domain.events import Recorded
    from allocator.domain.model import Bay, Offer, Reservation, StateImage


class StoreError(BaybrokerError):
    """The database cannot be used. Nothing was acknowledged that is not in it."""


class LeaseHeldError(StoreError):
    """Another allocator works on this database: stop it first, or name another --database."""


class ConstraintError(StoreError):
    """The database refused a batch: a row would have broken a constraint. Nothing of the batch was kept."""


@dataclass(frozen=True, slots=True)
class OutboxRow:
    """A message to publish, in the order of `outbox_id`. It stays until the broker has acknowledged it."""

    outbox_id: int
    topic: str
    payload: bytes
    retain: bool


@dataclass(frozen=True, slots=True)
class Answer:
    """What was answered to a party's request, kept so that a repeated request gets the same answer.

    `party` is its topic's first two levels below the city: `drivers/drv-1`.
    """

    party: str
    request_id: str
    topic: str
    payload: bytes


@dataclass(frozen=True, slots=True)
class HeardRow:
    """When a bay's sensor was last heard and with which numbers (`seen`: bit n set when `seq - n` came).

    No event: written with the bay's own changes, and once a minute for those that were only heard.
    """

    bay: str
    boot_id: int
    seq: int
    last_heard_at: int
    heartbeat_ms: int
    seen: int = 1


@dataclass(frozen=True, slots=True)
class LedgerEntry:
    """One side of a booking in the ledger; all the entries of one `position` sum to zero."""

    position: int
    account: str
    amount: int
    unit: str = "won"


@dataclass(frozen=True, slots=True)
class Quarantined:
    """A command that the database would not take, kept for the operator."""

    at: int
    topic: str
    payload: bytes
    error: str


@dataclass(slots=True, kw_only=True)
class Commit:
    """One transaction: the events of a batch, the rows they touched as they are now, answers and outbox.

    `moved` are the reservations that change their bay: all their rows' bays are set to NULL before any row is
    written, so that a swap does not trip the overlap trigger half way.
    """

    events: list[Recorded] = field(default_factory=list)
    bays: list[Bay] = field(default_factory=list)
    offers: list[Offer] = field(default_factory=list)
    reservations: list[Reservation] = field(default_factory=list)
    moved: list[str] = field(default_factory=list)
    answers: list[Answer] = field(default_factory=list)
    outbox: list[OutboxRow] = field(default_factory=list)
    outbox_done: list[int] = field(default_factory=list)
    heard: list[HeardRow] = field(default_factory=list)
    ledger: list[LedgerEntry] = field(default_factory=list)
    meta: dict[str, str] = field(default_factory=dict)
    quarantined: list[Quarantined] = field(default_factory=list)
    snapshot: StateImage | None = None

    @property
    def empty(self) -> bool:
        """Whether there is nothing to write."""
        return not any(getattr(self, name) for name in self.__slots__)


@dataclass(slots=True, kw_only=True)
class Loaded:
    """What a restart begins with: the newest snapshot, the events since, and the tables to compare the fold with."""

    snapshot: StateImage | None
    events: list[Recorded]
    tables: StateImage
    heard: list[HeardRow]
    outbox: list[OutboxRow]
    meta: dict[str, str]


class Store(Protocol):
    """A database with one writer. Used by one task; everything but `open` needs the lease."""

    async def open(self, holder: str) -> None:
        """Open or create it, migrate it, check it, and take the lease; raises StoreError, LeaseHeldError."""
        ...

    async def load(self) -> Loaded:
        """Read what a restart needs."""
        ...

    async def answers(self, keys: Sequence[tuple[str, str]]) -> dict[tuple[str, str], Answer]:
        """Return the answers already given to these (party, request_id)."""
        ...

    async def commit(self, commit: Commit) -> None:
        """Write it in one durable transaction, or nothing of it; raises ConstraintError, StoreError."""
        ...

    async def close(self) -> None:
        """Give the lease back and close."""
        ...
