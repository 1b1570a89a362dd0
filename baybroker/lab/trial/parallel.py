"""Runs on as many processes as there are cores; each tells how far it is, and ends when nobody waits for it."""

from __future__ import annotations

import multiprocessing
import os
import signal
from typing import TYPE_CHECKING

from baybroker.lab.trial.run import peak_rss_mib, play
from broker_bridge.wire.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Callable, MutableSequence, Sequence

    from baybroker.lab.trial.figures import Run
    from baybroker.lab.trial.run import Trial

LOOK_EVERY_S = 0.2
_done: MutableSequence[float] = []
"""In a worker: how far each run is, from 0 to 1, shared with whoever started it."""


def cores() -> int:
    """Return how many processors this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def run_all(trials: Sequence[Trial], workers: int, told: Callable[[Sequence[float]], None]) -> list[Run]:
    """Return each trial's run, in their order; `told` is called with how far each is, from 0 to 1.

    Ctrl-C ends all of them at once.
    """
    if len(trials) == 1 or workers == 1:
        return _one_after_the_other(trials, told)
    context = multiprocessing.get_context("spawn")
    done = context.Array("d", len(trials), lock=False)
    # A process for each run: what it needed at most is its own, and all of it is given back.
    with context.Pool(min(workers, len(trials)), _begin, (done,), maxtasksperchild=1) as pool:
        results = [pool.apply_async(_work, (number, trial)) for number, trial in enumerate(trials)]
        while waiting := [result for result in results if not result.ready()]:
            waiting[0].wait(LOOK_EVERY_S)
            told(list(done))
            for result in results:
                if result.ready() and not result.successful():
                    result.get()
        return [result.get() for result in results]


def memory_mib(runs: Sequence[Run], workers: int) -> int:
    """Return what all processes took at most together, as if each took its most at the same time."""
    processes = min(workers, len(runs))
    return peak_rss_mib() + (processes * max(run.peak_rss_mib for run in runs) if processes > 1 else 0)


def _one_after_the_other(trials: Sequence[Trial], told: Callable[[Sequence[float]], None]) -> list[Run]:
    done = [0.0] * len(trials)
    runs = []
    for number, trial in enumerate(trials):

        def pulse(share: float, number: int = number) -> None:
            done[number] = share
            told(done)

        runs.append(play(trial, pulse))
        pulse(1.0)
    return runs


def _begin(done: MutableSequence[float]) -> None:
    global _done  # noqa: PLW0603 - a process has one, and what it shares can only be handed over when it begins
    _done = done
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # whoever started it hears Ctrl-C too, and ends it


def _work(number: int, trial: Trial) -> Run:
    parent = os.getppid()

    def pulse(share: float) -> None:
        if os.getppid() != parent:
            raise SettingsError("whoever started this run is gone")
        _done[number] = share

    run = play(trial, pulse)
    _done[number] = 1.0
    return run
