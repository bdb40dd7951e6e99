"""How the process fetches providers' bills: wired from the settings, the client imported when there is work for it."""

import datetime as dt
from collections.abc import Sequence

from integrations.billing import Billed
from models import Database
from models.secrets import Vault
from resolvers.reconciliations.fetching import Fetcher
from vigie.settings import Settings

RECONCILE_SECONDS = 60.0


class LateOpenAI:
    """OpenAI's bill by a client that takes a second to import, which nobody without an account should wait for."""

    def __init__(self, base_url: str) -> None:
        self._base_url = base_url

    async def billed(
        self, *, key: str, start: dt.datetime, end: dt.datetime, projects: Sequence[str]
    ) -> Sequence[Billed]:
        """See `integrations.billing.Billing`."""
        from integrations.openai_billing import OpenAIBilling  # noqa: PLC0415

        return await OpenAIBilling(self._base_url).billed(key=key, start=start, end=end, projects=projects)


def open_fetcher(settings: Settings, database: Database, vault: Vault) -> Fetcher:
    """The fetcher of this process."""
    return Fetcher(database, vault, {"openai": LateOpenAI(settings.openai_base_url)})
