"""Long work in a process of its own: it can be cancelled, may run out of memory, and never blocks a window.

`python -m ReVerteRLib.worker` is the worker; `WorkerClient` starts it, sends it jobs and restarts it after a crash.
"""
