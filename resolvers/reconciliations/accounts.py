"""Accounts with providers: saved with their key sealed, listed, deleted."""

import datetime as dt
from collections.abc import Sequence
from typing import Final

from sqlalchemy import ColumnElement, delete, select

from models import ProviderAccount, ProviderCost, ReadSession, WriteSession
from models.secrets import CannotOpen, Vault
from resolvers.audit_entries import record_audit_entry
from resolvers.errors import Invalid, NotFound
from resolvers.locks import lock_project
from resolvers.texts import check_text

MOST_KEY: Final = 500
MOST_PROJECTS: Final = 50
MOST_PROJECT: Final = 100
SHOWN: Final = 4
NO_SUCH: Final = "There is no account with this provider in this project."


async def save_account(
    session: WriteSession,
    *,
    project_id: int,
    provider: str,
    key: str | None,
    billed_projects: Sequence[str] | None,
    vault: Vault,
    actor: str,
) -> ProviderAccount:
    """Adds the account with a provider, or changes it; None keeps what is stored. The next fetch begins anew.

    Raises Invalid.
    """
    now = dt.datetime.now(dt.UTC)
    await lock_project(session, project_id=project_id)
    account = await get_account(session, project_id=project_id, provider=provider)
    if account is None:
        if key is None:
            raise Invalid("A new account needs its admin key.", field="adminKey")
        account = ProviderAccount(project_id=project_id, provider=provider, billed_projects=[], created_at=now)
        session.add(account)
    if key is not None:
        key = _checked(key)
        account.encrypted_key = vault.seal(key, project_id=project_id, of=_of(provider))
        account.masked_key = f"***{key[-SHOWN:]}"
    if billed_projects is not None:
        if len(billed_projects) > MOST_PROJECTS:
            raise Invalid(f"At most {MOST_PROJECTS} projects.", field="billedProjects")
        account.billed_projects = [
            check_text(one, field="billedProjects", most=MOST_PROJECT) for one in billed_projects
        ]
    account.updated_at = now
    account.fetched_from = account.fetched_until = account.fetched_at = None
    account.last_error, account.failures, account.retry_at, account.claimed_until = None, 0, None, None
    if billed_projects is not None:
        await session.run(delete(ProviderCost).where(*_costs(project_id, provider)))
    _note(session, project_id, actor, "provider_account.saved", provider, newKey=key is not None)
    return account


async def delete_account(session: WriteSession, *, project_id: int, provider: str, actor: str) -> None:
    """Deletes an account with its key, and what was fetched by it. Raises NotFound."""
    await lock_project(session, project_id=project_id)
    if await get_account(session, project_id=project_id, provider=provider) is None:
        raise NotFound(NO_SUCH, field="provider")
    of_account = ProviderAccount.project_id == project_id, ProviderAccount.provider == provider
    await session.run(delete(ProviderAccount).where(*of_account))
    await session.run(delete(ProviderCost).where(*_costs(project_id, provider)))
    _note(session, project_id, actor, "provider_account.deleted", provider)


async def get_account(session: ReadSession, *, project_id: int, provider: str) -> ProviderAccount | None:
    """The project's account with a provider."""
    return await session.scalar(
        select(ProviderAccount).where(ProviderAccount.project_id == project_id, ProviderAccount.provider == provider)
    )


async def list_accounts(
    session: ReadSession, *, project_id: int, limit: int, after: str | None = None
) -> Sequence[ProviderAccount]:
    """At most `limit` accounts, by the name of the provider, behind `after`."""
    accounts = select(ProviderAccount).where(ProviderAccount.project_id == project_id)
    if after is not None:
        accounts = accounts.where(ProviderAccount.provider > after)
    return await session.scalars(accounts.order_by(ProviderAccount.provider).limit(limit))


def key_of(account: ProviderAccount, vault: Vault) -> str:
    """The admin key. Raises Invalid when it cannot be read."""
    try:
        return vault.open(account.encrypted_key, project_id=account.project_id, of=_of(account.provider))
    except CannotOpen as error:
        raise Invalid(f"The stored key cannot be read ({error}): save the account anew.", field="adminKey") from error


def _checked(key: str) -> str:
    key = check_text(key, field="adminKey", most=MOST_KEY)
    if not all(33 <= ord(character) <= 126 for character in key):
        raise Invalid("A key travels in a header: only printable ASCII without blanks fits.", field="adminKey")
    return key


def _costs(project_id: int, provider: str) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    return ProviderCost.project_id == project_id, ProviderCost.provider == provider


def _note(session: WriteSession, project_id: int, actor: str, action: str, provider: str, **details: bool) -> None:
    target = f"provider_account:{provider}"
    record_audit_entry(session, project_id=project_id, actor=actor, action=action, target=target, details=details)


def _of(provider: str) -> str:
    return f"provider_account:{provider}"
