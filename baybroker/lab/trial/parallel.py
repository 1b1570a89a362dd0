"""Trials on as many processes as there are cores; each tells how far it is, and ends when nobody waits for it."""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections import deque
from functools import partial
from itertools import chain
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

    Trials = Sequence[Trial]
    Portions = Sequence[Sequence[Portion]]
    """Of each trial."""

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


def run_all(trials: Trials, workers: int, told: Callable[[float], None]) -> Ran:
    """Return the run of each trial of a scenario, in their order; `told` is called with the share that is done.

    Ctrl-C ends all of them at once.
    """
    portions = [trial.portions() for trial in trials]
    if workers == 1 or sum(map(len, portions)) == 1:
        return _one_after_the_other(trials, portions, told)
    return _side_by_side(trials, portions, workers, told)


def _one_after_the_other(trials: Trials, portions: Portions, told: Callable[[float], None]) -> Ran:
    runs, over, count = [], 0, sum(map(len, portions))

    def pulse(before: int, share: float) -> None:
        told((before + share) / count)

    for trial, those in zip(trials, portions, strict=True):
        outcomes = []
        for portion in those:
            outcomes.append(play(trial, portion, partial(pulse, over)))
            over += 1
        runs.append(settled(trial, outcomes))
    told(1.0)
    return Ran(runs, peak_rss_mib())


def _side_by_side(trials: Trials, portions: Portions, workers: int, told: Callable[[float], None]) -> Ran:
    context = multiprocessing.get_context("spawn")
    count = sum(map(len, portions))
    done = context.Array("d", count, lock=False)
    numbers = iter(range(count))
    large = len(trials[0].city().bays) > SMALL_BAYS  # they are of one scenario
    with context.Pool(min(workers, count), _begin, (done,), maxtasksperchild=1 if large else None) as pool:
        coming = deque(
            [pool.apply_async(_work, (next(numbers), trial, portion)) for portion in those]
            for trial, those in zip(trials, portions, strict=True)
        )
        runs: list[Run] = []
        peaks: list[int] = []
        for trial in trials:
            while waiting := [result for result in coming[0] if not result.ready()]:
                waiting[0].wait(LOOK_EVERY_S)
                told(sum(done) / count)
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
