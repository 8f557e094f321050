"""The sections of ReVerteR's panel, one file each. Only Qt and wiring: what can do without a window is in ReVerteRLib.

Properties are written as attributes (label.text = ...), which PythonQt and the tests' host both understand.
"""
