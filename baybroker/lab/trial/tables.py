"""Runs written down: their figures as CSV or Parquet, and each one's truth and decisions as Parquet.

pyarrow is loaded only here, and only when Parquet is asked for.
"""

from __future__ import annotations

import csv
import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import numpy as np

from baybroker.lab.trial.ground import KINDS
from broker_bridge.wire.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from baybroker.lab.trial.figures import Run
    from baybroker.lab.trial.ground import Stays

PARQUET = ".parquet"


def need_parquet() -> None:
    """Raise SettingsError, with the remedy, where pyarrow is missing."""
    try:
        import pyarrow.parquet  # noqa: F401, PLC0415 - an extra: whoever does not write Parquet need not have it
    except ImportError:
        raise SettingsError('Parquet needs pyarrow: pip install "baybroker[parquet]"') from None


def write_runs(runs: Sequence[Run], path: Path, *, as_parquet: bool) -> None:
    """Write a row for each run, as Parquet or CSV. What is no single figure is JSON."""
    rows = [{name: _plain(value) for name, value in asdict(run).items()} for run in runs]
    try:
        if as_parquet:
            _write_parquet(path, {name: [row[name] for row in rows] for name in rows[0]})
            return
        with path.open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, fieldnames=list(rows[0]))
            writer.writeheader()
            writer.writerows(rows)
    except OSError as error:
        raise SettingsError(f"{path}: cannot be written: {error.strerror}") from None


def write_tables(folder: Path, tables: Mapping[str, Mapping[str, Any]]) -> None:
    """Write each table, given as columns, as NAME.parquet into a folder, which is made."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, columns in tables.items():
            _write_parquet(folder / f"{name}{PARQUET}", columns)
    except OSError as error:
        raise SettingsError(f"{folder}: cannot be written: {error.strerror or error}") from None


def columns_of(names: Sequence[str], rows: Iterable[Sequence[Any]]) -> dict[str, Sequence[Any]]:
    """Return rows as columns."""
    columns = list(zip(*rows, strict=True)) or [()] * len(names)
    return dict(zip(names, columns, strict=True))


def stay_columns(stays: Stays, bays: Sequence[str]) -> dict[str, Any]:
    """Return the stays with the names of bays and kinds."""
    return {
        "bay": np.array(bays)[stays.bay],
        "kind": np.array(KINDS)[stays.kind],
        "since": stays.since,
        "until": stays.until,
    }


def _write_parquet(path: Path, columns: Mapping[str, Any]) -> None:
    import pyarrow as pa  # noqa: PLC0415 - see `need_parquet`
    from pyarrow import parquet  # noqa: PLC0415 - likewise

    parquet.write_table(pa.table(dict(columns)), path, compression="zstd")


def _plain(value: object) -> object:
    return json.dumps(value) if isinstance(value, (dict, list)) else value
