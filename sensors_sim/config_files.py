"""Where the data files are: an explicit path, `$BAYBROKER_CONFIG`, `./config`, the copy inside the package."""

from __future__ import annotations

import os
from importlib.resources import files
from pathlib import Path

from broker_bridge.wire.errors import SettingsError


def config_dir() -> Path:
    """Return the folder of configuration files; raises SettingsError where there is none."""
    named = os.environ.get("BAYBROKER_CONFIG")
    if named:
        if not Path(named).is_dir():
            raise SettingsError(f"BAYBROKER_CONFIG names {named!r}, which is no folder")
        return Path(named)
    package = Path(str(files("baybroker")))
    # the last is where an editable install finds the checkout's own folder
    for folder in (Path("config"), package / "_config", package.parent / "config"):
        if (folder / "scenarios").is_dir():
            return folder
    raise SettingsError("no configuration found: set BAYBROKER_CONFIG to a folder that has scenarios/")


def find_config(folder: str, name_or_path: str) -> Path:
    """Return the TOML file of that name in the folder, or the file at that path; raises SettingsError."""
    if name_or_path.endswith(".toml") or "/" in name_or_path:
        path = Path(name_or_path)
        if not path.is_file():
            raise SettingsError(f"{name_or_path}: no such file")
        return path
    path = config_dir() / folder / f"{name_or_path}.toml"
    if not path.is_file():
        known = ", ".join(sorted(other.stem for other in path.parent.glob("*.toml"))) or "none"
        raise SettingsError(f"no {folder[:-1]} is named {name_or_path!r}; there are: {known}")
    return path
