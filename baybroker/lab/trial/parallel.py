"""Trials on as many processes as there are cores; each tells how far it is, and ends when nobody waits for it."""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections import deque
from functools import partial
from itertools import chain, count
from typing import TYPE_CHECKING, NamedTuple

from baybroker.lab.trial.figures import Run
from baybroker.lab.trial.outcome import Outcome, settled
from baybroker.lab.trial.run import peak_rss_mib, play
from broker_bridge.wire.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, MutableSequence, Sequence
    from multiprocessing.pool import AsyncResult

    from baybroker.lab.trial.trial import Trial
    from sensors_sim.engine.stage import Portion

LOOK_EVERY_S = 0.2
SMALL_BAYS = 10_000
"""A larger city has a process for each task, which gives all its memory back; a small one does not take the second
that a process needs to begin."""
_done: MutableSequence[float] = []
"""In a worker: how far each task is, from 0 to 1, shared with whoever started it."""


def cores() -> int:
    """Return how many processors this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


class Ran(NamedTuple):
    """The runs, and what all processes took at most together, as if each took its most at the same time."""

    runs: list[Run]
    peak_rss_mib: int


def run_all(trials: Sequence[Trial], workers: int, told: Callable[[float], None]) -> Ran:
    """Return the run of each trial of a scenario, in their order; `told` is called with the share that is done.

    Ctrl-C ends all of them at once.
    """
    city = trials[0].city()
    portions = trials[0].portions(city)
    if workers == 1 or len(trials) * len(portions) == 1:
        return _one_after_the_other(trials, portions, told)
    return _side_by_side(trials, portions, workers, told, large=len(city.bays) > SMALL_BAYS)


def _one_after_the_other(trials: Sequence[Trial], portions: Sequence[Portion], told: Callable[[float], None]) -> Ran:
    numbers = count()

    def pulse(number: int, share: float) -> None:
        told((number + share) / (len(trials) * len(portions)))

    runs = [
        settled(trial, [play(trial, portion, partial(pulse, next(numbers))) for portion in portions])
        for trial in trials
    ]
    told(1.0)
    return Ran(runs, peak_rss_mib())


def _side_by_side(
    trials: Sequence[Trial], portions: Sequence[Portion], workers: int, told: Callable[[float], None], *, large: bool
) -> Ran:
    context = multiprocessing.get_context("spawn")
    done = context.Array("d", len(trials) * len(portions), lock=False)
    numbers = count()
    with context.Pool(min(workers, len(done)), _begin, (done,), maxtasksperchild=1 if large else None) as pool:
        coming = deque(
            [pool.apply_async(_work, (next(numbers), trial, portion)) for portion in portions] for trial in trials
        )
        runs: list[Run] = []
        peaks: list[int] = []
        for trial in trials:
            while waiting := [result for result in coming[0] if not result.ready()]:
                waiting[0].wait(LOOK_EVERY_S)
                told(sum(done) / len(done))
                _raise_what_failed(coming)
            # taken off, and made a run at once: what came of a portion is large
            parts = [result.get() for result in coming.popleft()]
            peaks += [part.peak_rss_mib for part in parts]
            outcomes = [part for part in parts if isinstance(part, Outcome)]
            runs += [part for part in parts if isinstance(part, Run)] or [settled(trial, outcomes)]
        told(1.0)
    return Ran(runs, peak_rss_mib() + sum(sorted(peaks)[-workers:]))


def _raise_what_failed(coming: Iterable[Iterable[AsyncResult[Run | Outcome]]]) -> None:
    for result in chain.from_iterable(coming):
        if result.ready() and not result.successful():
            result.get()


def _begin(done: MutableSequence[float]) -> None:
    global _done  # noqa: PLW0603 - a process has one, and what it shares can only be handed over when it begins
    _done = done
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # whoever started it hears Ctrl-C too, and ends it


def _work(number: int, trial: Trial, portion: Portion) -> Run | Outcome:
    """Return what came of a portion, or the run where it is the whole city."""
    parent = os.getppid()

    def pulse(share: float) -> None:
        if os.getppid() != parent:
            raise SettingsError("whoever started this run is gone")
        _done[number] = share

    outcome = play(trial, portion, pulse)
    result = settled(trial, [outcome]) if portion.of == 1 else outcome
    _done[number] = 1.0
    return result
