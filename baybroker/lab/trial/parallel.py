"""Trials on as many processes as there are cores; each tells how far it is, and ends when nobody waits for it."""

from __future__ import annotations

import multiprocessing
import os
import signal
from typing import TYPE_CHECKING, NamedTuple

from baybroker.lab.trial.outcome import export, run_of
from baybroker.lab.trial.run import peak_rss_mib, play
from broker_bridge.wire.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Callable, MutableSequence, Sequence

    from baybroker.lab.trial.figures import Run
    from baybroker.lab.trial.outcome import Outcome
    from baybroker.lab.trial.trial import Trial
    from sensors_sim.engine.stage import Portion

LOOK_EVERY_S = 0.2
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
    """Return each trial's run, in their order; `told` is called with the share that is done of all of them.

    Ctrl-C ends all of them at once.
    """
    tasks = [Task(number, portion) for number, trial in enumerate(trials) for portion in trial.portions()]
    alone = len(tasks) == 1 or workers == 1
    outcomes = _one_after_the_other(trials, tasks, told) if alone else _side_by_side(trials, tasks, workers, told)
    peaks = sorted(outcome.peak_rss_mib for outcome in outcomes)
    runs = []
    for number, trial in enumerate(trials):
        own = [outcome for task, outcome in zip(tasks, outcomes, strict=True) if task.trial == number]
        if trial.export is not None:
            export(trial, own, trial.export)
        runs.append(run_of(trial, own))
    return Ran(runs, peak_rss_mib() + (0 if alone else sum(peaks[-workers:])))


class Task(NamedTuple):
    """A portion of the city of the trial of that number."""

    trial: int
    portion: Portion


def _side_by_side(
    trials: Sequence[Trial], tasks: Sequence[Task], workers: int, told: Callable[[float], None]
) -> list[Outcome]:
    context = multiprocessing.get_context("spawn")
    done = context.Array("d", len(tasks), lock=False)
    # A process for each portion: what it needed at most is its own, and all of it is given back.
    with context.Pool(min(workers, len(tasks)), _begin, (done,), maxtasksperchild=1) as pool:
        results = [
            pool.apply_async(_work, (number, trials[task.trial], task.portion)) for number, task in enumerate(tasks)
        ]
        while waiting := [result for result in results if not result.ready()]:
            waiting[0].wait(LOOK_EVERY_S)
            told(sum(done) / len(tasks))
            for result in results:
                if result.ready() and not result.successful():
                    result.get()
        return [result.get() for result in results]


def _one_after_the_other(
    trials: Sequence[Trial], tasks: Sequence[Task], told: Callable[[float], None]
) -> list[Outcome]:
    outcomes: list[Outcome] = []
    for task in tasks:
        outcomes.append(
            play(trials[task.trial], task.portion, lambda share: told((len(outcomes) + share) / len(tasks)))
        )
    told(1.0)
    return outcomes


def _begin(done: MutableSequence[float]) -> None:
    global _done  # noqa: PLW0603 - a process has one, and what it shares can only be handed over when it begins
    _done = done
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # whoever started it hears Ctrl-C too, and ends it


def _work(number: int, trial: Trial, portion: Portion) -> Outcome:
    parent = os.getppid()

    def pulse(share: float) -> None:
        if os.getppid() != parent:
            raise SettingsError("whoever started this run is gone")
        _done[number] = share

    outcome = play(trial, portion, pulse)
    _done[number] = 1.0
    return outcome
