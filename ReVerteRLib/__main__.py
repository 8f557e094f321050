"""`python -m ReVerteRLib` is the command `reverter`."""

from __future__ import annotations

import sys

from ReVerteRLib.cli.main import main

sys.exit(main())
