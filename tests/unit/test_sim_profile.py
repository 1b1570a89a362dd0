"""Profiles: what is read and written, and how a mistake is told."""

from __future__ import annotations

import pytest

from broker_bridge.wire.errors import SettingsError
from sensors_sim.profile import Profile, load_profile
from sensors_sim.profile_toml import format_profile

HOMES, KERB = load_profile("norway-homes"), load_profile("melbourne-kerb")


def test_what_is_written_is_read_back(tmp_path):
    both = Profile(about='two "places"', residents=HOMES.residents, visitors=KERB.visitors)
    path = tmp_path / "both.toml"
    path.write_text(format_profile(both), encoding="utf-8")
    assert load_profile(str(path)) == both
    assert max(len(line) for line in path.read_text().splitlines()) <= 120


def test_the_shipped_profiles_name_their_source():
    assert "CC BY 4.0" in HOMES.about
    assert "CC BY 4.0" in KERB.about
    assert (HOMES.visitors, KERB.residents) == (None, None)


def test_figures_survive_the_engine():
    assert type(HOMES.residents).of(HOMES.residents.presence()) == HOMES.residents


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("about = ", "abuot = ", "abuot: Extra inputs are not permitted"),
        ("weekday_factor = [\n    0.", "weekday_factor = [\n    -0.", "residents.weekday_factor.0: Input should be"),
        (
            "leave_per_hour = [\n    0.0025,",
            "leave_per_hour = [\n",
            "residents.weekday.leave_per_hour: Tuple should have",
        ),
        ("    [17, 43,", "    [44, 43,", "residents.weekday.away_min.0: quantiles must not fall"),
        ("    [1, 0.055,", "    [1, 0.5,", "residents.traits.correlation: not symmetric"),
        ("sd = [\n    0", "sd = [\n    -0", "residents.traits.sd.0: Input should be"),
        ("[residents]", "[residents", "not TOML"),
    ],
)
def test_a_mistake_is_told_in_one_line_with_file_and_field(tmp_path, old, new, told):
    text = format_profile(HOMES)
    assert old in text
    path = tmp_path / "bad.toml"
    path.write_text(text.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(SettingsError) as refused:
        load_profile(str(path))
    assert str(refused.value).startswith(f"{path}: {told}")
    assert "\n" not in str(refused.value)


def test_traits_that_no_resident_can_have_together_are_refused():
    rows = [list(row) for row in HOMES.residents.traits.correlation]
    for one, other, value in ((0, 1, 0.9), (1, 2, 0.9), (0, 2, -0.9)):
        rows[one][other] = rows[other][one] = value
    figures = HOMES.model_dump()
    figures["residents"]["traits"]["correlation"] = rows
    with pytest.raises(ValueError, match="no traits can have these correlations together"):
        Profile.model_validate(figures)


def test_an_empty_profile_and_an_unknown_name_are_refused(tmp_path):
    path = tmp_path / "empty.toml"
    path.write_text('about = "nothing"\n')
    with pytest.raises(SettingsError, match="profile: neither residents nor visitors"):
        load_profile(str(path))
    with pytest.raises(SettingsError, match="no profile is named 'x'; there are: melbourne-kerb, norway-homes"):
        load_profile("x")
