"""The real worker on a computer with something wrong; started by tests as a program. The first argument says what."""

from __future__ import annotations

import ctypes
import resource
import sys

MODE, *REST = sys.argv[1:]


class _NoTorch:
    """Finds no PyTorch."""

    @staticmethod
    def find_spec(name, path=None, target=None):  # noqa: ARG004 - as importlib calls it
        if name.split(".")[0] == "torch":
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)


def _forbid_network(event, _arguments):
    if event in {"socket.connect", "socket.getaddrinfo", "socket.gethostbyname", "socket.bind", "socket.sendto"}:
        raise PermissionError(13, f"{event} is forbidden here")


def _crash(_arguments, context):
    context.progress(0, 2, "L1", stage="network")
    print("loading libbroken.so", file=sys.stderr, flush=True)
    ctypes.string_at(0)


if MODE == "no-torch":
    sys.meta_path.insert(0, _NoTorch())
elif MODE == "offline":
    sys.addaudithook(_forbid_network)
elif MODE == "small-disk":
    resource.setrlimit(resource.RLIMIT_FSIZE, (int(REST[0]), int(REST[0])))

if __name__ == "__main__":
    from ReVerteRLib.worker import registry, server

    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if MODE == "crash":
        registry.JOB_FUNCTIONS["reconstruct"] = _crash
    sys.exit(server.main())
