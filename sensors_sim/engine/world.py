"""A whole world in virtual time: advance it, take what it says, and tell it what was answered."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from broker_bridge.wire.messages import DriverReply, ResidentNotice
from sensors_sim.engine.chance import streams
from sensors_sim.engine.drivers import DriverPool
from sensors_sim.engine.excerpt import Excerpt
from sensors_sim.engine.plan import Plan
from sensors_sim.engine.reader import Reader
from sensors_sim.engine.recorded import RecordedCars, Stay
from sensors_sim.engine.residents import Neighbourhood, Offering
from sensors_sim.engine.rows import What
from sensors_sim.engine.sensors import SensorField
from sensors_sim.engine.stage import WHOLE, Outgoing, Portion, Stage
from sensors_sim.engine.troubles import Troubles

if TYPE_CHECKING:
    from collections import Counter

    from broker_bridge.wire.topics import Topic
    from sensors_sim.city import City
    from sensors_sim.engine.demand import Asked
    from sensors_sim.engine.reader import Act
    from sensors_sim.engine.truth import Truth
    from sensors_sim.scenario import Scenario

__all__ = ["Outgoing", "Recording", "Stay", "World"]


class Recording(NamedTuple):
    """Real stays that take the place of simulated residents and squatters, up to `until_ms` (not included)."""

    stays: tuple[Stay, ...]
    until_ms: int


class World:
    """The same city, scenario, seed, start and replies give the same messages, byte for byte.

    With a recording, the recorded cars are the only physical ones: drivers book, arrive and leave by message alone, and
    the sensors report exactly the recording. In a quiet world, made for virtual time, sensors say their birth and every
    change, but no heartbeat that says nothing new; they announce the longest heartbeat, so that nobody misses it.
    What is `asked` takes the place of what the scenario's drivers would want. A portion of a city is a world of its
    own, with its part of what is planned for the whole, and of the drivers.
    """

    def __init__(
        self,
        city: City,
        scenario: Scenario,
        seed: int,
        *,
        start_ms: int | None = None,
        recording: Recording | None = None,
        quiet: bool = False,
        asked: Asked | None = None,
        portion: Portion = WHOLE,
    ) -> None:
        start_ms = scenario.start_ms if start_ms is None else start_ms
        draws = streams(seed, start_ms)
        whole = Plan(city, scenario, draws, start_ms, people=recording is None, heartbeats=not quiet, asked=asked)
        plan = whole if portion.zones is None else Excerpt(whole, portion.zones)
        self.city, self.start_ms, self.now_ms = plan.city, start_ms, start_ms
        stage = self._stage = Stage(plan.city, scenario, start_ms, portion)
        self._sensors = SensorField(stage, plan.battery_pct, draws.answers, quiet=quiet)
        self._offering = Offering(stage)
        self._drivers = DriverPool(stage, physical=recording is None)
        troubles = Troubles(stage, self._sensors, whole.faults)
        acts: dict[What, Act] = {
            What.REPORT: self._sensors.report,
            What.HEARTBEAT: self._sensors.beat,
            What.REQUEST: self._want,
            What.FAULT: troubles.befall,
            What.REPAIR: troubles.repair,
        }
        if plan.shares is not None:
            neighbours = Neighbourhood(stage, plan.shares, plan.at_home, self._offering)
            acts |= {
                What.RESIDENT_LEAVES: neighbours.leaves,
                What.RESIDENT_RETURNS: neighbours.returns,
                What.RESIDENT_IS_BLOCKED: neighbours.is_blocked,
                What.SQUATTER_COMES: self._squat,
                What.SQUATTER_LEAVES: self._unsquat,
                What.OFFER: neighbours.offers,
                What.RECALL: neighbours.recalls,
            }
        if recording is not None:
            RecordedCars(stage, recording.stays, recording.until_ms)
            stage.agenda.add(start_ms, self._offer_everything)
        self._bays = list(plan.city.bays)
        self._reader = Reader(plan, stage.agenda, acts)
        self.occupied_at_start = len(stage.truth.standing)

    @property
    def truth(self) -> Truth:
        """Who physically stands where, beside what the sensors said."""
        return self._stage.truth

    @property
    def counts(self) -> Counter[str]:
        """How often things happened: requests, each type of reply, arrivals and departures that sensors noticed."""
        return self._stage.counts

    @property
    def gateways_down(self) -> frozenset[str]:
        """The gateways that are down by a fault: their sensors are not heard."""
        return frozenset(self._sensors.gateways_down)

    def event_hash(self) -> str:
        """Return the SHA-256 of all that was planned, to the end of the hour that it is: the same for all answers."""
        return self._reader.hash.hexdigest()

    def next_at(self) -> int:
        """Return when something may happen next, not later than it does, if nobody answers before."""
        due_ms = self._stage.agenda.next_at()
        return self._reader.next_at() if due_ms is None else min(due_ms, self._reader.next_at())

    def advance(self, until_ms: int) -> list[Outgoing]:
        """Let everything happen up to and including `until_ms`; return what was said, in the order of time."""
        self._reader.run(until_ms)
        self.now_ms = max(self.now_ms, until_ms)
        return self._stage.take_said()

    def receive(self, now_ms: int, _topic: Topic, message: object) -> None:
        """Take a reply to a driver or a notice to a resident."""
        if isinstance(message, DriverReply):
            self._drivers.heard(message, now_ms)
        elif isinstance(message, ResidentNotice):
            self._offering.heard(message)

    def announce(self, gateway: str) -> list[Outgoing]:
        """Return what a gateway's sensors say when the broker may have forgotten it; nothing while it is down."""
        self._sensors.announce(gateway, self.now_ms)
        return self._stage.take_said()

    def _want(self, now_ms: int, _bay: int, which: int) -> None:
        self._drivers.want(now_ms, self._reader.wishes.wish(which))

    def _squat(self, now_ms: int, number: int, which: int) -> None:
        """A squatter parks, unless a guest was quicker."""
        if self.truth.park(self._bays[number], "squatter", f"squatter-{which}", now_ms, planned=True):
            self.counts["squatted"] += 1

    def _unsquat(self, now_ms: int, number: int, which: int) -> None:
        self.truth.leave(self._bays[number], f"squatter-{which}", now_ms, planned=True)

    def _offer_everything(self, now_ms: int) -> None:
        """Every recorded bay is offered in the scenario's first window."""
        for bay in self.city.bays.values():
            self._offering.weekly(now_ms, bay, self._stage.scenario.offers.windows[0])
