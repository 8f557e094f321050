"""Pictures of a training's journal."""

from __future__ import annotations

from pathlib import Path

from ReVerteRLib.files import written_aside
from ReVerteRLib.training.journal import read_journal

_NO_PANELS = ("step", "epoch", "progress", "seconds")


def plot_journal(journal: Path, target: Path) -> None:
    """One panel per column that has values, over the steps, as PNG; needs matplotlib. Raises OutputError."""
    from matplotlib.figure import Figure

    rows = read_journal(journal)
    series = {
        name: [(int(row["step"]), float(row[name])) for row in rows if row[name] not in ("", None)]
        for name in (rows[0] if rows else ())
        if name not in _NO_PANELS
    }
    panels = [name for name, points in series.items() if points]
    if not panels:
        return
    columns = min(3, len(panels))
    lines = -(-len(panels) // columns)
    figure = Figure(figsize=(4.2 * columns, 2.8 * lines), layout="constrained")
    for number, name in enumerate(panels):
        axes = figure.add_subplot(lines, columns, number + 1)
        steps, values = zip(*series[name], strict=True)
        axes.plot(steps, values, marker="o" if len(steps) < 30 else "", linewidth=1.0, color="#1f5f8b")
        axes.set_title(_TITLES.get(name, f"{name}, weighted"), fontsize=10)
        axes.set_xlabel("step", fontsize=8)
        axes.tick_params(labelsize=8)
        axes.grid(alpha=0.3)
    with written_aside(Path(target)) as aside:
        figure.savefig(aside, dpi=110)


_TITLES = {
    "lr": "learning rate",
    "total": "total loss",
    "discriminator": "discriminator loss",
    "gradient_norm": "gradient norm",
    "validation_dice": "validation Dice",
}
