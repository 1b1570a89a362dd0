"""A profile: figures fitted to real parking, of residents, of visitors or of both. Read from TOML, as it is written."""

from __future__ import annotations

from typing import Annotated, Self

import numpy as np
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from sensors_sim.config_files import find_config, load_toml
from sensors_sim.engine.presence import (
    AWAY_SHARES,
    DAYS_OF_WEEK,
    HOURS,
    LEAVE_HOURS,
    NIGHTS,
    RATE_LEAST,
    RATE_MOST,
    TRAIT_MOST,
    TRAITS,
    PresenceProfile,
)

BLOCKS, QUANTILES, NIGHT_CLASSES, TRAIT_COUNT = len(LEAVE_HOURS), len(AWAY_SHARES), len(NIGHTS) - 1, len(TRAITS)
EIGENVALUE_LEAST = 1e-6

Rows = tuple[tuple[float, ...], ...]


def _some(shares: tuple[float, ...]) -> tuple[float, ...]:
    if not any(shares):
        msg = "all of them are zero"
        raise ValueError(msg)
    return shares


def _rising(quantiles: tuple[float, ...]) -> tuple[float, ...]:
    if sorted(quantiles) != list(quantiles):
        msg = "quantiles must not fall"
        raise ValueError(msg)
    return quantiles


def _correlation(rows: Rows) -> Rows:
    matrix = np.array(rows)
    if (matrix != matrix.T).any() or (np.diag(matrix) != 1).any():
        msg = "not symmetric, or not 1 with itself"
        raise ValueError(msg)
    if np.linalg.eigvalsh(matrix)[0] < EIGENVALUE_LEAST:
        msg = "no traits can have these correlations together"
        raise ValueError(msg)
    return rows


Share = Annotated[float, Field(ge=0, le=1)]
Factor = Annotated[float, Field(ge=0.01, le=100)]
Minutes = Annotated[float, Field(ge=1, le=1440)]
ByDay = Annotated[tuple[Factor, ...], Field(min_length=DAYS_OF_WEEK, max_length=DAYS_OF_WEEK)]
ByHour = Annotated[
    tuple[Annotated[float, Field(ge=RATE_LEAST, le=RATE_MOST)], ...], Field(min_length=HOURS, max_length=HOURS)
]
ReturnShares = Annotated[tuple[Share, ...], Field(min_length=HOURS, max_length=HOURS), AfterValidator(_some)]
NightShares = Annotated[
    tuple[Share, ...], Field(min_length=NIGHT_CLASSES, max_length=NIGHT_CLASSES), AfterValidator(_some)
]
Quantiles = Annotated[tuple[Minutes, ...], Field(min_length=QUANTILES, max_length=QUANTILES), AfterValidator(_rising)]
ByTrait = Field(min_length=TRAIT_COUNT, max_length=TRAIT_COUNT)
Correlation = Annotated[tuple[Annotated[tuple[float, ...], ByTrait], ...], ByTrait, AfterValidator(_correlation)]


class Figures(BaseModel):
    """What the parts of a profile share: immutable, and a misspelt field is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class KindOfDay(Figures):
    """Weekdays or weekends; days turn at 04:00, and hours count from there."""

    leave_per_hour: ByHour
    over_night: Annotated[tuple[Share, ...], Field(min_length=BLOCKS, max_length=BLOCKS)]
    away_min: Annotated[tuple[Quantiles, ...], Field(min_length=BLOCKS, max_length=BLOCKS)]
    return_share: ReturnShares


class Traits(Figures):
    """How residents differ: together normal, in the order of `presence.TRAITS`."""

    mean: Annotated[tuple[Annotated[float, Field(ge=-TRAIT_MOST, le=TRAIT_MOST)], ...], ByTrait]
    sd: Annotated[tuple[Annotated[float, Field(ge=0, le=TRAIT_MOST)], ...], ByTrait]
    correlation: Correlation


class Residents(Figures):
    """When residents' cars are away."""

    weekday: KindOfDay
    weekend: KindOfDay
    weekday_factor: ByDay
    over_night_factor: ByDay
    nights: Annotated[tuple[NightShares, ...], Field(min_length=DAYS_OF_WEEK, max_length=DAYS_OF_WEEK)]
    traits: Traits

    @classmethod
    def of(cls, fitted: PresenceProfile) -> Self:
        """Return the fitted figures, rounded to what is worth telling."""
        kinds = {
            name: {
                "leave_per_hour": fitted.leave_per_hour[kind].round(4).tolist(),
                "over_night": fitted.over_night[kind].round(3).tolist(),
                "away_min": fitted.away_min[kind].round().tolist(),
                "return_share": fitted.return_share[kind].round(4).tolist(),
            }
            for kind, name in enumerate(("weekday", "weekend"))
        }
        return cls.model_validate(
            {
                **kinds,
                "weekday_factor": fitted.weekday_factor.round(3).tolist(),
                "over_night_factor": fitted.over_night_factor.round(3).tolist(),
                "nights": fitted.nights.round(4).tolist(),
                "traits": {
                    "mean": fitted.trait_mean.round(3).tolist(),
                    "sd": fitted.trait_sd.round(3).tolist(),
                    "correlation": fitted.trait_correlation.round(3).tolist(),
                },
            }
        )

    def presence(self) -> PresenceProfile:
        """Return the figures as the engine takes them."""
        kinds = (self.weekday, self.weekend)
        return PresenceProfile(
            leave_per_hour=np.array([kind.leave_per_hour for kind in kinds]),
            weekday_factor=np.array(self.weekday_factor),
            over_night=np.array([kind.over_night for kind in kinds]),
            over_night_factor=np.array(self.over_night_factor),
            away_min=np.array([kind.away_min for kind in kinds]),
            nights=np.array(self.nights),
            return_share=np.array([kind.return_share for kind in kinds]),
            trait_mean=np.array(self.traits.mean),
            trait_sd=np.array(self.traits.sd),
            trait_correlation=np.array(self.traits.correlation),
        )


class Visitors(Figures):
    """How long visitors stay: log-normal in minutes, known only from `stay_least_min` on."""

    stay_log_mean: Annotated[float, Field(ge=-5, le=15)]
    stay_log_sd: Annotated[float, Field(gt=0, le=10)]
    stay_least_min: Annotated[float, Field(gt=0)]


class Profile(Figures):
    """Fitted figures, and what they were fitted to."""

    about: str = Field(min_length=1)
    residents: Residents | None = None
    visitors: Visitors | None = None

    @model_validator(mode="after")
    def _not_empty(self) -> Self:
        if self.residents is None and self.visitors is None:
            msg = "neither residents nor visitors"
            raise ValueError(msg)
        return self


def load_profile(name_or_path: str) -> Profile:
    """Return the profile of that name, or of that TOML file; raises SettingsError in one line."""
    return load_toml(find_config("profiles", name_or_path), Profile)
