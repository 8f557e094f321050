"""Reading cases from CSV files and folders."""

from __future__ import annotations

import pytest

from ReVerteRLib.batch import BatchCase, read_cases
from ReVerteRLib.errors import InputError


def write(tmp_path, text, name="cases.csv"):
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    return path


def test_all_columns_with_paths_relative_to_the_file(tmp_path):
    text = 'case,ct,ap,lateral,centroids,levels,anchor\nA,,a/ap.nrrd,a/lat.nrrd,a/c.mrk.json,"T12,L1",\n'
    text += "B,b.nii.gz,,,,T10-L2,L1=ap:3,4\n".replace("L1=ap:3,4", '"L1=ap:3,4"')
    first, second = read_cases(write(tmp_path, text))
    assert first.inputs == {
        "ap": tmp_path / "a/ap.nrrd", "lateral": tmp_path / "a/lat.nrrd", "centroids": tmp_path / "a/c.mrk.json",
    }  # fmt: skip
    assert first.levels == ("T12", "L1")
    assert (second.inputs, second.levels, second.anchors) == (
        {"ct": tmp_path / "b.nii.gz"},
        ("T10-L2",),
        ("L1=ap:3,4",),
    )
    assert first.problem == second.problem == ""


def test_semicolons_a_byte_order_mark_and_capitals_as_excel_writes_them(tmp_path):
    (case,) = read_cases(write(tmp_path, "\ufeffCase;CT\nMüller;ct.nii\n"))
    assert (case.name, case.ct) == ("Müller", tmp_path / "ct.nii")


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("A,,x,", "only the ap radiograph is given"),
        ("A,,,", "neither radiographs nor a CT"),
        ("A,ct.nii,x,y", "a CT and radiographs are given"),
        (",ct.nii,,", "the case has no name"),
        ("A,ct.nii,,,T12,L1", "more cells than there are columns"),
        ("A,ct.nii,,,Q9", "'Q9' is not a vertebral level"),
    ],
)
def test_a_faulty_line_is_a_case_with_a_problem(tmp_path, line, problem):
    bad, good = read_cases(write(tmp_path, f"case,ct,ap,lateral,levels\n{line}\nZ,ct.nii,,,\n"))
    assert problem in bad.problem
    assert bad.where.endswith("line 2")
    assert (good.name, good.problem) == ("Z", "")


def test_two_cases_of_one_name_never_share_a_folder(tmp_path):
    cases = read_cases(write(tmp_path, "case,ct\nA,1.nii\na,2.nii\nb/c,3.nii\nb:c,4.nii\n"))
    assert len({c.folder_name.lower() for c in cases}) == 4
    assert [bool(c.problem) for c in cases] == [False, True, False, True]


@pytest.mark.parametrize(
    ("text", "what"),
    [("", "columns are missing"), ("name,ct\nA,b\n", "column 'name' is unknown"), ("case,ct\n", "no case in it")],
)
def test_a_file_without_usable_cases_is_refused(tmp_path, text, what):
    with pytest.raises(InputError, match=what):
        read_cases(write(tmp_path, text))


def test_a_source_that_is_not_there(tmp_path):
    with pytest.raises(InputError, match="no such file or folder"):
        read_cases(tmp_path / "no.csv")


def test_subfolders_with_recognisable_files(tmp_path):
    for path in ("both/ap.nii.gz", "both/lateral.mha", "both/ct.nii", "ct only/ct.nii.gz", "half/lateral.nrrd",
                 "series/ct/1.dcm", "other/notes.txt", ".hidden/ct.nii", "both/centroids.mrk.json"):  # fmt: skip
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text("")
    found = {case.name: case for case in read_cases(tmp_path)}
    assert set(found) == {"both", "ct only", "half", "series"}
    assert set(found["both"].inputs) == {"ap", "lateral", "centroids"}
    assert found["ct only"].ct == tmp_path / "ct only" / "ct.nii.gz"
    assert found["series"].ct == tmp_path / "series" / "ct"
    assert "only the lateral radiograph" in found["half"].problem


@pytest.mark.parametrize(
    ("name", "folder"), [("../up", "_up"), ("CON", "CON_"), ("  ", "case"), ("Ärzte 3", "Ärzte 3")]
)
def test_a_name_never_leads_out_of_the_results(name, folder):
    assert BatchCase(name).folder_name == folder
