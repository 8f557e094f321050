"""Resources/Docs/cluster.md: its scripts can be run, its options exist; no patient's name reaches an index."""

from __future__ import annotations

import csv
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from ReVerteRLib.batch import BatchCase, process_batch
from ReVerteRLib.cli.main import build_parser

PAGE = Path(__file__).resolve().parents[3] / "Resources" / "Docs" / "cluster.md"


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)


def test_its_shell_scripts_are_well_formed():
    if shutil.which("bash") is None:
        pytest.skip("there is no bash")
    scripts = blocks("bash")
    assert len(scripts) == 2
    for script in scripts:
        done = subprocess.run(["bash", "-n"], input=script, capture_output=True, text=True)
        assert (done.returncode, done.stderr) == (0, "")


def test_its_reverter_commands_and_options_exist():
    text = PAGE.read_text(encoding="utf-8").replace("\\\n", " ")
    commands = re.findall(r"^(?:.*-m ReVerteRLib|reverter) ((?:batch|train) .*?)(?:#.*|&)?$", text, re.MULTILINE)
    assert len(commands) == 6
    for command in commands:
        words = command.replace('"${resume[@]}"', "--resume").replace("$SLURM_NTASKS", "20").replace('"', "").split()
        assert build_parser().parse_args(words).command == words[0]


def test_its_job_script_is_what_dask_jobqueue_makes():
    program = compile(blocks("python")[0], "run_batch.py", "exec")
    pytest.importorskip("dask_jobqueue", reason="dask-jobqueue is not installed")
    names: dict = {"__name__": "run_batch"}
    exec(program, names)  # noqa: S102 - our own page
    with names["slurm_cluster"]() as cluster:
        script = cluster.job_script()
    for line in ("#SBATCH -p cpu", "#SBATCH --cpus-per-task=4", "#SBATCH -t 04:00:00", "umask 077"):
        assert line in script.splitlines()
    assert "--nthreads 4" in script
    assert "--lifetime 225m" in script


def test_no_patients_name_reaches_the_index(quick, runner, tmp_path, monkeypatch):
    """One DICOM file is no CT: the case fails, with all that the reader has to say about it."""
    pydicom = pytest.importorskip("pydicom")
    monkeypatch.setenv("REVERTER_CACHE", str(tmp_path / "cache"))
    series = tmp_path / "series"
    series.mkdir()
    for number in range(3):
        dataset = _slice(pydicom, number)
        dataset.save_as(series / f"{number}.dcm", enforce_file_format=True)
    (series / "2.dcm").write_bytes((series / "2.dcm").read_bytes()[:-200])
    result = process_batch([BatchCase("P1", ct=series)], tmp_path / "out", options=quick, worker=runner)
    assert len(result.outcomes) == 1
    with (tmp_path / "out" / "index.csv").open(newline="") as stream:
        (row,) = csv.DictReader(stream)
    assert row["case"] == "P1"
    assert row["status"] == "failed"
    for path in (tmp_path / "out").rglob("*"):
        if path.is_file():
            content = path.read_bytes().lower()
            assert not any(secret in content for secret in (b"musterfrau", b"4711-x", b"19420101")), path


def _slice(pydicom, number):
    """A CT slice of Musterfrau^Erika."""
    from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian, generate_uid

    dataset = pydicom.Dataset()
    dataset.file_meta = pydicom.dataset.FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.SOPClassUID = dataset.file_meta.MediaStorageSOPClassUID = CTImageStorage
    dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID = generate_uid()
    dataset.PatientName, dataset.PatientID, dataset.PatientBirthDate = "Musterfrau^Erika", "4711-X", "19420101"
    dataset.Modality, dataset.SeriesInstanceUID, dataset.StudyInstanceUID = "CT", "1.2.3.4", "1.2.3"
    dataset.ImagePositionPatient, dataset.ImageOrientationPatient = [0, 0, number], [1, 0, 0, 0, 1, 0]
    dataset.PixelSpacing, dataset.SliceThickness, dataset.InstanceNumber = [1, 1], 1, number + 1
    dataset.Rows = dataset.Columns = 16
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit = 16, 16, 15
    dataset.PixelRepresentation, dataset.SamplesPerPixel, dataset.PhotometricInterpretation = 1, 1, "MONOCHROME2"
    dataset.RescaleSlope, dataset.RescaleIntercept = 1, 0
    dataset.PixelData = bytes(512)
    return dataset
