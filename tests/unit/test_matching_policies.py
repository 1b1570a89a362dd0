"""Rematching, batches, and policies by name."""

from __future__ import annotations

import sys
import tomllib
from dataclasses import replace
from pathlib import Path
from random import Random

import pytest
from deskwork import START
from matchwork import apply, board_of, put, wish

from allocator.domain.interval import MINUTE_MS, Interval
from allocator.domain.lifecycle import ReservationStatus
from allocator.matching.filters import unfit, wanted_by
from allocator.matching.policies import Batch, BindLate, Nearest
from allocator.matching.reoptimise import MOVE_SAVES_M, REMATCHED_MAX
from baybroker.policies import load_policy
from broker_bridge.wire.errors import SettingsError

LATE = BindLate()
SOON = 20
"""Minutes until a stay that is bound within the next five."""


def test_two_who_walk_past_each_other_swap():
    board = board_of(0, 100)
    one = put(board, "b1", wish(from_min=SOON))
    other = put(board, "b0", wish(from_min=SOON, east_m=100))
    moves = LATE.improve(board, START)
    assert {(move.reservation_id, move.to_bay, move.walk_m) for move in moves} == {
        (one.reservation_id, "b0", 0),
        (other.reservation_id, "b1", 0),
    }
    apply(board, moves)
    assert LATE.improve(board, START) == ()


@pytest.mark.parametrize(("east_m", "moves"), [(19, 0), (21, 1)])
def test_a_move_saves_twenty_metres_or_is_not_made(east_m, moves):
    board = board_of(0, east_m)
    put(board, "b1", wish(from_min=SOON))
    assert len(LATE.improve(board, START)) == moves


def test_who_is_bound_or_begins_much_later_stays():
    board = board_of(0, 100)
    put(board, "b1", wish(from_min=SOON), bound=True)
    put(board, "b1", wish(from_min=300))
    assert LATE.improve(board, START) == ()


def test_who_was_bound_since_stays():
    board = board_of(0, 100)
    held = put(board, "b1", wish(from_min=SOON))
    held.status = ReservationStatus.BOUND
    board.bind(held)
    assert LATE.improve(board, START) == ()


def test_own_hours_do_not_drive_anybody_off_a_bay():
    board = board_of(0, 30, fairness=20)
    put(board, "b0", wish(from_min=SOON, minutes=180))
    assert LATE.improve(board, START) == ()


def is_free(board, name, want):
    number, mask = board.number[name], board.calendars.mask(want.held)
    near = name in {board.bays[bay].spec.bay for _, bay in board.near(want.lat, want.lon, want.max_walk_m)}
    fits = near and unfit(board.bay(name), want, START) is None
    return fits and board.calendars.offered(number, mask) and not board.calendars.held(number, mask)


def a_town(seed):
    """A street of bays of two kinds, some closed, contested or offered for part of the day, and who is on them."""
    random = Random(seed)
    board = board_of(*(random.uniform(0, 400) for _ in range(30)))
    for number, bay in enumerate(board.bays):
        bay.closed, bay.contested = random.random() < 0.1, "stranger" if random.random() < 0.1 else None
        if random.random() < 0.3:
            half = Interval(START, START + random.randrange(60, 120) * MINUTE_MS)
            board.calendars.set_open(number, [half])
        board.refresh(number)
    for _ in range(80):
        want = wish(
            from_min=random.randrange(15, 60, 5),
            minutes=random.randrange(15, 90),
            east_m=random.uniform(0, 400),
            max_walk_m=random.randrange(100, 300),
        )
        free = [name for name in board.number if is_free(board, name, want)]
        if free:
            put(board, random.choice(free), want, bound=random.random() < 0.2)
    return board


@pytest.mark.parametrize("seed", range(12))
def test_rematching_keeps_every_promise_and_shortens_the_walks(seed):
    board = a_town(seed)
    before = {key: held.bay for holders in board.on_bay for key, held in holders.items()}
    walked = sum(held.walk_m for holders in board.on_bay for held in holders.values())
    moves = LATE.improve(board, START)
    assert moves, "a town in which nothing can be better tests nothing"
    for move in moves:
        held = board.on_bay[board.number[move.from_bay]][move.reservation_id]
        assert unfit(board.bay(move.to_bay), wanted_by(held), START) is None
        assert move.walk_m <= held.max_walk_m
        assert board.calendars.offered(board.number[move.to_bay], board.calendars.mask(held.held))
        assert held.status is ReservationStatus.ACCEPTED
    apply(board, moves)  # raises where two would overlap
    after = {key: held.bay for holders in board.on_bay for key, held in holders.items()}
    assert before.keys() == after.keys()
    saved = walked - sum(held.walk_m for holders in board.on_bay for held in holders.values())
    assert saved >= MOVE_SAVES_M * len(moves)


def test_a_tick_looks_at_so_many_and_no_more(monkeypatch):
    monkeypatch.setattr("allocator.matching.reoptimise.REMATCHED_MAX", 2)
    assert REMATCHED_MAX > 2
    board = board_of(*range(5), *range(100, 105))
    for number in range(5, 10):
        put(board, f"b{number}", wish(from_min=SOON))
    assert len(LATE.improve(board, START)) == 2


def test_a_batch_serves_who_first_come_first_served_would_refuse():
    board = board_of(0, 100)
    wishes = [wish(east_m=40, max_walk_m=100), wish(east_m=-20, max_walk_m=50)]
    assert Batch().place_together(board, wishes, START) == ["b1", "b0"]
    put(board, Nearest().place(board, wishes[0], START).bay, wishes[0])
    assert Nearest().place(board, wishes[1], START).bay is None


def test_stays_of_a_batch_that_do_not_overlap_share_a_bay():
    board = board_of(0)
    wishes = [wish(), wish(from_min=120), wish(from_min=90)]
    placed = Batch().place_together(board, wishes, START)
    assert sorted(placed, key=str) == [None, "b0", "b0"]
    assert placed[2] is None or placed == [None, None, "b0"]


def test_a_batch_of_more_than_are_matched_at_once_holds_together(monkeypatch):
    monkeypatch.setattr("allocator.matching.together.TOGETHER_MAX", 2)
    placed = Batch().place_together(board_of(0, 10, 20), [wish()] * 5, START)
    assert sorted(bay for bay in placed if bay) == ["b0", "b1", "b2"]
    assert Batch().place_together(board_of(), [wish()], START) == [None]
    assert Batch().place_together(board_of(0), [], START) == []


@pytest.mark.parametrize(("name", "kind"), [("nearest", Nearest), ("batch", Batch), ("bind-late", BindLate)])
def test_ours_load_by_name(name, kind):
    assert type(load_policy(name)) is kind
    assert load_policy(name).name == name


@pytest.fixture
def installed(tmp_path, monkeypatch):
    """Pretend that a package is installed which brings policies."""

    def install(module, **points):
        (tmp_path / "somebodys.py").write_text(module)
        info = tmp_path / "somebodys-1.0.dist-info"
        info.mkdir(exist_ok=True)
        (info / "METADATA").write_text("Metadata-Version: 2.1\nName: somebodys\nVersion: 1.0\n")
        lines = "".join(f"{name} = {value}\n" for name, value in points.items())
        (info / "entry_points.txt").write_text(f"[baybroker.policies]\n{lines}")
        monkeypatch.syspath_prepend(tmp_path)
        monkeypatch.delitem(sys.modules, "somebodys", raising=False)

    return install


def test_the_policy_of_an_installed_package_loads_and_places(installed):
    installed(
        "from allocator.matching.policies import Nearest\n"
        "class Own(Nearest):\n    __slots__ = ()\n    def place(self, board, wanted, now):\n"
        "        return super().place(board, wanted, now)\n",
        own="somebodys:Own",
    )
    assert load_policy("own").place(board_of(0), wish(), START).bay == "b0"


def test_the_example_is_a_package_whose_policy_keeps_equipped_bays_for_those_who_need_them(installed):
    example = Path(__file__).parents[2] / "examples" / "policy"
    project = tomllib.loads((example / "pyproject.toml").read_text())["project"]
    ((name, value),) = project["entry-points"]["baybroker.policies"].items()
    installed((example / "plain_first.py").read_text(), own=value.replace("plain_first:", "somebodys:"))
    policy, board = load_policy("own"), board_of(0, 50)
    board.put(replace(board.bay("b0"), spec=replace(board.bay("b0").spec, needs=("ev",))))
    assert policy.name == name
    assert policy.place(board, wish(), START).bay == "b1"
    assert policy.place(board, wish(needs=("ev",)), START).bay == "b0"
    assert policy.place(board, wish(needs=("large",)), START).explanation.fell == {"needs": 2}


@pytest.mark.parametrize(
    ("module", "value", "said"),
    [
        ("", "somebodys:Gone", "'own' .somebodys:Gone. does not load: AttributeError"),
        ("import nothing_of_that_name", "somebodys:Own", "does not load: ModuleNotFoundError"),
        ("class Own: name = 'own'", "somebodys:Own", "has no bind_lead_ms: subclass"),
    ],
)
def test_a_policy_that_cannot_be_used_is_refused_in_one_line(installed, module, value, said):
    installed(module, own=value)
    with pytest.raises(SettingsError, match=said) as refused:
        load_policy("own")
    assert "\n" not in str(refused.value)


def test_a_name_that_two_packages_bring_is_refused(installed):
    installed("", nearest="somebodys:Own")
    with pytest.raises(SettingsError, match="two packages bring a policy 'nearest'"):
        load_policy("nearest")
