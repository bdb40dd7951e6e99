"""What clients send about bugs."""

from enum import Enum
from typing import Any

import strawberry

from resolvers.bugs import filters, listing
from resolvers.bugs.filing import Report
from schema.bugs.types import BugPriority, BugStatus
from schema.periods import PeriodInput
from schema.scalars import JSON
from schema.severities import Severity


@strawberry.input(description="Keeps bugs that have one of the values of each list; an empty list keeps all.")
class BugFilter:
    search: str | None = strawberry.field(
        default=None,
        description="Words that title, description, category, device and labels have between them, all of them, "
        "whatever their case and accents; `word*` finds what begins so. At most 16 words.",
    )
    statuses: list[BugStatus] | None = strawberry.field(default=None, description="Where it stands, at most 1,000.")
    severities: list[Severity] | None = strawberry.field(default=None, description="How bad it is, at most 1,000.")
    priorities: list[BugPriority] | None = strawberry.field(
        default=None, description="How soon its turn is, at most 1,000."
    )
    categories: list[str] | None = strawberry.field(default=None, description="Categories, at most 1,000.")
    devices: list[str] | None = strawberry.field(default=None, description="Devices, at most 1,000.")
    assignees: list[str] | None = strawberry.field(default=None, description="Who is on it, at most 1,000.")
    reporters: list[str] | None = strawberry.field(default=None, description="Who reported it, at most 1,000.")
    labels: list[str] | None = strawberry.field(default=None, description="Labels, at most 1,000.")
    fingerprints: list[str] | None = strawberry.field(default=None, description="Fingerprints, at most 1,000.")
    assigned: bool | None = strawberry.field(default=None, description="Whether anybody is on it; null: either way.")
    created: PeriodInput | None = strawberry.field(default=None, description="When it was filed.")
    updated: PeriodInput | None = strawberry.field(default=None, description="When anything about it changed last.")
    resolved: PeriodInput | None = strawberry.field(default=None, description="When it was resolved.")

    def resolve(self) -> filters.BugFilter:
        """The filter meant. Raises Invalid for a period that is none."""
        return filters.BugFilter(
            search=self.search,
            statuses=_words(self.statuses),
            severities=_words(self.severities),
            priorities=_words(self.priorities),
            categories=self.categories or (),
            devices=self.devices or (),
            assignees=self.assignees or (),
            reporters=self.reporters or (),
            labels=self.labels or (),
            fingerprints=self.fingerprints or (),
            assigned=self.assigned,
            created=self.created.resolve() if self.created else None,
            updated=self.updated.resolve() if self.updated else None,
            resolved=self.resolved.resolve() if self.resolved else None,
        )


@strawberry.enum(description="What bugs are ordered by. Among equals their numbers decide, in the same direction.")
class BugOrderField(Enum):
    CREATED_AT = strawberry.enum_value("created_at", description="When they were filed.")
    UPDATED_AT = strawberry.enum_value("updated_at", description="When anything about them changed last.")
    SEVERITY = strawberry.enum_value("severity", description="How bad they are: LOW is the least.")
    PRIORITY = strawberry.enum_value("priority", description="How soon their turn is: LOW is the least.")
    NUMBER = strawberry.enum_value("number", description="Their number, which is in the order of filing.")


@strawberry.enum(description="The direction of an order.")
class OrderDirection(Enum):
    ASC = strawberry.enum_value("asc", description="The least first.")
    DESC = strawberry.enum_value("desc", description="The most first.")


@strawberry.input(description="How bugs are ordered.")
class BugOrder:
    field: BugOrderField = strawberry.field(description="What by.")
    direction: OrderDirection = strawberry.field(description="In which direction.")

    def resolve(self) -> listing.BugOrder:
        """The order meant. Bugs are numbered in the order of filing."""
        field = listing.NEWEST_FIRST if self.field is BugOrderField.CREATED_AT else str(self.field.value)
        return listing.BugOrder(field, descending=self.direction is OrderDirection.DESC)


@strawberry.input(description="A bug, as somebody met it.")
class FileBugInput:
    title: str = strawberry.field(description="What is broken, in a line: 1 to 200 characters.")
    description: str | None = strawberry.field(default=None, description="Markdown, at most 32,768 characters.")
    severity: Severity | None = strawberry.field(default=None, description="How bad it is; null: MEDIUM.")
    priority: BugPriority | None = strawberry.field(default=None, description="How soon its turn is; null: MEDIUM.")
    category: str | None = strawberry.field(default=None, description="What kind of thing is broken.")
    device: str | None = strawberry.field(default=None, description="On which device.")
    labels: list[str] | None = strawberry.field(default=None, description="Labels, at most 20.")
    reporter: str | None = strawberry.field(default=None, description="Who reports it.")
    links: list[str] | None = strawberry.field(
        default=None, description="Where more is to be seen: http, https or mailto addresses or paths, at most 20."
    )
    context: JSON | None = strawberry.field(default=None, description="What else is known, at most 32 KiB.")
    fingerprint: str | None = strawberry.field(
        default=None,
        description="What a repeat is known by. A bug that has it counts one occurrence more, and none is filed: one "
        "that is RESOLVED or CLOSED opens again as a regression, WONT_FIX stays, and the original counts for a "
        "DUPLICATE.",
    )
    idempotency_key: str | None = strawberry.field(
        default=None, description="Yours: the same key again answers the same bug and changes nothing."
    )

    def resolve(self) -> Report:
        """The report, unchecked."""
        return Report(
            title=self.title,
            description=self.description,
            severity=str((self.severity or Severity.MEDIUM).value),
            priority=str((self.priority or BugPriority.MEDIUM).value),
            category=self.category,
            device=self.device,
            labels=self.labels,
            reporter=self.reporter,
            links=self.links,
            context=self.context,
            fingerprint=self.fingerprint,
            idempotency_key=self.idempotency_key,
        )


CLEARABLE = ("description", "category", "device", "assignee", "duplicate_of")
KEPT = ("title", "status", "severity", "priority", "labels", "links")


@strawberry.input(
    description="Other values for fields of a bug. What is left out stays; null clears description, category, device "
    "and assignee, and leaves the others as they are."
)
class UpdateBugInput:
    number: int = strawberry.field(description="The bug's number.")
    expected_version: int = strawberry.field(
        description="The version that you have seen. Of another one it answers CONFLICT, with the bug as it is."
    )
    title: str | None = strawberry.field(default=strawberry.UNSET, description="1 to 200 characters.")
    description: str | None = strawberry.field(
        default=strawberry.UNSET, description="Markdown, at most 32,768 characters."
    )
    status: BugStatus | None = strawberry.field(default=strawberry.UNSET, description="Where it stands from now on.")
    severity: Severity | None = strawberry.field(default=strawberry.UNSET, description="How bad it is.")
    priority: BugPriority | None = strawberry.field(default=strawberry.UNSET, description="How soon its turn is.")
    category: str | None = strawberry.field(default=strawberry.UNSET, description="What kind of thing is broken.")
    device: str | None = strawberry.field(default=strawberry.UNSET, description="On which device.")
    labels: list[str] | None = strawberry.field(
        default=strawberry.UNSET, description="All of its labels from now on, at most 20."
    )
    links: list[str] | None = strawberry.field(
        default=strawberry.UNSET, description="All of its links from now on, at most 20."
    )
    assignee: str | None = strawberry.field(default=strawberry.UNSET, description="Who is on it.")
    duplicate_of: int | None = strawberry.field(
        default=strawberry.UNSET,
        description="The number of the original, which is no DUPLICATE itself; goes with the status DUPLICATE.",
    )

    def resolve(self) -> dict[str, Any]:
        """The fields that are meant, unchecked."""
        sent = {name: getattr(self, name) for name in (*CLEARABLE, *KEPT)}
        return {
            name: value.value if isinstance(value, Enum) else value
            for name, value in sent.items()
            if value is not strawberry.UNSET and not (value is None and name in KEPT)
        }


@strawberry.input(description="What somebody says about a bug.")
class CommentOnBugInput:
    number: int = strawberry.field(description="The bug's number.")
    body: str = strawberry.field(description="Markdown, 1 to 32,768 characters.")


def _words(values: list[Any] | None) -> tuple[str, ...]:
    return tuple(str(value.value) for value in values or ())
