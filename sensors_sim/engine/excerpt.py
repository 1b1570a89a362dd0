"""A part of a plan: what of the whole city's concerns some of its zones."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy.spatial import cKDTree

from sensors_sim.city import bays_in, metres, places
from sensors_sim.engine.demand import MILLION
from sensors_sim.engine.households import Shares
from sensors_sim.engine.rows import What
from sensors_sim.faults import FaultKind

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sensors_sim.engine.plan import Page, Plan
    from sensors_sim.engine.rows import Bools, Ints, Rows


class Excerpt:
    """The pages of a plan with what concerns the city's bays in some zones, which are numbered as those of `city`.

    A wish concerns the zone of the bay that is nearest to its destination. All else is as in the whole plan.
    """

    def __init__(self, plan: Plan, zones: frozenset[str]) -> None:
        city = plan.city
        self.city = bays_in(city, zones)
        self._plan = plan
        self._inside = np.array([bay.zone in zones for bay in city.bays.values()], bool)
        self._bay = _renumbered(self._inside)
        self._gateway = _renumbered(np.array([gateway in self.city.gateways for gateway in city.gateways], bool))
        self._of_gateways = np.array(
            [failing.fault.kind is FaultKind.GATEWAY_DOWN for failing in plan.faults.faults] + [False], bool
        )
        """By the number of a fault; the last is of BATTERY_EMPTY, which is -1."""
        lat, lon = places(city)
        self._lat = float(lat.mean())
        self._near = cKDTree(metres(lat, lon, self._lat))

    @property
    def at_home(self) -> Bools:
        """Whose car stands in the bay at the start."""
        stands: Bools = self._plan.at_home[self._inside]
        return stands

    @property
    def battery_pct(self) -> list[float]:
        """The charge of each bay's sensor at the start."""
        charge: list[float] = self._plan.faults.battery_pct[self._inside].tolist()
        return charge

    @property
    def shares(self) -> Shares | None:
        """What each bay's resident offers for good; None where there are no residents."""
        whole = self._plan.shares
        if whole is None:
            return None
        own = np.flatnonzero(self._inside).tolist()
        return Shares(tuple(whole.weekly[number] for number in own), whole.auto[self._inside])

    def pages(self) -> Iterator[Page]:
        """Yield hour after hour, without end."""
        for page in self._plan.pages():
            yield page._replace(rows=self._of(page))

    def _of(self, page: Page) -> Rows:
        rows = page.rows
        fails = np.isin(rows.what, (What.FAULT, What.REPAIR))
        gateway = fails.copy()
        gateway[fails] = self._of_gateways[rows.value[fails]]
        asks = rows.what == What.REQUEST
        number = np.where(asks, -1, rows.bay)
        number[gateway] = self._gateway[rows.bay[gateway]]
        number[~(gateway | asks)] = self._bay[rows.bay[~(gateway | asks)]]
        concerns = number >= 0
        concerns[asks] = self._asks_here(page, rows.value[asks])
        return rows._replace(bay=number).only(concerns)

    def _asks_here(self, page: Page, which: Ints) -> Bools:
        if not which.size:
            return np.zeros(0, bool)
        lat, lon = (column[which] / MILLION for column in (page.wishes.lat, page.wishes.lon))
        here: Bools = self._inside[self._near.query(metres(lat, lon, self._lat))[1]]
        return here


def _renumbered(inside: Bools) -> Ints:
    """Return each one's number among those inside; -1 for the others."""
    return np.where(inside, np.cumsum(inside) - 1, -1)
