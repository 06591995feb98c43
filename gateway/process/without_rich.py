"""Keeps rich out of a process. A worker imports this before structlog, which loads rich where it is installed, to paint
on terminals. A worker paints nothing: this saves 3 MB and a sixth of its start."""

import sys

sys.modules.setdefault("rich", None)  # type: ignore[arg-type]  # None makes the import fail, as if it were not installed
