"""Households: when residents' cars are away, and what they offer of their bays. Whole days at once."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from dateutil.rrule import rrulestr

from sensors_sim.engine.calendar import DAY_MIN, HOUR_MIN
from sensors_sim.engine.chance import weighted
from sensors_sim.engine.presence import Presence, draw_residents
from sensors_sim.engine.rows import Rows, What, joined, rows
from sensors_sim.engine.spans import Spans, covering, merged, no_spans
from sensors_sim.local_time import DAY_MS, HOUR_MS, MINUTE_MS, wall_hour

if TYPE_CHECKING:
    from datetime import date

    from numpy.random import Generator

    from sensors_sim.city import Bay, City
    from sensors_sim.engine.calendar import Calendar
    from sensors_sim.engine.rows import Bools
    from sensors_sim.parts import Window
    from sensors_sim.scenario import Scenario

AWAY_LEAST_MS = 30 * MINUTE_MS
EARLY_MOST_MS = 6 * HOUR_MS
"""Who would have been away for so long beyond the window is on a journey."""
SAYS_SO_MS = 30 * MINUTE_MS
"""A resident who comes home early recalls the bay at most so long before."""
ONCE_LEAST_MS = HOUR_MS
ONCE_MARGIN_MS = 30 * MINUTE_MS
ONCE_MOST_MS = 7 * DAY_MS
"""An absence is offered for no longer than anybody can book."""


class Shares(NamedTuple):
    """What each bay's resident offers for good: `weekly` windows, or to open by itself, or neither."""

    weekly: tuple[tuple[Window, ...], ...]
    auto: Bools


def draw_shares(scenario: Scenario, city: City, rng: Generator) -> Shares:
    """Return what the residents share; where a bay's windows were published, these."""
    setting, count = scenario.offers, len(city.bays)
    shares, chosen = rng.random((2, count)), weighted(rng, [one.weight for one in setting.windows], count)
    drawn = (shares[0] < setting.weekly_share).tolist()

    def windows(bay: Bay, number: int) -> tuple[Window, ...]:
        return bay.windows or ((setting.windows[chosen[number]],) if drawn[number] else ())

    weekly = tuple(windows(bay, number) for number, bay in enumerate(city.bays.values()))
    lasting = np.array([bool(own) for own in weekly], bool)
    return Shares(weekly, ~lasting & (shares[1] < setting.auto_share))


class Households:
    """The absences of all residents, drawn day by day.

    Whoever offers weekly keeps out of the window, and some minutes around it; on some days he is early, and recalls.
    """

    def __init__(self, scenario: Scenario, city: City, calendar: Calendar, start_ms: int, rng: Generator) -> None:
        self._scenario, self._calendar, self._start_ms, self._rng = scenario, calendar, start_ms, rng
        self.shares = draw_shares(scenario, city, rng)
        self._members: dict[Window, list[int]] = {}
        for bay, windows in enumerate(self.shares.weekly):
            for window in windows:
                self._members.setdefault(window, []).append(bay)
        self._lasting = np.array([bool(own) for own in self.shares.weekly], bool) | self.shares.auto
        residents = draw_residents(scenario.presence, len(city.bays), rng)
        self._presence = Presence(residents, calendar.date(0).weekday(), rng)
        # the process settles in before the first midnight; who is away then is so from before it
        self._open = self._drawn(0)

    def day(self, day: int) -> tuple[Spans, Rows]:
        """Return the absences that touch a day, and what residents offer and recall because of those that begin."""
        hours = self._calendar.hours(day)
        keeping = [self._kept_out(day - 1, hours[0])] if day == 0 else []
        keeping.append(self._kept_out(day, hours[0]))
        away = merged([self._open, self._drawn(day + 1), *(kept for kept, _ in keeping)])
        recalls = []
        for kept in keeping:
            away, recalled = self._come_early(away, *kept)
            recalls.append(recalled)
        return away, joined([*recalls, self._offer_once(away, max(int(hours[0]), self._start_ms), int(hours[-1]))])

    def carry(self, away: Spans, end_ms: int) -> None:
        """Take back the day's absences, as squatters have left them: those that last go on."""
        self._open = away.only(away.until_ms >= end_ms)

    def _drawn(self, days: int) -> Spans:
        drawn = self._presence.until(days)
        within = self._rng.integers(MINUTE_MS, size=(2, len(drawn.resident)))
        from_ms, until_ms = (
            self._calendar.instants(minutes.astype(np.int64)) + seconds
            for minutes, seconds in zip((drawn.leave_min, drawn.return_min), within, strict=True)
        )
        spans = Spans(drawn.resident.astype(np.int64), from_ms, until_ms)
        return spans.only(until_ms > from_ms)

    def _kept_out(self, day: int, midnight_ms: int) -> tuple[Spans, Bools]:
        """Return how the windows that begin on a day are kept free, from its midnight on; and who comes early."""
        parts, today = [no_spans()], self._calendar.date(day)
        for window, members in self._members.items():
            if not _begins(window, today):
                continue
            start, end = (round(wall_hour(text) * HOUR_MIN) for text in (window.start, window.end))
            end += DAY_MIN if end <= start else 0
            at = self._calendar.instants(day * DAY_MIN + np.array([start, end]))
            parts.append(Spans(np.array(members), np.full(len(members), at[0]), np.full(len(members), at[1])))
        windows = Spans(*(np.concatenate(columns) for columns in zip(*parts, strict=True)))
        count = len(windows.who)
        margins_ms = (self._rng.random((2, count)) + 0.5) * self._scenario.offers.margin_min * MINUTE_MS
        early = self._rng.random(count) < self._scenario.residents.early_return_share
        before, after = np.rint(margins_ms).astype(np.int64)
        kept = Spans(windows.who, np.maximum(windows.from_ms - before, midnight_ms), windows.until_ms + after)
        whole = kept.until_ms > kept.from_ms
        return kept.only(whole), early[whole]

    def _come_early(self, away: Spans, kept: Spans, early: Bools) -> tuple[Spans, Rows]:
        """Return the absences with the residents who come home early, and the recalls.

        Whoever would have been away for much longer goes on with the journey after the window.
        """
        drawn = self._rng.random((2, len(early)))[:, early]
        kept = kept.only(early)
        which = covering(away, kept.who, kept.from_ms)
        back_ms = kept.from_ms + AWAY_LEAST_MS
        back_ms += np.rint(drawn[0] * np.maximum(kept.until_ms - back_ms, 0)).astype(np.int64)
        whole = back_ms < kept.until_ms
        which, back_ms, again_ms = which[whole], back_ms[whole], kept.until_ms[whole]
        says_at = np.maximum(back_ms - np.rint(drawn[1][whole] * SAYS_SO_MS).astype(np.int64), away.from_ms[which] + 1)
        went_on = away.until_ms[which] > again_ms + EARLY_MOST_MS
        journeys = Spans(away.who[which], again_ms, away.until_ms[which]).only(went_on)
        until_ms = away.until_ms.copy()
        np.minimum.at(until_ms, which, back_ms)
        home = merged([away._replace(until_ms=until_ms), journeys])
        return home, rows(What.RECALL, says_at, away.who[which], back_ms)

    def _offer_once(self, away: Spans, from_ms: int, until_ms: int) -> Rows:
        """Return the single absences that are offered, and the recalls of those who said too much."""
        first = from_ms == self._start_ms
        begins = (away.from_ms < until_ms) & (away.until_ms > from_ms) & ((away.from_ms >= from_ms) | first)
        here = away.only(begins & ~self._lasting[away.who])
        offers, early, more, says = self._rng.random((4, len(here.who)))
        at_ms = np.maximum(here.from_ms, from_ms)
        length = here.until_ms - at_ms
        early_home = early < self._scenario.residents.early_return_share
        said_ms = np.where(early_home, np.rint((0.2 + more) * length).astype(np.int64), -ONCE_MARGIN_MS)
        until = np.minimum(here.until_ms + said_ms, at_ms + ONCE_MOST_MS)
        offered = (offers < self._scenario.offers.once_share) & (until - at_ms >= ONCE_LEAST_MS)
        recalled = offered & (until > here.until_ms)
        says_at = np.maximum(here.until_ms - np.rint(says * SAYS_SO_MS).astype(np.int64), at_ms + 1)
        return joined(
            [
                rows(What.OFFER, at_ms[offered], here.who[offered], until[offered]),
                rows(What.RECALL, says_at[recalled], here.who[recalled], here.until_ms[recalled]),
            ]
        )


def _begins(window: Window, day: date) -> bool:
    """Tell whether a window begins on that day."""
    midnight = datetime(day.year, day.month, day.day)  # noqa: DTZ001 - rules are about wall-clock days
    return next(iter(rrulestr(window.rrule, dtstart=midnight)), None) == midnight
