"""Loads structlog without rich, which structlog loads where it is installed, to paint on terminals. Import this first.

A worker paints nothing: this saves 3 MB of it and a sixth of its start. A command that paints loads rich when it does.
"""

import importlib
import sys

if "rich" not in sys.modules:
    sys.modules["rich"] = None  # type: ignore[assignment]  # None makes the import fail, as if it were not installed
    importlib.import_module("gateway.ops.log")  # the door of structlog
    del sys.modules["rich"]
