"""The page of plots of an evaluation: policies side by side, with how sure their figures are."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from baybroker.lab.trial.compare import of_policy
from baybroker.lab.trial.figures import LORENZ_POINTS, WALK_STEP_M
from baybroker.lab.trial.ground import HOURS
from baybroker.lab.trial.outline import ROWS, headings, lines
from baybroker.report_page import Table, Text, render

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from baybroker.lab.trial.figures import Run

COLOURS = ("#1b6ca8", "#d95f02", "#3a923a", "#7b4ea3", "#8c6d31", "#444444")
REASON_COLOURS = ("#c44e52", "#dd8452", "#937860", "#8172b3", "#55a868", "#64b5cd", "#ccb974")
KIND_COLOURS = {"resident": "#9aa5b1", "squatter": "#c44e52", "guest": "#1b6ca8"}
PROMISES = {
    "violations": "promises broken",
    "sent_home": "sent home by a resident",
    "resident_conflicts": "residents who found a car",
}


def page(runs: Sequence[Run], title: str) -> str:
    """Return the page."""
    policies = list(dict.fromkeys(run.policy for run in runs))
    worlds = len({run.seed for run in runs})
    sure = f"Means of {worlds} worlds, ± their 95 % confidence interval by Student's t (n = {worlds}). Every policy "
    sure += "meets the same worlds, so differences are taken world by world."
    if worlds == 1:
        sure = "One world (n = 1): nothing is known of how much worlds differ. More seeds give confidence intervals."
    return render(
        f"Evaluation: {title}",
        [
            Text(sure),
            Table("Figures", headings(policies), lines(runs, policies)),
            Text(cruising(runs), "Cruising"),
            _answers(runs, policies),
            _by_hour(runs, policies),
            _occupancy(runs, policies),
            _walks(runs, policies),
            _promises(runs, policies),
            _use(runs, policies),
            _sensors(runs, policies),
            _fairness(runs, policies),
        ],
    )


def cruising(runs: Sequence[Run]) -> str:
    """Return what may and may not be concluded about cruising: never without occupancy and penetration beside it."""

    def span(shares: Sequence[float]) -> str:
        low, high = 100 * min(shares), 100 * max(shares)
        return f"{low:.1f} %" if round(low, 1) == round(high, 1) else f"{low:.1f} to {high:.1f} %"

    penetrations = [run.penetration for run in runs if run.penetration is not None]
    booked = span(penetrations) if penetrations else "none"
    return (
        f"In these runs {span([run.occupancy_mean for run in runs])} of all bays were occupied on average, "
        f"{span([run.occupancy_peak for run in runs])} in the fullest hour, and {booked} of the visitors had booked. "
        "Drivers with a booking did not search, but nothing here says how much cruising a city saves: field models see "
        "search times grow only from about 90 % occupancy on, information alone hardly cut them elsewhere, and those "
        "who do not book may search longer the more others do. Cars without a booking are counted here, not their way."
    )


def _answers(runs: Sequence[Run], policies: Sequence[str]) -> go.Figure:
    """Served, lost otherwise, and refused by reason: a bar of each policy."""
    figure = _figure("What became of the requests", "", "requests, mean of the worlds")
    parts: dict[str, list[float]] = {"parked": [], "cancelled, did not come or open": [], "promise broken": []}
    reasons = sorted({reason for run in runs for reason in run.refused_by_reason})
    parts |= {f"refused: {reason}": [] for reason in reasons}
    for policy in policies:
        own = [run for run in runs if run.policy == policy]
        served = _mean(own, lambda run: run.served)
        failed = _mean(own, lambda run: run.failed)
        accepted = _mean(own, lambda run: run.accepted)
        values = [served, max(accepted - served - failed, 0), failed]
        values += [_mean(own, lambda run, reason=reason: run.refused_by_reason.get(reason, 0)) for reason in reasons]  # type: ignore[misc]
        for name, value in zip(parts, values, strict=True):
            parts[name].append(round(value, 2))
    colours = ("#3a923a", "#c9c9c9", "#222222", *REASON_COLOURS)
    for number, (name, values) in enumerate(parts.items()):
        figure.add_bar(x=list(policies), y=values, name=name, marker_color=colours[number % len(colours)], width=0.5)
    figure.update_layout(barmode="stack", hovermode="closest")
    return figure


def _by_hour(runs: Sequence[Run], policies: Sequence[str]) -> go.Figure:
    figure = _figure("When drivers wanted to arrive, and which of them were refused", "hour of the day", "a day")
    asked = np.mean([np.array(run.requests_by_hour) / run.days for run in runs], axis=0)
    figure.add_bar(x=list(range(HOURS)), y=asked.round(2).tolist(), name="requests", marker_color="#d6dde4")
    for policy, colour in _coloured(policies):
        own = [np.array(run.refused_by_hour) / run.days for run in runs if run.policy == policy]
        _line(figure, list(range(HOURS)), np.mean(own, axis=0), f"refused, {policy}", colour)
    return figure


def _occupancy(runs: Sequence[Run], policies: Sequence[str]) -> go.Figure:
    figure = make_subplots(rows=1, cols=len(policies), subplot_titles=list(policies), shared_yaxes=True)
    for column, policy in enumerate(policies, start=1):
        for kind in ("resident", "squatter", "guest"):
            own = [run.occupancy_by_hour[kind] for run in runs if run.policy == policy]
            shares = (100 * np.mean(own, axis=0)).round(3).tolist()
            area = go.Scatter(
                x=list(range(HOURS)),
                y=shares,
                name=f"{kind}s",
                stackgroup="all",
                legendgroup=kind,
                showlegend=column == 1,
                line={"color": KIND_COLOURS[kind], "width": 1},
            )
            figure.add_trace(area, row=1, col=column)
    _styled(figure, "Who stands in the bays")
    figure.update_xaxes(title="hour of the day")
    figure.update_yaxes(title="% of all bays", rangemode="tozero", col=1)
    return figure


def _walks(runs: Sequence[Run], policies: Sequence[str]) -> go.Figure:
    figure = _figure("Walks of those who parked", "metres at most", "% of them")
    for policy, colour in _coloured(policies):
        own = [run.walks_by_25_m for run in runs if run.policy == policy]
        counts = np.zeros(max(map(len, own), default=0))
        for one in own:
            counts[: len(one)] += one
        within = np.append(0, 100 * np.cumsum(counts) / max(counts.sum(), 1))
        _line(figure, [step * WALK_STEP_M for step in range(len(within))], within, policy, colour)
    return figure


def _promises(runs: Sequence[Run], policies: Sequence[str]) -> go.Figure:
    figure = _figure("Promises in trouble", "", "of 1,000 accepted")
    names = [*PROMISES.values(), "parked in a substitute"]
    for policy, colour in _coloured(policies):
        own = [run for run in runs if run.policy == policy]
        each = [
            _mean(own, lambda run, name=name: 1000 * getattr(run, name) / max(run.accepted, 1))  # type: ignore[misc]
            for name in (*PROMISES, "substitutes")
        ]
        figure.add_bar(x=names, y=np.round(each, 3).tolist(), name=policy, marker_color=colour)
    figure.update_layout(hovermode="closest")
    return figure


def _use(runs: Sequence[Run], policies: Sequence[str]) -> go.Figure:
    return _bars(runs, policies, "use_of_offered", "Use of the hours offered", "% of them")


def _sensors(runs: Sequence[Run], policies: Sequence[str]) -> go.Figure:
    return _bars(runs, policies, "sensor_error_share", "Sensors against the truth", "% of bay-time they were wrong")


def _fairness(runs: Sequence[Run], policies: Sequence[str]) -> go.Figure:
    titles = ("Residents' earnings", "How evenly the hours rented are spread")
    figure = make_subplots(rows=1, cols=2, subplot_titles=titles)
    for policy, colour in _coloured(policies):
        earned = of_policy(runs, policy, "earnings_won")
        if earned is not None:
            bar = go.Bar(
                x=[policy], y=[round(earned.mean)], error_y=_error(earned.half_width), marker_color=colour, width=0.5
            )
            figure.add_trace(bar.update(showlegend=False), row=1, col=1)
        curve = np.mean([run.lorenz for run in runs if run.policy == policy], axis=0)
        share = np.linspace(0, 100, LORENZ_POINTS).round(2).tolist()
        line = go.Scatter(x=share, y=(100 * curve).round(3).tolist(), name=policy, line={"color": colour, "width": 2})
        figure.add_trace(line, row=1, col=2)
    even = go.Scatter(x=[0, 100], y=[0, 100], name="all the same", line={"color": "#bbb", "dash": "dot"})
    figure.add_trace(even, row=1, col=2)
    _styled(figure, "Earnings and fairness")
    figure.update_yaxes(title="won", rangemode="tozero", col=1)
    figure.update_yaxes(title="% of the hours rented", col=2)
    figure.update_xaxes(title="% of the bays offered, the least rented first", col=2)
    figure.update_layout(hovermode="closest")
    return figure


def _bars(runs: Sequence[Run], policies: Sequence[str], name: str, title: str, y: str) -> go.Figure:
    """A bar of each policy with its confidence interval; the figure is told as in the table."""
    figure, times = _figure(title, "", y), ROWS[name][1]
    for policy, colour in _coloured(policies):
        it = of_policy(runs, policy, name)
        if it is not None:
            error = _error(None if it.half_width is None else times * it.half_width)
            figure.add_bar(
                x=[policy], y=[round(times * it.mean, 4)], error_y=error, name=policy, marker_color=colour, width=0.5
            )
    figure.update_layout(hovermode="closest", showlegend=False)
    return figure


def _error(half_width: float | None) -> dict[str, object] | None:
    return None if half_width is None else {"type": "data", "array": [half_width], "color": "#222"}


def _figure(title: str, x: str, y: str) -> go.Figure:
    figure = go.Figure()
    _styled(figure, title)
    figure.update_xaxes(title=x)
    figure.update_yaxes(title=y, rangemode="tozero")
    return figure


def _styled(figure: go.Figure, title: str) -> None:
    figure.update_layout(title=title, template="simple_white", height=420, hovermode="x")


def _line(figure: go.Figure, x: Sequence[int], y: np.ndarray, name: str, colour: str) -> None:
    values = np.asarray(y, dtype=float).round(3).tolist()
    figure.add_scatter(x=list(x), y=values, name=name, line={"color": colour, "width": 2}, mode="lines")


def _mean(runs: Sequence[Run], of: Callable[[Run], float]) -> float:
    return float(np.mean([of(run) for run in runs]))


def _coloured(policies: Sequence[str]) -> list[tuple[str, str]]:
    return [(policy, COLOURS[number % len(COLOURS)]) for number, policy in enumerate(policies)]
