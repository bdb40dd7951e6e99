"""Secrets at rest: they open for their row, with their key, and for nothing else."""

import pytest

from models.secrets import CannotOpen, Vault

OLD, NEW = "old-" * 8, "new-" * 8
TEXT = "Bearer é-secret"


def test_what_was_sealed_opens_for_its_row() -> None:
    vault = Vault(NEW)

    sealed = vault.seal(TEXT, project_id=1, of="channel:3")

    assert vault.open(sealed, project_id=1, of="channel:3") == TEXT
    assert b"secret" not in sealed
    assert vault.seal(TEXT, project_id=1, of="channel:3") != sealed


@pytest.mark.parametrize(("project_id", "of"), [(2, "channel:3"), (1, "channel:4"), (1, "health_check:3")])
def test_it_opens_for_no_other_row(project_id: int, of: str) -> None:
    vault = Vault(NEW)
    sealed = vault.seal(TEXT, project_id=1, of="channel:3")

    with pytest.raises(CannotOpen, match="another row"):
        vault.open(sealed, project_id=project_id, of=of)


def test_another_key_is_said_to_be_another() -> None:
    sealed = Vault(OLD).seal(TEXT, project_id=1, of="channel:3")

    with pytest.raises(CannotOpen, match="VIGIE_ENCRYPTION_KEY"):
        Vault(NEW).open(sealed, project_id=1, of="channel:3")


def test_a_replaced_key_still_opens_and_seals_no_more() -> None:
    vault = Vault(NEW, OLD)

    assert vault.open(Vault(OLD).seal(TEXT, project_id=1, of="x"), project_id=1, of="x") == TEXT
    assert Vault(NEW).open(vault.seal(TEXT, project_id=1, of="x"), project_id=1, of="x") == TEXT


@pytest.mark.parametrize("place", [0, 5, 12, 25, -1])
def test_a_changed_byte_is_noticed(place: int) -> None:
    vault = Vault(NEW)
    sealed = bytearray(vault.seal(TEXT, project_id=1, of="x"))
    sealed[place] ^= 1

    with pytest.raises(CannotOpen):
        vault.open(bytes(sealed), project_id=1, of="x")


@pytest.mark.parametrize("garbage", [b"", b"\x01", b"\x01" + bytes(8), b"plain text"])
def test_garbage_is_no_secret(garbage: bytes) -> None:
    with pytest.raises(CannotOpen):
        Vault(NEW).open(garbage, project_id=1, of="x")
