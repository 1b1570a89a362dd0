"""One import from a file to a scenario and its report: every row is counted once."""

from __future__ import annotations

import contextlib
import csv
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from baybroker.importer.districts import DISTRICTS
from baybroker.importer.lots import MEANING, DropRow, Reason, Site
from baybroker.importer.reading import read_heading, read_lots
from baybroker.importer.rules import decide
from baybroker.importer.writer import refuse_existing, writing
from broker_bridge.wire.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from baybroker.importer.lots import Lot, Note

    Tell = Callable[[Sequence[object]], object]

REPORT_COLUMNS = ("line", "code", "name", "outcome", "reason", "meaning", "detail")


@dataclass(slots=True, kw_only=True)
class Report:
    """What became of the rows: `rows` is `became_bays` plus all that were dropped."""

    form: str
    encoding: str
    rows: int = 0
    became_bays: int = 0
    bays: int = 0
    zones: dict[str, int] = field(default_factory=dict)
    tariffs: int = 0
    dropped: Counter[Reason] = field(default_factory=Counter)
    noted: Counter[Note] = field(default_factory=Counter)


def district_names(given: Sequence[str]) -> frozenset[str]:
    """Return districts given in Korean or in a-z by their names in a-z; raises SettingsError."""
    names = {district.name for district in DISTRICTS.values()}
    found = {DISTRICTS[name].name if name in DISTRICTS else name.lower().removesuffix("-gu") for name in given}
    unknown = sorted(found - names)
    if unknown:
        raise SettingsError(f"--district {unknown[0]!r} is no district of Seoul; there are: {', '.join(sorted(names))}")
    return frozenset(found)


def import_file(
    path: Path,
    scenario: Path,
    *,
    city: str,
    districts: frozenset[str] = frozenset(),
    report_file: Path | None = None,
) -> Report:
    """Import the file, write the scenario and, if named, the report of each dropped or noted row.

    Raises SettingsError for a file of another form, one without a single bay, and one that cannot be read or written.
    """
    try:
        file = path.open("rb")
    except OSError as error:
        raise SettingsError(f"{path}: cannot be read: {error.strerror}") from None
    with file:
        heading = read_heading(path, file)
        report = Report(form=heading.form.name, encoding=heading.encoding.removesuffix("-sig"))
        with writing(scenario, city) as imported, _telling(report_file) as tell:
            places: set[tuple[float, float]] = set()
            for line, lot in read_lots(heading, file):
                outcome = lot if isinstance(lot, DropRow) else _settle(lot, districts, places)
                _count(report, line, lot, outcome, tell)
                if isinstance(outcome, Site):
                    imported.add(outcome)
        report.bays, report.tariffs = imported.bays, len(imported.prices)
        report.zones = dict(sorted(imported.zones.items()))
    return report


def _settle(lot: Lot, districts: frozenset[str], places: set[tuple[float, float]]) -> Site | DropRow:
    """Return what a row becomes; two rows cannot stand at the very same place."""
    try:
        site = decide(lot, districts)
    except DropRow as drop:
        return drop
    place = (site.lat, site.lon)
    if place in places:
        return DropRow(Reason.DUPLICATE, f"{site.lat}, {site.lon}")
    places.add(place)
    return site


def _count(report: Report, line: int, lot: Lot | DropRow, outcome: Site | DropRow, tell: Tell) -> None:
    """Count a row, and tell of it what must not go unsaid."""
    code, name = ("", "") if isinstance(lot, DropRow) else (lot.code, lot.name)
    report.rows += 1
    if isinstance(outcome, DropRow):
        report.dropped[outcome.reason] += 1
        tell((line, code, name, "dropped", outcome.reason, MEANING[outcome.reason], outcome.detail))
        return
    report.became_bays += 1
    for note in outcome.notes:
        report.noted[note] += 1
        tell((line, code, name, "noted", note, MEANING[note], f"{outcome.spaces} bays"))


@contextlib.contextmanager
def _telling(path: Path | None) -> Iterator[Tell]:
    """Give what writes a line of the report; without a file it goes nowhere."""
    if path is None:
        yield lambda _row: None
        return
    refuse_existing(path)
    try:
        with path.open("w", encoding="utf-8-sig", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(REPORT_COLUMNS)
            yield writer.writerow
    except OSError as error:
        raise SettingsError(f"{path}: cannot be written: {error.strerror}") from None


def as_dict(report: Report) -> dict[str, Any]:
    """Return the report for JSON."""
    return {
        "form": report.form,
        "encoding": report.encoding,
        "rows": report.rows,
        "became_bays": report.became_bays,
        "bays": report.bays,
        "zones": report.zones,
        "tariffs": report.tariffs,
        "dropped": {str(reason): count for reason, count in report.dropped.most_common()},
        "noted": {str(note): count for note, count in report.noted.most_common()},
    }
