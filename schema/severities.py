"""How bad something is: of bugs, alerts, and facts of the feed."""

from enum import Enum

import strawberry


@strawberry.enum(description="How bad something is.")
class Severity(Enum):
    LOW = strawberry.enum_value("low", description="Can wait.")
    MEDIUM = strawberry.enum_value("medium", description="Should be looked at.")
    HIGH = strawberry.enum_value("high", description="Should be looked at now.")
    CRITICAL = strawberry.enum_value("critical", description="Wakes somebody up.")
