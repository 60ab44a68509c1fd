from datetime import datetime
from itertools import pairwise
from pathlib import Path

import pyarrow as pa
import pytest

from orchestration.simulation.clock import DAY, to_seconds
from orchestration.simulation.files import TableWriter, as_text, periods


@pytest.mark.parametrize("months", [1, 3])
@pytest.mark.parametrize("first_list", [0, DAY])
@pytest.mark.parametrize(
    "end", [datetime(2026, 6, 30, 12), datetime(2026, 6, 1), datetime(2026, 6, 1, 9), datetime(2026, 6, 2)]
)
def test_periods_cover_the_world_once_with_dates_of_their_own(
    end: datetime, first_list: int, months: int
) -> None:
    last = to_seconds(end)
    start = last - 400 * DAY
    found = periods(start, last, months=months, first_list=first_list)
    assert found[0].start == start
    assert found[-1].end == last + 1
    assert all(left.end == right.start for left, right in pairwise(found))
    dates = [period.exported_on for period in found]
    assert len(set(dates)) == len(dates)
    assert dates == sorted(dates)
    assert dates[-1] == f"{end:%Y-%m-%d}"


def test_as_text_writes_times_without_fractions() -> None:
    table = pa.table(
        {"at": pa.array([datetime(2026, 6, 1, 9, 30), None], pa.timestamp("us")), "n": [1.5, 2.0]}
    )
    assert as_text(table).to_pylist() == [{"at": "2026-06-01 09:30:00", "n": "1.5"}, {"at": None, "n": "2"}]


def test_writer_appends_rows_and_raw_lines_to_one_file(tmp_path: Path) -> None:
    rows = pa.table({"a": ["1"], "b": ["x, y"]})
    with TableWriter(tmp_path, "touches", "csv") as writer:
        writer.write("2026", "2026-06-01", [rows, b"broken\n"])
        path = writer.write("2026", "2026-06-01", [rows])
    assert path == tmp_path / "leadproof" / "touches" / "2026" / "touches_2026-06-01.csv"
    assert path.read_text() == '"a","b"\n"1","x, y"\nbroken\n"1","x, y"\n'
    assert writer.paths == [path]
