"""No tracked file names a package registry or a path of the machine it was written on."""

from __future__ import annotations

import re
import subprocess

import pytest
from tidy_rules import ROOT

# Written with [.] so that this file does not find itself.
FORBIDDEN = {
    "a package registry's host": re.compile(r"pypi[.]org|pythonhosted[.]|registry[.]npmjs|(deb|snapshot)[.]debian[.]"),
    "a path of one machine": re.compile(r"(?<![\w.])/(?:work|farm|home/\w+|root)/"),
}
SAMPLES = ["https://pypi" + ".org/simple", "see /wo" + "rk/main", "/ro" + "ot/.pyenv", "/ho" + "me/kim/src"]


def findings(text):
    return [what for what, pattern in FORBIDDEN.items() if pattern.search(text)]


@pytest.fixture(scope="module")
def tracked():
    done = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        pytest.skip("not a git checkout")
    return [ROOT / name for name in done.stdout.splitlines() if (ROOT / name).is_file()]


def test_names_no_registry_and_no_machine(tracked):
    assert len(tracked) > 10
    texts = ((path, path.read_bytes().decode("utf-8", "replace")) for path in tracked)
    found = [(str(path.relative_to(ROOT)), findings(text)) for path, text in texts]
    assert [entry for entry in found if entry[1]] == []


@pytest.mark.parametrize("sample", SAMPLES)
def test_would_find_one(sample):
    assert findings(sample)


def test_lets_ordinary_text_pass():
    assert findings("config/mosquitto/acl, ./work/x, /var/lib, framework/") == []
