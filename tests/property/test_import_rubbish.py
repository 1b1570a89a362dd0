"""Whatever the bytes: an import ends with a report that counts every row once, or with one clear error."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from baybroker.importer.forms import FORMS
from baybroker.importer.run import import_file
from broker_bridge.wire.errors import SettingsError

COLUMNS = sorted(FORMS[0].needed)
HEAD = ",".join(f'"{name}"' for name in COLUMNS)
DIRT = st.one_of(
    st.sampled_from(["", "0", "0000", "2400", "9999", "0900", "1800", "1", "3", "NS", "NW", "Y", "N", "금천구 1", "5"]),
    st.sampled_from(["37.46", "126.89", "-1", "1e9", "nan", "inf", "37.46.1", "٣٧", "600", "30", "=1+1", "a-1", "\t"]),
    st.text(st.characters(exclude_characters='"\r\n', exclude_categories=["Cs"]), max_size=8),
)
ROWS = st.lists(DIRT, min_size=len(COLUMNS), max_size=len(COLUMNS)).map(
    lambda cells: ",".join(f'"{cell}"' for cell in cells).encode("utf-8")
)
LINES = st.one_of(ROWS, ROWS.map(lambda row: row[: len(row) // 2]), st.binary(max_size=60))
CALM = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@CALM
@given(lines=st.lists(LINES, max_size=12), encoding=st.sampled_from(["utf-8", "cp949"]))
def test_every_row_is_counted_once(tmp_path: Path, lines: list[bytes], encoding: str) -> None:
    source = tmp_path / "lots.csv"
    good = {
        "주차장코드": "1",
        "주소": "금천구 1",
        "주차장 종류": "NS",
        "운영구분": "3",
        "총 주차면": "2",
        "유무료구분": "N",
    }
    good |= {"위도": "37.46", "경도": "126.89", "평일 운영 시작시각(HHMM)": "0900", "평일 운영 종료시각(HHMM)": "1800"}
    row = ",".join(f'"{good.get(name, "")}"' for name in COLUMNS).encode(encoding)
    content = b"\n".join([HEAD.encode(encoding), row, *lines])
    source.write_bytes(content)
    folder = Path(tempfile.mkdtemp(dir=tmp_path))
    report = import_file(source, folder / "out.toml", city="c")
    rows = sum(1 for line in content.split(b"\n")[1:] if line.strip())
    assert report.rows == rows == report.became_bays + report.dropped.total()
    with (folder / "out.bays.csv").open(encoding="utf-8") as bays:
        assert sum(1 for _ in bays) - 1 == report.bays >= 2


@CALM
@given(content=st.binary(max_size=400))
def test_random_bytes_are_one_clear_error(tmp_path: Path, content: bytes) -> None:
    source = tmp_path / "lots.csv"
    source.write_bytes(content)
    with pytest.raises(SettingsError, match="not a file that can be imported"):
        import_file(source, tmp_path / "out.toml", city="c")
