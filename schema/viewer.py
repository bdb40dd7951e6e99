"""Who asks: `viewer`, the role of the key or token, and the project that it is for."""

from enum import Enum
from typing import Self

import strawberry

from resolvers.principals import Principal
from schema.context import Info
from schema.guards import ANYONE
from schema.ids import Node, encode_id


@strawberry.enum(name="Role", description="What a key or a token may do.")
class KeyRole(Enum):
    INGEST = strawberry.enum_value("ingest", description="Only sends: events, recordings, deployments, bugs.")
    READER = strawberry.enum_value("reader", description="Only reads.")
    EDITOR = strawberry.enum_value("editor", description="Sends, reads, and changes what is not the administrator's.")
    ADMIN = strawberry.enum_value("admin", description="Everything: keys, channels, checks and members too.")


@strawberry.type(description="A tenant: every other object belongs to one, and no key sees another's.")
class Project(Node):
    name: str = strawberry.field(description="Its name, unique in the installation.")

    @classmethod
    def of(cls, project_id: int, name: str) -> Self:
        return cls(id=encode_id("Project", project_id, project_id), name=name)


@strawberry.type(description="The key or token that this request came with.")
class Viewer:
    name: str = strawberry.field(description="The name that the key was given, or that the token has for its bearer.")
    role: KeyRole = strawberry.field(description="What it may do.")
    project: Project = strawberry.field(description="The project that it is for.")

    @classmethod
    def of(cls, principal: Principal) -> Self:
        return cls(
            name=principal.name,
            role=KeyRole(principal.role.value),
            project=Project.of(principal.project_id, principal.project_name),
        )


@strawberry.type
class ViewerQuery:
    @strawberry.field(description="Whose key or token this is, and what it may do.", extensions=[ANYONE])
    def viewer(self, info: Info) -> Viewer:
        return Viewer.of(info.context.principal)
