"""How the process generates advice: wired from the settings, with words by OpenAI where a key is set."""

from __future__ import annotations

from typing import TYPE_CHECKING

from integrations.circuits import Circuits
from integrations.prices import ListPrices
from models import Database
from resolvers.events.writer import Writer
from resolvers.recommendations.alternatives import Alternatives
from resolvers.recommendations.daily import generate_daily
from resolvers.recommendations.generation import Generator
from resolvers.recommendations.reading import Sources
from vigie.bootstrap import OWN_PROJECT
from vigie.settings import Settings

if TYPE_CHECKING:
    from integrations.openai import OpenAIWording


class Advising:
    """The generator of this process, and the job that it is for."""

    def __init__(self, settings: Settings, database: Database, writer: Writer, circuits: Circuits) -> None:
        self._database = database
        self._wording = _wording(settings, database, writer, circuits)
        sources = Sources(
            prices=ListPrices(),
            alternatives=Alternatives(settings.recommendation_alternatives),
            thresholds=settings.thresholds,
            most_calls=settings.recommendation_calls,
        )
        self.generator = Generator(sources, terms=settings.terms, wording=self._wording)

    async def run(self) -> None:
        """Generates what is due today and nobody has."""
        await generate_daily(self._database, self.generator)

    async def close(self) -> None:
        """Closes the connections to OpenAI."""
        if self._wording is not None:
            await self._wording.close()


def _wording(settings: Settings, database: Database, writer: Writer, circuits: Circuits) -> OpenAIWording | None:
    if settings.openai_api_key is None:
        return None
    # The client takes a second to import, which nobody without a key should wait for.
    from integrations.openai import OpenAIWording  # noqa: PLC0415
    from resolvers.recommendations.spending import DailyPurse  # noqa: PLC0415

    return OpenAIWording(
        api_key=settings.openai_api_key.get_secret_value(),
        base_url=settings.openai_base_url,
        model=settings.openai_model,
        timeout=settings.openai_timeout_seconds,
        prices=ListPrices(),
        purse=DailyPurse(database, writer, own_project=OWN_PROJECT, daily_usd=settings.openai_daily_usd),
        circuits=circuits,
    )
