"""MRML side: everything that knows 3D Slicer's scene, the same code inside Slicer and under slicer-core.

Importing this package loads nothing heavy; `slicer` and `vtk` are imported by the functions that need them.
"""
