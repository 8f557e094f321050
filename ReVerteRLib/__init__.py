"""ReVerteR: labelled 3D spines from two orthogonal radiographs."""

from __future__ import annotations

__version__ = "0.1.0"
