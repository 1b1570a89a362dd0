"""The rules of a city as the programs use them: its tariffs, the absence model and a policy, by their names."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from allocator.core import Settings
from allocator.service.intake import spec_of
from allocator.service.tariffs import load_tariffs
from baybroker.policies import load_policy
from baybroker.presence.table import load_absence
from broker_bridge.wire.errors import SettingsError
from sensors_sim.city import bay_records
from sensors_sim.config_files import config_dir

if TYPE_CHECKING:
    from allocator.domain.events import BaySpec
    from sensors_sim.city import City
    from sensors_sim.scenario import Scenario

TARIFF_DEFAULT = "seoul"


def bay_specs(city: City) -> tuple[BaySpec, ...]:
    """Return the city's bays as the allocator's register has them."""
    return tuple(spec_of(bay) for bay in bay_records(city))


def load_rules(
    policy: str,
    timezone: str,
    *,
    scenario: Scenario | None = None,
    specs: tuple[BaySpec, ...] = (),
    tariff: str = TARIFF_DEFAULT,
) -> Settings:
    """Return the rules with the shipped tariffs and the scenario's; raises SettingsError where a name is unknown."""
    listed = load_tariffs(config_dir() / "tariffs")
    if scenario is not None and scenario.tariffs_folder is not None:
        listed |= load_tariffs(Path(scenario.tariffs_folder))
    tariffs = {known: it.tariff for known, it in listed.items()}
    for wanted in (tariff, *(spec.tariff for spec in specs if spec.tariff is not None)):
        if wanted not in tariffs:
            raise SettingsError(f"no tariff is named {wanted!r}; there are: {', '.join(tariffs) or 'none'}")
    return Settings(
        timezone=timezone, policy=load_policy(policy), tariff=tariffs[tariff], tariffs=tariffs, absence=load_absence()
    )
