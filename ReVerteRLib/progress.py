"""How long work tells of itself and is stopped."""

from __future__ import annotations

from collections.abc import Callable

Progress = Callable[[int, int, str], None]
"""progress(done, total, text)"""
Cancelled = Callable[[], bool]
"""True when the user wants the work to stop; asked between units of work."""
