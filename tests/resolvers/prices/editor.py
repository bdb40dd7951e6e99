"""Asks GraphQL with the key of an editor, without a network between."""

from typing import Any

import orjson

from models import Database, Project
from resolvers.principals import Principal, Role
from schema import schema
from schema.context import Services
from schema.execution import Engine
from schema.requests import GraphQLRequest

Json = dict[str, Any]

SAVE = """mutation ($input: SavePriceInput!) {
  savePrice(input: $input) {
    price { id revision priceVersion factor rates { input } }
    userErrors { code field message }
  }
}"""
DELETE = "mutation ($input: DeletePriceInput!) { deletePrice(input: $input) { deletedId userErrors { code field } } }"


class Editor:
    """An editor of one project."""

    def __init__(self, database: Database, project: Project, role: Role = Role.EDITOR) -> None:
        nothing: Any = None
        self._engine = Engine(schema, Services(database, hub=nothing, writer=nothing))
        self._principal = Principal(1, "the editor", role, project.id, project.name)

    async def ask(self, document: str, **variables: Any) -> Json:
        """The `data` of an answer without errors."""
        prepared = self._engine.prepare(GraphQLRequest(document, variables, None))
        body: Json = orjson.loads((await self._engine.execute(prepared, self._principal, "request")).body)
        assert "errors" not in body, body["errors"]
        data: Json = body["data"]
        return data

    async def save(self, **values: Any) -> Json:
        """The price that was saved. `values` have GraphQL's names, `from_` for `from`."""
        payload = (await self.ask(SAVE, input=_input(values)))["savePrice"]
        assert not payload["userErrors"], payload
        price: Json = payload["price"]
        return price

    async def refused(self, **values: Any) -> Json:
        """Why a price was not saved."""
        payload = (await self.ask(SAVE, input=_input(values)))["savePrice"]
        (error,) = payload["userErrors"]
        refusal: Json = error
        return refusal

    async def delete(self, price_id: str) -> None:
        payload = (await self.ask(DELETE, input={"id": price_id}))["deletePrice"]
        assert payload == {"deletedId": price_id, "userErrors": []}


def _input(values: Json) -> Json:
    return {name.rstrip("_"): value for name, value in values.items()}
