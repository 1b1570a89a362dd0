"""Reads a published file row by row: which encoding, which form; a line that is no row is told, never joined."""

from __future__ import annotations

import csv
from typing import TYPE_CHECKING, BinaryIO, NamedTuple

from baybroker.importer.forms import FORMS
from baybroker.importer.lots import DropRow, Reason
from broker_bridge.wire.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from baybroker.importer.forms import Form
    from baybroker.importer.lots import Lot

ENCODINGS = ("utf-8-sig", "cp949")
LINE_BYTES_MAX = 65_536


class Heading(NamedTuple):
    """What the first line says of the file."""

    form: Form
    encoding: str
    columns: tuple[str, ...]


def read_heading(path: Path, file: BinaryIO) -> Heading:
    """Read the first line; raises SettingsError where it is of no form that is known."""
    first = file.readline(LINE_BYTES_MAX)
    for encoding in ENCODINGS:
        try:
            columns = tuple(cell.strip() for cell in _cells(first.decode(encoding)))
        except (UnicodeDecodeError, csv.Error):
            continue
        for form in FORMS:
            if form.needed <= set(columns):
                return Heading(form, encoding, columns)
    raise SettingsError(
        f"{path}: not a file that can be imported: its first line, in UTF-8 or CP949, must name the columns of Seoul's "
        "car parks (주차장코드, 주차장명, ...) or of shared bays (bay_id, name, gu, ...)"
    )


def read_lots(heading: Heading, file: BinaryIO) -> Iterator[tuple[int, Lot | DropRow]]:
    """Yield every row that is not empty with its line number; each is one line, whatever its quotes say."""
    encoding = heading.encoding.removesuffix("-sig")
    line = 1
    while raw := file.readline(LINE_BYTES_MAX):
        line += 1
        if not raw.strip():
            continue
        try:
            yield line, _lot(heading, raw, encoding)
        except DropRow as drop:
            yield line, drop
        while not raw.endswith(b"\n") and (raw := file.readline(LINE_BYTES_MAX)):
            pass  # the rest of an overlong line belongs to the same row


def _lot(heading: Heading, raw: bytes, encoding: str) -> Lot:
    if len(raw) == LINE_BYTES_MAX and not raw.endswith(b"\n"):
        raise DropRow(Reason.UNREADABLE, f"longer than {LINE_BYTES_MAX} bytes")
    try:
        cells = _cells(raw.decode(encoding))
    except UnicodeDecodeError:
        raise DropRow(Reason.UNREADABLE, f"bytes that are not {encoding}") from None
    except csv.Error as error:
        raise DropRow(Reason.UNREADABLE, str(error)) from None
    if len(cells) != len(heading.columns):
        raise DropRow(Reason.UNREADABLE, f"{len(cells)} values for {len(heading.columns)} columns")
    return heading.form.read({name: cell.strip() for name, cell in zip(heading.columns, cells, strict=True)})


def _cells(line: str) -> list[str]:
    return next(csv.reader([line], strict=True), [])
