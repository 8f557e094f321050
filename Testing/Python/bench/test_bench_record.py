from __future__ import annotations

import pytest

from ReVerteRLib.bench.record import Record, Row, read_record, timed_row, write_record
from ReVerteRLib.errors import InputError


def test_a_row_measured_again_replaces_the_old_one_in_its_place_and_the_rest_stays(tmp_path):
    first = [timed_row(("drr", "a", "x"), [3.0, 1.0, 2.0], peak_mb=5.0), Row("drr", "b", "x", note="not installed")]
    record = Record().with_rows(first, {"cores": 2}).with_rows([Row("training", "t", "y")], {"cores": 2})
    record = record.with_rows([timed_row(("drr", "a", "x"), [0.5])], {"cores": 4})
    write_record(record, tmp_path)
    found = read_record(tmp_path)
    assert found == record
    assert [row.key for row in found.rows] == [("drr", "a", "x"), ("drr", "b", "x"), ("training", "t", "y")]
    assert found.get("drr", "a", "x").seconds == 0.5
    assert found.get("drr", "b", "x").seconds is None
    assert found.machines == {"drr": {"cores": 4}, "training": {"cores": 2}}


def test_the_time_of_a_row_is_the_median():
    assert timed_row(("p", "n", "s"), [9.0, 1.0, 2.0]).seconds == 2.0
    assert timed_row(("p", "n", "s"), []).seconds is None


def test_an_empty_folder_holds_nothing_and_other_files_are_refused(tmp_path):
    assert read_record(tmp_path) == Record()
    (tmp_path / "bench.json").write_text('{"format": 99, "rows": []}')
    with pytest.raises(InputError, match="not a file of 'reverter bench'"):
        read_record(tmp_path)
