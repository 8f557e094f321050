"""`python -m ReVerteRLib.worker`: speaks the protocol of `protocol.py` on standard input and output."""

from __future__ import annotations

import sys

from ReVerteRLib.worker.server import main

if __name__ == "__main__":
    sys.exit(main())
