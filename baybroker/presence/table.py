"""The absence model's file: TOML under `config/absences`, a row of steps for each hour of departure."""

from __future__ import annotations

import tomllib
from itertools import accumulate, pairwise
from typing import TYPE_CHECKING

from allocator.domain.absence import HOURS, Absence
from broker_bridge.wire.errors import SettingsError
from sensors_sim.config_files import find_config

if TYPE_CHECKING:
    from collections.abc import Sequence

DEFAULT = "norwegian-homes"
DAYS = ("weekday", "weekend")
FEWEST_KNOTS = 2


def load_absence(name_or_path: str = DEFAULT) -> Absence:
    """Return the model of that name, or of that TOML file; raises SettingsError in one line."""
    path = find_config("absences", name_or_path)
    try:
        return parse_absence(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"{path}: cannot be read: {error}") from None
    except (KeyError, TypeError, ValueError) as error:
        raise SettingsError(f"{path}: no absence model: {error}") from None


def parse_absence(text: str) -> Absence:
    """Return the model of a file's text; raises KeyError, TypeError or ValueError."""
    told = tomllib.loads(text)
    knots = tuple(accumulate(told["steps_min"], initial=0))
    curves = tuple(tuple(accumulate(row, initial=0)) for day in DAYS for row in told[day])
    prior = told["prior_permille"]
    numbers = [*told["steps_min"], *(step for day in DAYS for row in told[day] for step in row), prior]
    if any(type(number) is not int or number < 0 for number in numbers):
        msg = "every figure must be a whole number, and not below 0"
        raise ValueError(msg)
    if any(len(told[day]) != HOURS for day in DAYS) or any(len(curve) != len(knots) for curve in curves):
        msg = f"weekday and weekend must have {HOURS} rows of {len(knots) - 1} steps"
        raise ValueError(msg)
    if len(knots) < FEWEST_KNOTS or 0 in told["steps_min"] or prior == 0:
        msg = "steps_min and prior_permille must be above 0"
        raise ValueError(msg)
    return Absence(knots, curves, prior)


def absence_text(absence: Absence, heading: Sequence[str]) -> str:
    """Return the model as a file's text, under a heading that says where it comes from."""
    lines = [*(f"# {line}" for line in heading)]
    lines += [f"prior_permille = {absence.prior_permille}", f"steps_min = {_steps(absence.knots_min)}"]
    for day, first in zip(DAYS, (0, HOURS), strict=True):
        rows = absence.hazard_permille[first : first + HOURS]
        lines += [f"{day} = [", *(f"  {_steps(row)}, # {hour:02d} h" for hour, row in enumerate(rows)), "]"]
    return "\n".join(lines) + "\n"


def _steps(rising: Sequence[int]) -> str:
    return f"[{','.join(str(later - earlier) for earlier, later in pairwise(rising))}]"
