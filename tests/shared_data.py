"""Where the real data is, which is no part of the project."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

FOLDER = Path(os.environ.get("BAYBROKER_SHARED_DATA") or Path(__file__).parents[2] / "shared" / "data")


def shared_file(name: str) -> Path:
    """Return the file; skips the test, saying so, where it is not here."""
    path = FOLDER / name
    if not path.exists():
        pytest.skip(f"the real data ({path}; or set BAYBROKER_SHARED_DATA) is not here")
    return path


def needs(name: str):
    """Return the file's path, and a mark that skips a test where it is missing, saying so."""
    path = FOLDER / name
    return path, pytest.mark.skipif(not path.exists(), reason=f"the real data ({path}) is not here")
