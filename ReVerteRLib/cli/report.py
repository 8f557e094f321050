"""The demo's report page: one HTML file with its pictures inside."""

from __future__ import annotations

import base64
import html
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from ReVerteRLib.files import write_text

_STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; color: #1c2733; max-width: 1080px; margin: 2em auto; padding: 0 1em; }
h1 { font-size: 1.6em; margin-bottom: .1em; } h2 { font-size: 1.15em; margin-top: 2em; }
.use { color: #8a4b00; font-weight: 600; } .small { color: #55636f; font-size: .9em; }
table { border-collapse: collapse; }
th, td { padding: .25em .9em; text-align: right; border-bottom: 1px solid #dde3e8; }
th:first-child, td:first-child { text-align: left; } tr.mean td { font-weight: 600; border-top: 2px solid #93a1ad; }
.pictures { display: flex; flex-wrap: wrap; gap: 12px; } figure { margin: 0; }
figure img { height: 420px; max-width: 100%; border: 1px solid #dde3e8; }
figcaption { font-size: .85em; color: #55636f; }
"""
_PICTURES = {
    "picture ap": "AP radiograph with centroids and outlines of the result",
    "picture lateral": "Lateral radiograph with centroids and outlines of the result",
    "picture 3d front": "Result from the front",
    "picture 3d side": "From the patient's side",
    "picture 3d 60": "From 60 degrees",
}
_CENTROIDS = {"reference": "taken from its mask", "automatic": "found in them automatically"}
_SMALL_PRINT = (
    "HD95: 95th percentile of the Hausdorff distance. NSD: normalised surface Dice at the given tolerance. Each "
    "vertebra is scored in its own cube around its centroid."
)
_SCORES = (
    ("dice", "Dice", "{:.3f}"),
    ("hd95_mm", "HD95 (mm)", "{:.2f}"),
    ("nsd_1mm", "NSD 1 mm", "{:.3f}"),
    ("nsd_2mm", "NSD 2 mm", "{:.3f}"),
    ("nsd_3mm", "NSD 3 mm", "{:.3f}"),
    ("seconds", "seconds", "{:.2f}"),
)


def write_report(record: dict[str, Any], folder: Path) -> Path:
    """report.html in `folder` from the record of report.json; pictures are embedded. Raises OutputError."""
    parts = [
        "<!doctype html><html lang='en'><head><meta charset='utf-8'><title>ReVerteR demo</title>",
        f"<style>{_STYLE}</style></head><body>",
        "<h1>ReVerteR demo</h1>",
        "<p class='use'>Research use only. Not a medical device.</p>",
        _introduction(record),
        "<div class='pictures'>",
        *_figures(record["files"], folder),
        "</div><h2>Scores</h2>",
        _score_table(record),
        *_notes(record["notes"]),
        "<h2>Time</h2>",
        _table(("stage", "seconds"), [(name, f"{s:.2f}") for name, s in record["stages_s"].items()]),
        "<h2>Files</h2>",
        _table(("what", "where"), [(kind, path) for kind, path in record["files"].items()]),
        f"<h2>Sources</h2><p>{_text(record['sample']['source'])}</p>",
        f"<p class='small'>{_SMALL_PRINT} Weights SHA-256 {_text(record['weights']['sha256'])}.</p></body></html>",
    ]
    write_text(folder / "report.html", "\n".join(parts))
    return folder / "report.html"


def _introduction(record: dict[str, Any]) -> str:
    return (
        f"<p>Two radiographs were simulated from the {_text(record['sample']['name'])}, one centroid per vertebra was "
        f"{_CENTROIDS.get(record.get('centroids', 'reference'), 'read from a file')}, "
        f"and {len(record['vertebrae'])} vertebrae were reconstructed with the weights "
        f"<b>{_text(record['weights']['name'])}</b> on {_text(record['device'])} by ReVerteR "
        f"{_text(record['reverter'])}. The scores compare the result with the mask of the CT itself.</p>"
    )


def _text(value: Any) -> str:
    return html.escape(str(value))


def _figures(files: dict[str, str], folder: Path) -> Iterable[str]:
    for kind, caption in _PICTURES.items():
        if kind in files:
            data = base64.b64encode((folder / files[kind]).read_bytes()).decode("ascii")
            picture = f"<img src='data:image/png;base64,{data}' alt='{_text(caption)}'>"
            yield f"<figure>{picture}<figcaption>{_text(caption)}</figcaption></figure>"


def _notes(notes: Sequence[str]) -> list[str]:
    return ["<h2>Notes</h2><ul>", *(f"<li>{_text(note)}</li>" for note in notes), "</ul>"] if notes else []


def _score_table(record: dict[str, Any]) -> str:
    rows = [(row["level"], *(layout.format(row[key]) for key, _, layout in _SCORES)) for row in record["rows"]]
    evaluation = record["evaluation"]
    means = [
        layout.format(evaluation[key]["mean"]) if isinstance(evaluation.get(key), dict) else ""
        for key, _, layout in _SCORES
    ]
    found, count = evaluation.get("found", evaluation)["n"], evaluation["n"]
    lost = "" if found == count else f"<p>{found} of {count} vertebrae were found; the others count with Dice 0.</p>"
    return lost + _table(("level", *(name for _, name, _ in _SCORES)), rows, last=("mean", *means))


def _table(head: Sequence[str], rows: Sequence[Sequence[Any]], last: Sequence[Any] | None = None) -> str:
    def row(cells: Sequence[Any], tag: str = "td", kind: str = "") -> str:
        return f"<tr{kind}>" + "".join(f"<{tag}>{_text(cell)}</{tag}>" for cell in cells) + "</tr>"

    body = "".join(row(cells) for cells in rows)
    foot = row(last, kind=" class='mean'") if last else ""
    return f"<table>{row(head, 'th')}{body}{foot}</table>"
