"""Which cases a batch has: from a CSV file or a folder.

A CSV file (UTF-8, commas or semicolons) has a line of column names: `case`, and either `ct` or `ap` and `lateral`;
`centroids` (.mrk.json), `levels` (T12,L1 or T10-L2; in quotes, or with blanks) and `anchor` (as `reverter annotate
--anchor`; several with blanks between) may be left out or empty. Paths are relative to the file.

In a folder every subfolder is a case of its name (hidden ones and those without any of these files are passed over):
ap.* and lateral.* (NRRD, NIfTI, MetaImage), else ct.* or a subfolder ct with a DICOM series; centroids.mrk.json where
there is one.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from ReVerteRLib.errors import InputError, ReVerteRError

COLUMNS = ("case", "ct", "ap", "lateral", "centroids", "levels", "anchor")
_IMAGES = (".nrrd", ".nhdr", ".nii.gz", ".nii", ".mha", ".mhd")
_UNSAFE = re.compile(r'[\x00-\x1f<>:"/\\|?*]+')
_RESERVED = {"con", "prn", "aux", "nul", *(f"{d}{n}" for d in ("com", "lpt") for n in range(1, 10))}


@dataclass(frozen=True)
class BatchCase:
    """One case; it can be pickled and sent to another machine that sees the same files.

    name:    as given; `folder_name` is the part of it that may name a folder.
    where:   where it was found, for messages.
    problem: why it cannot be processed, found while it was read; it becomes the case's error.
    """

    name: str
    ct: Path | None = None
    ap: Path | None = None
    lateral: Path | None = None
    centroids: Path | None = None
    levels: tuple[str, ...] = ()
    anchors: tuple[str, ...] = ()
    where: str = ""
    problem: str = ""

    @property
    def folder_name(self) -> str:
        """The name without what Windows, macOS or Linux refuse in a folder's name."""
        name = _UNSAFE.sub("_", self.name).strip(" .") or "case"
        return f"{name}_" if name.lower() in _RESERVED else name[:120]

    @property
    def inputs(self) -> dict[str, Path]:
        """The given files and folders by kind."""
        found = {"ct": self.ct, "ap": self.ap, "lateral": self.lateral, "centroids": self.centroids}
        return {kind: path for kind, path in found.items() if path is not None}

    def check(self) -> None:
        """Raises InputError for what was found wrong while it was read."""
        if self.problem:
            raise InputError(self.problem, where=self.where, remedy="Correct it and run the batch again")


def read_cases(source: Path) -> list[BatchCase]:
    """The cases of a CSV file or a folder; a faulty line becomes a case with a `problem`.

    Raises InputError when there is nothing to read at all: no such file, no usable columns, no case.
    """
    source = Path(source)
    if not source.exists():
        raise InputError("no such file or folder", where=source, remedy="Give a CSV file or a folder with cases")
    cases = _from_folder(source) if source.is_dir() else _from_csv(source)
    if not cases:
        raise InputError(
            "there is no case in it", where=source, remedy="A case needs ap and lateral radiographs or a ct"
        )
    return _without_twins(cases)


def _without_twins(cases: Iterable[BatchCase]) -> list[BatchCase]:
    """A second case with the same folder gets a number in its name and a problem."""
    result: list[BatchCase] = []
    taken: set[str] = set()
    for case in cases:
        name, number = case.name, 1
        while BatchCase(name).folder_name.lower() in taken:
            number += 1
            name = f"{case.name} ({number})"
        taken.add(BatchCase(name).folder_name.lower())
        twin = name != case.name
        problem = case.problem or (f"there is more than one case called '{case.name}'" if twin else "")
        result.append(BatchCase(**{**vars(case), "name": name, "problem": problem}))
    return result


# --- CSV -------------------------------------------------------------------------------------------


def _from_csv(path: Path) -> list[BatchCase]:
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"the file cannot be read ({error})", where=path, remedy="Save it as CSV in UTF-8") from error
    first = text.split("\n", maxsplit=1)[0]
    reader = csv.DictReader(text.splitlines(), delimiter=";" if first.count(";") > first.count(",") else ",")
    reader.fieldnames = [str(name).strip().lower() for name in reader.fieldnames or ()]
    heads = set(reader.fieldnames)
    unknown = sorted(heads - set(COLUMNS))
    if "case" not in heads or not (heads >= {"ap", "lateral"} or "ct" in heads) or unknown:
        what = f"the column '{unknown[0]}' is unknown" if unknown else "columns are missing"
        remedy = f"Use case, and ct or ap and lateral; known are {', '.join(COLUMNS)}"
        raise InputError(what, where=path, remedy=remedy)
    try:
        return [_from_row(row, f"{path}, line {reader.line_num}", path.parent) for row in reader if any(row.values())]
    except csv.Error as error:
        raise InputError(f"the file is no CSV ({error})", where=path, remedy="Save it as CSV in UTF-8") from error


def _from_row(row: Mapping[str | None, object], where: str, folder: Path) -> BatchCase:
    cells = {str(k): v.strip() for k, v in row.items() if k is not None and isinstance(v, str)}
    paths = {kind: folder / cells[kind] if cells.get(kind) else None for kind in ("ct", "ap", "lateral", "centroids")}
    levels = tuple(filter(None, re.split(r"[,\s]+", cells.get("levels", ""))))
    anchors = tuple(cells.get("anchor", "").split())
    problem = _problem(cells, None in row)
    name = cells.get("case", "") or where.rsplit(", ", maxsplit=1)[-1]
    return BatchCase(name, **paths, levels=levels, anchors=anchors, where=where, problem=problem)


def _problem(cells: Mapping[str, str], too_many: bool) -> str:
    if too_many:
        return "the line has more cells than there are columns (put levels with commas in quotes)"
    if not cells.get("case"):
        return "the case has no name"
    views = [kind for kind in ("ap", "lateral") if cells.get(kind)]
    if cells.get("ct") and views:
        return "a CT and radiographs are given, only one of them can be used"
    if not cells.get("ct") and len(views) < 2:
        return f"only the {views[0]} radiograph is given" if views else "neither radiographs nor a CT are given"
    try:
        from ReVerteRLib.anatomy import parse_levels

        parse_levels(",".join(re.split(r"[,\s]+", cells.get("levels", ""))))
    except ReVerteRError as error:
        return error.what
    return ""


# --- folder ----------------------------------------------------------------------------------------


def _from_folder(folder: Path) -> list[BatchCase]:
    subfolders = sorted(p for p in folder.iterdir() if p.is_dir() and not p.name.startswith("."))
    return [case for case in map(_from_subfolder, subfolders) if case is not None]


def _from_subfolder(folder: Path) -> BatchCase | None:
    ap, lateral, ct = (_image(folder, name) for name in ("ap", "lateral", "ct"))
    if ct is None and (folder / "ct").is_dir():
        ct = folder / "ct"
    centroids = folder / "centroids.mrk.json"
    centroids_or_none = centroids if centroids.is_file() else None
    if ap and lateral:
        return BatchCase(folder.name, ap=ap, lateral=lateral, centroids=centroids_or_none, where=str(folder))
    if ct:
        return BatchCase(folder.name, ct=ct, centroids=centroids_or_none, where=str(folder))
    if ap or lateral:
        problem = f"only the {'AP' if ap else 'lateral'} radiograph is there"
        return BatchCase(folder.name, where=str(folder), problem=problem)
    return None


def _image(folder: Path, name: str) -> Path | None:
    return next((path for suffix in _IMAGES if (path := folder / f"{name}{suffix}").is_file()), None)
