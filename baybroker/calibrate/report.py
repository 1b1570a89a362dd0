"""The plots of a calibration."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from baybroker.calibrate.heldout import Measures, measure, stays_within
from sensors_sim.engine.presence import DAY, HOUR, HOURS, SATURDAY

if TYPE_CHECKING:
    from collections.abc import Iterator

    from baybroker.calibrate.reading import Presence
    from sensors_sim.engine.presence import Floats, Ints
    from sensors_sim.profile import Visitors

STEPS = 400
"""Distributions are drawn with so many points."""
REAL, OURS = "#444", "#d95f02"


def resident_figures(real: Presence, ours: Presence) -> Iterator[go.Figure]:
    """Yield what residents' bays did beside what simulated ones do."""
    both = ((real, measure(real), "real", REAL), (ours, measure(ours), "simulated", OURS))
    present = _pair("The car is at home", ("weekdays", "weekends"), "hour of the day", "share of bays")
    moves = _pair("Cars move on weekdays", ("departures", "returns"), "hour of the day", "a bay and hour")
    spread = _pair("Bays differ: at home on weekdays", ("04-05 h", "13-14 h"), "share of days", "share of bays")
    away = _figure("Time away", "hours", "share of absences")
    away.update_xaxes(type="log")
    for presence, measures, name, colour in both:
        for column, values in enumerate(measures.present, start=1):
            _line(present, column, (np.arange(HOURS), values), name, colour)
        for column, times in enumerate((presence.departed, presence.arrived), start=1):
            _line(moves, column, (np.arange(HOURS), _weekday_moves(presence, times)), name, colour)
        for column, values in enumerate((measures.night, measures.noon), start=1):
            _line(spread, column, _distribution(values), name, colour)
        _line(away, 1, _away_h(measures), name, colour)
    yield from (present, moves, away, spread)


def stay_figure(minutes: Floats, fitted: Visitors) -> go.Figure:
    """Return the stays beside the log-normal."""
    figure = _figure("Visitors' stays", "minutes", "share of stays")
    figure.update_xaxes(type="log")
    at, shares = _distribution(minutes)
    _line(figure, 1, (at, shares), "real", REAL)
    _line(figure, 1, (at, stays_within(at, fitted.stay_log_mean, fitted.stay_log_sd)), "log-normal", OURS)
    return figure


def _weekday_moves(presence: Presence, times: Ints) -> Floats:
    weekdays = times[times // DAY % 7 < SATURDAY]
    return np.bincount(weekdays % DAY // HOUR, minlength=HOURS) / (presence.days() * SATURDAY / 7)


def _away_h(measures: Measures) -> tuple[Floats, Floats]:
    at, shares = _distribution(measures.away_min)
    return np.maximum(at, 1) / HOUR, shares


def _distribution(values: Floats) -> tuple[Floats, Floats]:
    shares = np.linspace(0, 1, STEPS + 1)
    return np.quantile(values, shares), shares


def _figure(title: str, x: str, y: str) -> go.Figure:
    figure = make_subplots(rows=1, cols=1)
    return _named(figure, title, x, y)


def _pair(title: str, names: tuple[str, str], x: str, y: str) -> go.Figure:
    figure = make_subplots(rows=1, cols=2, subplot_titles=names, shared_yaxes=True)
    return _named(figure, title, x, y)


def _named(figure: go.Figure, title: str, x: str, y: str) -> go.Figure:
    figure.update_layout(title=title, template="simple_white", height=420, hovermode="x")
    figure.update_xaxes(title=x)
    figure.update_yaxes(title=y, rangemode="tozero", col=1)
    return figure


def _line(figure: go.Figure, column: int, points: tuple[Floats | Ints, Floats], name: str, colour: str) -> None:
    x, y = (values.astype(float).round(5).tolist() for values in points)
    line = go.Scatter(x=x, y=y, name=name, legendgroup=name, showlegend=column == 1, line={"color": colour, "width": 2})
    figure.add_trace(line, row=1, col=column)
