"""Seoul's car parks: what becomes of each row, and that each is counted once."""

from __future__ import annotations

import csv
import io
import json
import sys
import tomllib
from collections import Counter
from itertools import islice

import pytest
from shared_data import shared_file

from baybroker.cli import main
from baybroker.importer.forms import FORMS
from baybroker.importer.lots import MEANING, Note, Reason
from baybroker.importer.reading import LINE_BYTES_MAX, read_heading, read_lots
from baybroker.importer.run import import_file
from broker_bridge.wire.errors import SettingsError
from sensors_sim.city import Point, build_city, distance_m
from sensors_sim.engine.chance import streams
from sensors_sim.scenario import load_scenario

ROW = {
    "주차장코드": "100", "주차장명": "가나길(구)", "주소": "금천구 독산동 1-1", "주차장 종류": "NS", "운영구분": "3",
    "총 주차면": "1", "유무료구분": "Y", "평일 운영 시작시각(HHMM)": "0900", "평일 운영 종료시각(HHMM)": "1800",
    "주말 운영 시작시각(HHMM)": "0000", "주말 운영 종료시각(HHMM)": "0000", "공휴일 운영 시작시각(HHMM)": "0000",
    "공휴일 운영 종료시각(HHMM)": "0000", "기본 주차 요금": "600", "기본 주차 시간(분 단위)": "30",
    "추가 단위 요금": "200", "추가 단위 시간(분 단위)": "10", "일 최대 요금": "5000",
    "위도": "37.466541", "경도": "126.889935",
}  # fmt: skip
WEEKDAY = "평일 운영 시작시각(HHMM)", "평일 운영 종료시각(HHMM)"
SATURDAY = "주말 운영 시작시각(HHMM)", "주말 운영 종료시각(HHMM)"
STEP = "추가 단위 요금", "추가 단위 시간(분 단위)"


def text(*rows):
    out = io.StringIO()
    writer = csv.DictWriter(out, list(ROW), quoting=csv.QUOTE_ALL)
    writer.writeheader()
    writer.writerows(ROW | row for row in rows)
    return out.getvalue()


def run(tmp_path, content, **more):
    """Import a file that has one good row besides; return the report, the bays' rows and the told rows."""
    source, told = tmp_path / "lots.csv", tmp_path / "told.csv"
    source.write_bytes(content if isinstance(content, bytes) else content.encode("cp949"))
    report = import_file(source, tmp_path / "out.toml", city="seoul", report_file=told, **more)
    with (tmp_path / "out.bays.csv").open(encoding="utf-8") as bays, told.open(encoding="utf-8-sig") as rows:
        return report, list(csv.DictReader(bays)), list(csv.DictReader(rows))


GOOD = {"주차장코드": "1", "위도": "37.46", "경도": "126.89"}
DROPPED = [
    (Reason.UNREADABLE, {"주차장코드": "가"}),
    (Reason.UNKNOWN_DISTRICT, {"주소": "수원시 팔달구 1"}),
    (Reason.UNKNOWN_DISTRICT, {"주소": ""}),
    (Reason.UNKNOWN_KIND, {"운영구분": "9"}),
    (Reason.UNKNOWN_KIND, {"주차장 종류": "XX"}),
    (Reason.NOT_FOR_CARS, {"운영구분": "4"}),
    (Reason.NOT_FOR_CARS, {"운영구분": "6"}),
    (Reason.OFF_STREET, {"운영구분": "1", "주차장 종류": "NW", "총 주차면": "98"}),
    (Reason.NO_CAPACITY, {"총 주차면": "0"}),
    (Reason.NO_CAPACITY, {"총 주차면": ""}),
    (Reason.BAD_CAPACITY, {"총 주차면": "-3"}),
    (Reason.BAD_CAPACITY, {"총 주차면": "99999"}),
    (Reason.NO_COORDINATES, {"위도": ""}),
    (Reason.NO_COORDINATES, {"위도": "0", "경도": "0"}),
    (Reason.BAD_COORDINATES, {"위도": "nan"}),
    (Reason.BAD_COORDINATES, {"경도": "126,88"}),
    (Reason.OUTSIDE_SEOUL, {"위도": "35.1", "경도": "129.0"}),
    (Reason.OUTSIDE_DISTRICT, {"주소": "강북구 수유동 1"}),
    (Reason.NO_HOURS, dict.fromkeys(WEEKDAY, "0000")),
    (Reason.NO_HOURS, dict.fromkeys(WEEKDAY, "")),
    (Reason.BAD_HOURS, {WEEKDAY[1]: "9999"}),
    (Reason.BAD_HOURS, {WEEKDAY[0]: "900"}),
    (Reason.BAD_HOURS, {WEEKDAY[0]: "2400", WEEKDAY[1]: "1800"}),
    (Reason.BAD_HOURS, {WEEKDAY[0]: "", WEEKDAY[1]: "1800"}),
    (Reason.BAD_HOURS, dict.fromkeys(WEEKDAY, "0900")),
    (Reason.NO_TARIFF, {"기본 주차 요금": "0", **dict.fromkeys(STEP, "")}),
    (Reason.BAD_TARIFF, {"기본 주차 시간(분 단위)": "0"}),
    (Reason.BAD_TARIFF, {STEP[1]: "0"}),
    (Reason.BAD_TARIFF, {"일 최대 요금": "free"}),
    (Reason.BAD_TARIFF, {"유무료구분": "N"}),
    (Reason.DUPLICATE, {"위도": "37.46", "경도": "126.89"}),
]


@pytest.mark.parametrize(("reason", "change"), DROPPED)
def test_a_row_is_dropped_for_one_reason(tmp_path, reason, change):
    report, bays, (told,) = run(tmp_path, text(GOOD, change))
    assert (report.rows, report.became_bays, report.dropped) == (2, 1, Counter({reason: 1}))
    assert [bay["bay"] for bay in bays] == ["1-1"]
    assert (told["line"], told["name"], told["outcome"], told["reason"]) == ("3", ROW["주차장명"], "dropped", reason)
    assert told["meaning"] == MEANING[reason]


def test_every_reason_is_tried_here():
    by_district = {Reason.OTHER_DISTRICT}
    assert {reason for reason, _ in DROPPED} | by_district == set(Reason)


@pytest.mark.parametrize(
    ("change", "windows"),
    [
        ({}, "MO,TU,WE,TH,FR 09:00-18:00"),
        ({WEEKDAY[0]: "0000", WEEKDAY[1]: "2400"}, "MO,TU,WE,TH,FR 00:00-24:00"),
        ({WEEKDAY[1]: "0100"}, "MO,TU,WE,TH,FR 09:00-01:00"),
        ({WEEKDAY[1]: "0000"}, "MO,TU,WE,TH,FR 09:00-00:00"),
        (dict(zip(SATURDAY, ("0900", "1500"), strict=True)), "MO,TU,WE,TH,FR 09:00-18:00; SA 09:00-15:00"),
        ({**dict.fromkeys(WEEKDAY, "0000"), "공휴일 운영 종료시각(HHMM)": "2400"}, "SU 00:00-24:00"),
    ],
)  # fmt: skip
def test_hours_are_taken_as_published(tmp_path, change, windows):
    _, (bay,), _ = run(tmp_path, text(change))
    assert bay["windows"] == windows


@pytest.mark.parametrize(
    ("change", "tariff", "notes"),
    [
        ({}, "won600-30-200-10-max5000", []),
        ({"일 최대 요금": ""}, "won600-30-200-10", []),
        (dict.fromkeys(STEP, ""), "won600-30-600-30-max5000", [Note.STEP_IS_BASE]),
        (dict.fromkeys(STEP, "0"), "won600-30-600-30-max5000", [Note.STEP_IS_BASE]),
        ({"기본 주차 요금": "0"}, "won0-30-200-10-max5000", []),
        ({"유무료구분": "N", "기본 주차 요금": "0", "일 최대 요금": "", **dict.fromkeys(STEP, "0")}, "won0-5-0-5", []),
    ],
)
def test_a_tariff_is_taken_as_published_and_a_supposed_step_is_told(tmp_path, change, tariff, notes):
    _, (bay,), told = run(tmp_path, text(change))
    assert bay["tariff"] == tariff
    assert [row["reason"] for row in told] == notes
    (file,) = (tmp_path / "out.tariffs").iterdir()
    assert file.name == f"{tariff}.toml"
    price = tomllib.loads(file.read_text(encoding="utf-8"))
    assert list(price) == ["base_won", "base_min", "step_won", "step_min", "day_max_won", "resident_pct", "source"]
    assert load_scenario(str(tmp_path / "out.toml")).tariffs_folder == str(file.parent)


def test_exchanged_coordinates_are_put_right_and_told(tmp_path):
    _, (bay,), (told,) = run(tmp_path, text({"위도": ROW["경도"], "경도": ROW["위도"]}))
    assert (bay["lat"], bay["lon"]) == (ROW["위도"], ROW["경도"])
    assert told["reason"] == Note.COORDINATES_SWAPPED


def test_several_spaces_are_laid_out_around_their_coordinate_and_told(tmp_path):
    report, bays, (told,) = run(tmp_path, text({"주차장 종류": "NW", "총 주차면": "45"}))
    assert (report.became_bays, report.bays, told["detail"]) == (1, 45, "45 bays")
    places = {(float(bay["lat"]), float(bay["lon"])) for bay in bays}
    assert len(places) == len(bays) == 45
    assert max(distance_m(Point(37.466541, 126.889935), Point(*place)) for place in places) < 60


def test_rows_of_one_code_are_bays_of_one_car_park(tmp_path):
    _, bays, _ = run(
        tmp_path, text({}, {"위도": "37.4666"}, {"주차장코드": "7", "위도": "37.4667"}, {"위도": "37.4668"})
    )
    assert [bay["bay"] for bay in bays] == ["100-1", "100-2", "7-1", "100-3"]


def test_only_the_districts_asked_for(tmp_path):
    other = {"주소": "종로구 창신동 1", "위도": "37.572", "경도": "127.017"}
    report, (bay,), _ = run(tmp_path, text({}, other), districts=frozenset({"jongno"}))
    assert (bay["zone"], report.dropped) == ("jongno", Counter({Reason.OTHER_DISTRICT: 1}))


def test_a_line_that_is_no_row_spoils_no_other(tmp_path):
    first, *rows = text(*({"위도": f"37.46{at}"} for at in range(5))).encode("cp949").splitlines(keepends=True)
    rows[0] = rows[0][:40] + b"\r\n"  # cut off inside quotes
    rows[1] = b"\xff\xff" + rows[1]
    rows[2] = b"," + rows[2]
    rows[3] = b'"' + b"x" * 3 * LINE_BYTES_MAX + b"\r\n"
    report, bays, told = run(tmp_path, first + b"".join(rows) + b"\r\n \r\n")
    assert (report.rows, report.dropped, len(bays)) == (5, Counter({Reason.UNREADABLE: 4}), 1)
    assert [row["line"] for row in told] == ["2", "3", "4", "5"]


@pytest.mark.parametrize("encoding", ["cp949", "utf-8", "utf-8-sig"])
def test_the_encoding_is_found_out(tmp_path, encoding):
    report, _, _ = run(tmp_path, text({}).encode(encoding))
    assert (report.form, report.encoding, report.became_bays) == ("seoul-official", encoding.removesuffix("-sig"), 1)


def test_the_other_form_is_read_too(tmp_path):
    head = "bay_id,name,gu,address,kind,lat,lon,weekday_from,weekday_to,weekend_from,weekend_to,"
    head += "base_won,base_min,add_won,add_min,day_max_won,coord_ok\n"
    row = "SEL-0001,x,강동구,y,시간제 + 거주자 주차장,37.53,127.125,09:00,19:00,09:00,15:00,250.0,5.0,,,15000.0,"
    report, (bay,), told = run(tmp_path, (head + row + "True\n" + row + "False\n").encode())
    assert report.form == "seoul-shared-bays"
    assert bay == {
        "bay": "sel-0001-1", "zone": "gangdong", "lat": "37.53", "lon": "127.125",
        "windows": "MO,TU,WE,TH,FR 09:00-19:00; SA 09:00-15:00", "tariff": "won250-5-250-5-max15000",
    }  # fmt: skip
    assert [row["reason"] for row in told] == [Note.STEP_IS_BASE, Reason.OUTSIDE_DISTRICT]


def test_a_file_is_read_while_it_goes_on_not_all_at_once(tmp_path):
    class Endless(io.BytesIO):
        def readline(self, _size=-1):
            return super().readline() or text({}).encode("cp949").splitlines(keepends=True)[1]

    file = Endless(text().encode("cp949"))
    lots = read_lots(read_heading(tmp_path, file), file)
    assert [lot.code for _, lot in islice(lots, 1_000)] == ["100"] * 1_000


def test_the_forms_cannot_be_confused():
    official, shared = FORMS
    assert not official.needed & shared.needed


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "not a file that can be imported"),
        (b"\x00\xff" * 40_000, "not a file that can be imported"),
        (text().encode("utf-16"), "not a file that can be imported"),
        (text().encode("cp949"), "no row becomes a bay"),
        (text({"위도": ""}).encode("cp949"), "no row becomes a bay"),
    ],
)
def test_an_import_of_nothing_leaves_nothing(tmp_path, content, reason):
    source = tmp_path / "lots.csv"
    source.write_bytes(content)
    with pytest.raises(SettingsError, match=reason):
        import_file(source, tmp_path / "new" / "out.toml", city="seoul")
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == [source]


def baybroker(monkeypatch, capsys, *arguments):
    monkeypatch.setattr(sys, "argv", ["baybroker", *map(str, arguments)])
    with pytest.raises(SystemExit) as ended:
        main()
    return ended.value.code, capsys.readouterr()


@pytest.mark.parametrize("name", ["seoul_public_carparks_sample.csv", "seoul_shared_bays.csv"])
def test_every_row_of_the_real_files_is_a_bay_or_a_counted_drop(tmp_path, monkeypatch, capsys, name):
    source, told_file = shared_file(name), tmp_path / "told.csv"
    code, said = baybroker(monkeypatch, capsys, "import", source, "--out", tmp_path, "--report", told_file, "--json")
    report = json.loads(said.out)
    with told_file.open(encoding="utf-8-sig") as file:
        dropped = [row for row in csv.DictReader(file) if row["outcome"] == "dropped"]
    rows = sum(1 for line in source.read_bytes().splitlines()[1:] if line)
    assert (code, report["rows"]) == (0, rows)
    assert rows == report["became_bays"] + sum(report["dropped"].values())
    assert Counter(row["reason"] for row in dropped) == report["dropped"]
    assert len({row["line"] for row in dropped}) == len(dropped)

    world = load_scenario(report["scenario"])
    city = build_city(world, streams(world.seed).city)
    assert len(city.bays) == report["bays"] > 800
    assert all(bay.windows and bay.tariff for bay in city.bays.values())


def test_the_sample_comes_to_what_was_counted_by_hand(tmp_path):
    report = import_file(shared_file("seoul_public_carparks_sample.csv"), tmp_path / "s.toml", city="seoul")
    assert (report.encoding, report.rows, report.became_bays, report.bays) == ("cp949", 2_955, 2_289, 2_699)
    assert report.dropped == {
        Reason.NO_COORDINATES: 372, Reason.NOT_FOR_CARS: 145, Reason.OFF_STREET: 116, Reason.DUPLICATE: 33,
    }  # fmt: skip


def test_the_table_tells_what_became_of_the_rows(tmp_path, monkeypatch, capsys):
    source = tmp_path / "Lots 2026.csv"
    source.write_bytes(text(GOOD, {"위도": ""}, {"운영구분": "4"}, dict.fromkeys(STEP, "")).encode("cp949"))
    monkeypatch.setenv("COLUMNS", "200")
    code, said = baybroker(monkeypatch, capsys, "import", source, "--out", tmp_path, "--district", "금천구")
    assert code == 0
    for line in (
        "became 2 bays with 2 tariffs: geumcheon 2",
        "dropped: no coordinates",
        "noted: no further step",
        "4 ",
    ):
        assert line in said.out
    assert load_scenario(str(tmp_path / "lots-2026.toml")).city == "seoul"


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        (("--district", "busan"), "--district 'busan' is no district of Seoul; there are: dobong, "),
        (("--city", "Seoul"), "--city 'Seoul'"),
        (("--report", "missing/told.csv"), "missing/told.csv: cannot be written"),
    ],
)
def test_a_bad_option_is_told_in_one_line(tmp_path, monkeypatch, capsys, options, reason):
    source = tmp_path / "lots.csv"
    source.write_bytes(text({}).encode("cp949"))
    code, said = baybroker(monkeypatch, capsys, "import", source, "--out", tmp_path, *options)
    assert code == 2
    assert reason in said.err
    assert said.err.count("\n") == 1


@pytest.mark.parametrize("name", ["lots.toml", "lots.bays.csv", "lots.tariffs", "told.csv"])
def test_nothing_is_overwritten(tmp_path, monkeypatch, capsys, name):
    source, mine = tmp_path / "lots.csv", tmp_path / name
    source.write_bytes(text({}).encode("cp949"))
    mine.write_text("mine")
    code, said = baybroker(
        monkeypatch, capsys, "import", source, "--out", tmp_path, "--report", tmp_path / "told.csv"
    )  # fmt: skip
    assert code == 2
    assert said.err.startswith(f"baybroker: {mine} exists already")
    assert mine.read_text() == "mine"


def test_a_missing_file_is_told_in_one_line(tmp_path, monkeypatch, capsys):
    code, said = baybroker(monkeypatch, capsys, "import", tmp_path / "none.csv", "--out", tmp_path)
    assert (code, said.err) == (2, f"baybroker: {tmp_path / 'none.csv'}: cannot be read: No such file or directory\n")
