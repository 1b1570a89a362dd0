"""What every level of tests may be told on the command line."""

from __future__ import annotations

from pathlib import Path


def pytest_addoption(parser):
    parser.addoption(
        "--screenshots", type=Path, default=None, metavar="FOLDER", help="write each page, light and dark, to a folder"
    )
