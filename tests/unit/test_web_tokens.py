"""The file of tokens: what it holds, who is let in, and that a change is seen at once."""

from __future__ import annotations

import json

import pytest

from baybroker.keeping.files import KeepingError
from baybroker.web.tokens import TokenFile, Tokens
from broker_bridge.wire.errors import SettingsError


@pytest.fixture
def file(tmp_path):
    return TokenFile(tmp_path / "tokens.json")


async def lets_in(tokens: Tokens, text: str) -> bool:
    named = tokens.find(text)
    return named is not None and (tokens.known(*named) or await tokens.verify(*named))


async def test_lets_in_whoever_has_the_secret(file):
    token, tokens = file.create("driver", "drv-1"), Tokens(file)
    row, secret = tokens.find(token)
    assert (row.role, row.subject) == ("driver", "drv-1")
    assert not tokens.known(row, secret)
    assert await tokens.verify(row, secret)
    assert tokens.known(row, secret)
    for wrong in ("", "bb", token[:-1], token + "x", token.replace("bb_", "cc_"), f"bb_{row.token_id}_", "bb_0_x"):
        assert not await lets_in(tokens, wrong), wrong


def test_keeps_hashes_only_in_a_private_file(file):
    token = file.create("operator", "op-1")
    other = file.create("operator", "op-1")
    secret = token.split("_", 2)[2]
    assert file.path.stat().st_mode & 0o777 == 0o600
    assert secret not in file.path.read_text()
    rows = json.loads(file.path.read_text())
    assert len({row["salt"] for row in rows} | {row["hash"] for row in rows}) == 4
    assert token != other


async def test_a_revoked_token_is_refused_without_a_restart(file):
    kept, gone, tokens = file.create("driver", "drv-1"), file.create("driver", "drv-2"), Tokens(file)
    assert await lets_in(tokens, gone)
    (row,) = file.revoke("drv-2")
    assert not await lets_in(tokens, gone)
    assert not tokens.stands(row.token_id)
    assert await lets_in(tokens, kept)
    file.revoke(kept.split("_")[1])
    assert not await lets_in(tokens, kept)
    file.path.unlink()
    assert not await lets_in(tokens, kept)


@pytest.mark.parametrize(
    ("role", "subject"), [("driver", "res-1"), ("operator", "op-"), ("driver", "drv-A"), ("resident", "res-a/b")]
)
def test_a_subject_carries_its_role(file, role, subject):
    with pytest.raises(SettingsError, match="begin with"):
        file.create(role, subject)


def test_says_what_cannot_be_revoked_or_read(file):
    with pytest.raises(SettingsError, match="no token has"):
        file.revoke("drv-1")
    file.path.write_text("nonsense")
    with pytest.raises(KeepingError, match="no file of tokens"):
        file.rows()
