"""Where the real data is: `$BAYBROKER_SHARED_DATA`, else `../shared/data` beside the project. It may be missing."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

DATA = Path(os.environ.get("BAYBROKER_SHARED_DATA") or Path(__file__).parents[2] / "shared" / "data")


def needs(name: str):
    """Return the file's path, and a mark that skips a test where it is missing, saying so."""
    path = DATA / name
    return path, pytest.mark.skipif(not path.exists(), reason=f"the real data ({path}) is not here")
