"""Who asks: `viewer`, the key's role, and the project that it belongs to."""

from enum import Enum
from typing import Self

import strawberry

from resolvers.principals import Principal
from schema.context import Info
from schema.guards import ANYONE
from schema.ids import Node, encode_id


@strawberry.enum(name="Role", description="What a key may do.")
class KeyRole(Enum):
    INGEST = strawberry.enum_value("ingest", description="Only sends: events, recordings, deployments, bugs.")
    READER = strawberry.enum_value("reader", description="Only reads.")
    EDITOR = strawberry.enum_value("editor", description="Sends, reads, and changes what is not the administrator's.")
    ADMIN = strawberry.enum_value("admin", description="Everything: keys, channels, checks and members too.")


@strawberry.type(description="A tenant: every other object belongs to one, and no key sees another's.")
class Project(Node):
    name: str = strawberry.field(description="Its name, unique in the installation.")


@strawberry.type(description="The key that this request came with.")
class Viewer:
    name: str = strawberry.field(description="The name that the key was given.")
    role: KeyRole = strawberry.field(description="What it may do.")
    project: Project = strawberry.field(description="The project that it belongs to.")

    @classmethod
    def of(cls, principal: Principal) -> Self:
        return cls(
            name=principal.name,
            role=KeyRole(principal.role.value),
            project=Project(
                id=encode_id("Project", principal.project_id, principal.project_id), name=principal.project_name
            ),
        )


@strawberry.type
class ViewerQuery:
    @strawberry.field(description="Whose key this is, and what it may do.", extensions=[ANYONE])
    def viewer(self, info: Info) -> Viewer:
        return Viewer.of(info.context.principal)
