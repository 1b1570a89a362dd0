"""Where the data files are: an explicit path, `$BAYBROKER_CONFIG`, `./config`, the copy inside the package."""

from __future__ import annotations

import os
import tomllib
from importlib.resources import files
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, ValidationError

from broker_bridge.wire.errors import SettingsError

Model = TypeVar("Model", bound=BaseModel)


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


def load_toml(path: Path, model: type[Model]) -> Model:
    """Return what the file holds; raises SettingsError, in one line with the file and the first wrong field."""
    try:
        return model.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"{path}: cannot be read: {error}") from None
    except tomllib.TOMLDecodeError as error:
        raise SettingsError(f"{path}: not TOML: {error}") from None
    except ValidationError as error:
        problems = error.errors(include_url=False, include_input=False, include_context=False)
        # a misspelt field is also a missing one: the spelling is the better news
        first = min(problems, key=lambda problem: problem["type"] != "extra_forbidden")
        field = ".".join(str(part) for part in first["loc"]) or model.__name__.lower()
        reason = first["msg"].removeprefix("Value error, ")
        more = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
        raise SettingsError(f"{path}: {field}: {reason}{more}") from None
