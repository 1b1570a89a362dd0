"""Tariffs out of files: `config/tariffs/NAME.toml`, one for each district."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from allocator.domain.money import Tariff
from broker_bridge.wire.errors import SettingsError
from broker_bridge.wire.topics import is_name

if TYPE_CHECKING:
    from pathlib import Path

OVERSTAY_STEPS = 2
Won = Annotated[int, Field(ge=0, le=1_000_000)]
Minutes = Annotated[int, Field(ge=1, le=1_440)]
Millipoints = Annotated[int, Field(ge=0, le=1_000_000)]


class TariffFile(BaseModel):
    """The fields of a tariff's file."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    base_won: Won = Field(description="Price of the first `base_min` minutes")
    base_min: Minutes = Field(description="How long the base price lasts")
    step_won: Won = Field(description="Price of each begun step after that")
    step_min: Minutes = Field(description="How long a step is")
    free_min: int = Field(default=0, ge=0, le=1_440, description="Whoever leaves within so many minutes pays nothing")
    day_max_won: Won = Field(default=0, description="The most that 24 hours cost; 0: no limit")
    resident_pct: int = Field(ge=0, le=100, description="The resident's share of the price")
    offered_millipoints_per_hour: Millipoints = Field(
        default=0, description="Thousandths of a point for an hour on offer"
    )
    used_millipoints_per_hour: Millipoints = Field(default=0, description="Thousandths of a point for an hour of use")
    overstay_won: Won | None = Field(
        default=None, description="Surcharge for each step begun after the notice; not given: twice `step_won`"
    )
    source: str = Field(min_length=1, description="Where the figures come from")


@dataclass(frozen=True, slots=True)
class Listed:
    """A tariff of the folder, and where its figures come from."""

    tariff: Tariff
    source: str


def load_tariffs(directory: Path) -> dict[str, Listed]:
    """Return the tariffs of a folder by name; raises SettingsError naming file and field."""
    if not directory.is_dir():
        raise SettingsError(f"{directory}: no such folder of tariffs")
    return {path.stem: load_tariff(path) for path in sorted(directory.glob("*.toml"))}


def load_tariff(path: Path) -> Listed:
    """Return the tariff of a file, named as the file is; raises SettingsError naming file and field."""
    if not is_name(path.stem):
        raise SettingsError(f"{path}: a tariff's name has a-z, 0-9 and '-' only")
    try:
        file = TariffFile.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"{path}: cannot be read: {error}") from None
    except tomllib.TOMLDecodeError as error:
        raise SettingsError(f"{path}: not TOML: {error}") from None
    except ValidationError as error:
        problems = error.errors(include_url=False, include_input=False, include_context=False)
        # a misspelt field is also a missing one: the spelling is the better news
        first = min(problems, key=lambda problem: problem["type"] != "extra_forbidden")
        raise SettingsError(f"{path}: {'.'.join(str(part) for part in first['loc'])}: {first['msg']}") from None
    tariff = Tariff(
        name=path.stem,
        base_won=file.base_won,
        base_min=file.base_min,
        step_won=file.step_won,
        step_min=file.step_min,
        free_min=file.free_min,
        day_max_won=file.day_max_won,
        resident_pct=file.resident_pct,
        offered_millipoints=file.offered_millipoints_per_hour,
        used_millipoints=file.used_millipoints_per_hour,
        overstay_won=OVERSTAY_STEPS * file.step_won if file.overstay_won is None else file.overstay_won,
    )
    return Listed(tariff, file.source)
