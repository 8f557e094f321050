"""The whole batch: cases in order, the index after each of them."""

from __future__ import annotations

import csv
import dataclasses
import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from ReVerteRLib.batch.case import BatchOptions, CaseOutcome, process_case
from ReVerteRLib.batch.cases import BatchCase, read_cases
from ReVerteRLib.batch.runners import JobRunner, runner_of
from ReVerteRLib.errors import CancelledError
from ReVerteRLib.files import ensure_writable_folder, write_text
from ReVerteRLib.progress import Cancelled, Progress
from ReVerteRLib.worker.client import WorkerClient

INDEX_FILE = "index.csv"


@dataclass(frozen=True)
class BatchResult:
    """All outcomes in the order of the cases, and the index."""

    outcomes: tuple[CaseOutcome, ...]
    index: Path

    @property
    def failed(self) -> tuple[CaseOutcome, ...]:
        """Cases with an error."""
        return tuple(o for o in self.outcomes if o.status == "failed")


def process_batch(
    cases: Path | str | Sequence[BatchCase],
    out_dir: Path | str,
    *,
    options: BatchOptions | None = None,
    worker: WorkerClient | JobRunner | None = None,
    progress: Progress | None = None,
    cancelled: Cancelled | None = None,
    on_case: Callable[[CaseOutcome], None] | None = None,
) -> BatchResult:
    """Processes all cases into subfolders of `out_dir` (see case.process_case) and writes index.csv there.

    cases:    a CSV file or a folder (see cases.read_cases), or cases.
    worker:   what runs the jobs; None: a worker process of its own.
    progress: (finished cases, all cases, what happens now).
    on_case:  called with each outcome.
    A case that fails is a line of the index with its error, nothing more. Finished cases are not done again, so the
    same call goes on after any interruption. Two batches must not write to one folder at the same time.
    Raises InputError when there are no cases, OutputError when `out_dir` or the index cannot be written, and
    CancelledError, after the index was written, when `cancelled` said so.
    """
    found = read_cases(Path(cases)) if isinstance(cases, str | Path) else list(cases)
    out = ensure_writable_folder(Path(out_dir).absolute())
    outcomes = [CaseOutcome(case.name, "waiting") for case in found]
    options = options or BatchOptions()
    with runner_of(worker) as runner:
        for number, case in enumerate(found):
            if cancelled is not None and cancelled():
                break
            told = _told(progress, number, len(found), case.name)
            outcomes[number] = process_case(
                case, out / case.folder_name, options, runner, progress=told, cancelled=cancelled
            )
            write_index(outcomes, out)
            if on_case is not None:
                on_case(outcomes[number])
            if outcomes[number].status == "cancelled":
                break
    write_index(outcomes, out)
    finished = [o for o in outcomes if o.status in ("done", "failed")]
    if len(finished) < len(outcomes):
        what = f"cancelled after {len(finished)} of {len(outcomes)} cases"
        raise CancelledError(what, where=out, remedy="What is finished is kept; run the same again to go on")
    if progress is not None:
        progress(len(found), len(found), "")
    return BatchResult(tuple(outcomes), out / INDEX_FILE)


def _told(progress: Progress | None, number: int, total: int, name: str) -> Progress | None:
    if progress is None:
        return None

    def tell(done: int, parts: int, text: str) -> None:
        share = f" ({done} of {parts})" if parts else ""
        progress(number, total, f"{name}: {text}{share}")

    tell(0, 0, "begins")
    return tell


def write_index(outcomes: Sequence[CaseOutcome], folder: Path) -> Path:
    """index.csv: one line per case, folders relative to it; lists are separated by blanks. Raises OutputError."""
    stream = io.StringIO()
    names = [field.name for field in dataclasses.fields(CaseOutcome)]
    writer = csv.DictWriter(stream, names, lineterminator="\n")
    writer.writeheader()
    for outcome in outcomes:
        row = {name: getattr(outcome, name) for name in names}
        row |= {key: " ".join(row[key]) for key in ("found", "empty")}
        row |= {"notes": " | ".join(outcome.notes), "resumed": "yes" if outcome.resumed else "no"}
        row["folder"] = Path(outcome.folder).name if outcome.folder else ""
        writer.writerow(row)
    write_text(folder / INDEX_FILE, stream.getvalue())
    return folder / INDEX_FILE
