"""Writes what was imported: the bays, the tariffs and the scenario; nothing is left of an import that fails."""

from __future__ import annotations

import contextlib
import csv
from collections import Counter
from dataclasses import asdict
from typing import TYPE_CHECKING, TextIO

from baybroker.importer.layout import lay_out
from broker_bridge.wire.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from baybroker.importer.lots import Price, Site

BAY_COLUMNS = ("bay", "zone", "lat", "lon", "windows", "tariff")
REQUESTS_PER_BAY_DAY = 0.5
POOL_PER_BAY = 2
_HOURS = 24
RESIDENT_PCT = 50
_TARIFF_SOURCE = "Seoul's public car-park file; resident_pct is not in it: half, as in the default tariff"


class Imported:
    """What was imported so far; the bays go to their file at once."""

    def __init__(self, bays_file: TextIO) -> None:
        self.zones: Counter[str] = Counter()
        self.prices: dict[str, Price] = {}
        self._of_code: dict[str, int] = {}
        self._bays = csv.writer(bays_file, lineterminator="\n")
        self._bays.writerow(BAY_COLUMNS)

    @property
    def bays(self) -> int:
        """How many bays there are so far."""
        return self.zones.total()

    def add(self, site: Site) -> None:
        """Add the bays of a row; those of one code are numbered through."""
        price = site.price.name
        self.prices.setdefault(price, site.price)
        number = self._of_code.get(site.code, 0)
        for at, place in enumerate(lay_out(site.lat, site.lon, site.spaces), start=number + 1):
            self._bays.writerow((f"{site.code}-{at}", site.zone, place.lat, place.lon, site.windows, price))
        self._of_code[site.code] = number + site.spaces
        self.zones[site.zone] += site.spaces


def refuse_existing(path: Path) -> None:
    """Raise SettingsError where there is such a file: it may be the published one, or a scenario changed by hand."""
    if path.exists():
        raise SettingsError(f"{path} exists already, and nothing is overwritten: name another, or delete it")


@contextlib.contextmanager
def writing(scenario: Path, city: str) -> Iterator[Imported]:
    """Take in what was imported; at the end the scenario has beside it `.bays.csv` and a folder `.tariffs`."""
    bays, tariffs = scenario.with_suffix(".bays.csv"), scenario.with_suffix(".tariffs")
    unfinished = scenario.with_suffix(".bays.csv.unfinished")
    for path in (scenario, bays, tariffs):
        refuse_existing(path)
    try:
        scenario.parent.mkdir(parents=True, exist_ok=True)
        with unfinished.open("w", encoding="utf-8", newline="") as file:
            imported = Imported(file)
            yield imported
        if not imported.zones:
            raise SettingsError("no row becomes a bay: nothing was written; --report FILE.csv tells why")
        unfinished.replace(bays)
        tariffs.mkdir()
        for name, price in imported.prices.items():
            (tariffs / f"{name}.toml").write_text(_tariff_toml(price), encoding="utf-8")
        scenario.write_text(_scenario_toml(imported, city, bays.name, tariffs.name), encoding="utf-8")
    except OSError as error:
        raise SettingsError(f"{error.filename}: cannot be written: {error.strerror}") from None
    finally:
        unfinished.unlink(missing_ok=True)


def _tariff_toml(price: Price) -> str:
    figures = asdict(price) | {"resident_pct": RESIDENT_PCT}
    return "".join(f"{name} = {value}\n" for name, value in figures.items()) + f'source = "{_TARIFF_SOURCE}"\n'


def _scenario_toml(imported: Imported, city: str, bays_file: str, tariffs_folder: str) -> str:
    per_hour = imported.bays * REQUESTS_PER_BAY_DAY / _HOURS
    return f"""# Imported by `baybroker import`: places, hours and tariffs as published.
city = "{city}"
time_zone = "Asia/Seoul"
start = 2026-03-02T09:00:00
bays_file = "{bays_file}"
tariffs_folder = "{tariffs_folder}"

# Demand is not in the file: {REQUESTS_PER_BAY_DAY} wishes a bay and day, all near some bay. Set what you know.
[drivers]
pool = {POOL_PER_BAY * imported.bays}
requests_per_hour = {per_hour:.3f}
background_share = 1.0
"""
