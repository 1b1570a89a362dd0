"""How often anyone may ask."""

from __future__ import annotations

from baybroker.web import limits
from baybroker.web.limits import RateLimit


class Time:
    def __init__(self, monkeypatch):
        self.now = 1000.0
        monkeypatch.setattr(limits.time, "monotonic", lambda: self.now)


def test_a_burst_then_the_rate(monkeypatch):
    time, limit = Time(monkeypatch), RateLimit(2.0)
    assert [limit.wait_s("a") for _ in range(9)] == [0] * 8 + [1]
    time.now += 0.5
    assert [limit.wait_s("a") for _ in range(2)] == [0, 1]
    assert limit.wait_s("b") == 0


def test_tells_how_long_to_wait(monkeypatch):
    Time(monkeypatch)
    limit = RateLimit(0.1)
    assert [limit.wait_s("a") for _ in range(2)] == [0, 10]


def test_without_a_rate_anyone_may_ask_as_often_as_they_like():
    limit = RateLimit(0)
    assert not any(limit.wait_s("a") for _ in range(10_000))


def test_remembers_so_many_askers_only(monkeypatch):
    monkeypatch.setattr(limits, "KNOWN_MAX", 3)
    limit = RateLimit(1.0)
    for asker in "abcd":
        limit.wait_s(asker)
    assert list(limit._buckets) == ["b", "c", "d"]
