"""A page of tables and plots that needs nothing else, with Plotly's script in it once."""

from __future__ import annotations

import html
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence

    import plotly.graph_objects as go

STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; max-width: 66rem; margin: 2rem auto; padding: 0 1rem; color: #222 }
table { border-collapse: collapse; margin: 1rem 0 } th, td { padding: .25rem .9rem; text-align: right }
th { border-bottom: 1px solid #888 } th:first-child, td:first-child { text-align: left }
"""
CONFIG = {"displaylogo": False, "displayModeBar": False}


class Table(NamedTuple):
    """Figures beside each other; the first column names them."""

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]


class Text(NamedTuple):
    """A paragraph, under a heading where it has a title."""

    text: str
    title: str = ""


def render(title: str, parts: Sequence[Table | Text | go.Figure]) -> str:
    """Return the page, its parts in their order."""
    body, drawn = [f"<h1>{html.escape(title)}</h1>"], 0
    for part in parts:
        if isinstance(part, Table):
            body.append(_table(part))
        elif isinstance(part, Text):
            body.append(
                (f"<h2>{html.escape(part.title)}</h2>\n" if part.title else "") + f"<p>{html.escape(part.text)}</p>"
            )
        else:
            drawn += 1
            figure = part.to_html(full_html=False, include_plotlyjs=drawn == 1, div_id=f"figure-{drawn}", config=CONFIG)
            body.append(f"<section>{figure}</section>")
    head = f'<meta charset="utf-8"><title>{html.escape(title)}</title><style>{STYLE}</style>'
    inside = "\n".join(body)
    return f'<!doctype html>\n<html lang="en"><head>{head}</head>\n<body>{inside}</body></html>\n'


def _table(table: Table) -> str:
    def line(cells: Sequence[str], tag: str) -> str:
        return "<tr>" + "".join(f"<{tag}>{html.escape(cell)}</{tag}>" for cell in cells) + "</tr>"

    rows = "\n".join(line(row, "td") for row in table.rows)
    return f"<h2>{html.escape(table.title)}</h2>\n<table>{line(table.columns, 'th')}\n{rows}</table>"
