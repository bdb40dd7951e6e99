"""Content of model calls: whether a project keeps it, what is masked, and what was kept."""

import datetime as dt
from collections.abc import Sequence
from typing import Annotated, Self

import strawberry

from resolvers.contents import settings
from resolvers.contents.defaults import DEFAULTS
from resolvers.contents.masking import MaskingRule as Rule
from resolvers.contents.reading import Content
from schema.context import Info
from schema.guards import ADMINISTERS, EDITS
from schema.payloads import REFUSALS, Payload
from schema.scalars import JSON


@strawberry.type(description="What went to the model and what came back, masked by the project's rules.")
class UsageContent:
    input: JSON | None = strawberry.field(
        description="The prompt as it was sent, text or JSON; null when nothing was kept."
    )
    input_truncated: bool = strawberry.field(
        description="Whether `input` is too large to be kept whole: then it is text, its beginning (of JSON too)."
    )
    output: JSON | None = strawberry.field(description="The answer, likewise.")
    output_truncated: bool = strawberry.field(description="Whether `output` is the beginning of its text.")

    @classmethod
    def of(cls, content: Content) -> Self:
        return cls(
            input=content.input,
            input_truncated=content.input_truncated,
            output=content.output,
            output_truncated=content.output_truncated,
        )


@strawberry.type(description="Replaces what may not be stored.")
class MaskingRule:
    name: str = strawberry.field(description="What it is for.")
    pattern: str = strawberry.field(description="A regular expression in RE2's syntax.")
    replacement: str = strawberry.field(description="What stands in the place of each match.")


@strawberry.type(description="What a project keeps of what its model calls say, and what it masks.")
class ContentSettings:
    enabled: bool = strawberry.field(description="Whether prompts and answers are stored at all.")
    masking: list[MaskingRule] = strawberry.field(
        description="The rules in force, at most 50, in the order in which they are applied: to content, attributes, "
        "error messages and raw usage, also while content is not stored."
    )
    max_bytes: int = strawberry.field(description="How much of a prompt or an answer is kept, in bytes.")
    days_kept: int = strawberry.field(description="For how many days content is kept, by the time of its event.")
    updated_at: dt.datetime | None = strawberry.field(description="When it was last saved; null: never.")
    default_masking: list[MaskingRule] = strawberry.field(
        description="The rules that come with Vigie, at most 50: who turns content on and has no rules gets them."
    )

    @classmethod
    def of(cls, saved: settings.Settings) -> Self:
        return cls(
            enabled=saved.enabled,
            masking=_shown(saved.masking),
            max_bytes=saved.most_bytes,
            days_kept=saved.days_kept,
            updated_at=saved.updated_at,
            default_masking=_shown(DEFAULTS),
        )


def _shown(rules: Sequence[Rule]) -> list[MaskingRule]:
    return [MaskingRule(name=rule.name, pattern=rule.pattern, replacement=rule.replacement) for rule in rules]


@strawberry.input(description="Replaces what may not be stored.")
class MaskingRuleInput:
    name: str = strawberry.field(description="What it is for: 1 to 100 characters, unlike the others'.")
    pattern: str = strawberry.field(
        description="A regular expression of at most 1,000 characters in RE2's syntax: no backreference, no lookaround."
    )
    replacement: str = strawberry.field(
        default="***", description="What stands in the place of each match, as it stands: at most 100 characters."
    )


@strawberry.input(description="What to change; what is left out, or null, stays as it is.")
class SaveContentSettingsInput:
    enabled: bool | None = strawberry.field(
        default=None, description="Whether prompts and answers are stored; by default not."
    )
    masking: list[MaskingRuleInput] | None = strawberry.field(
        default=None,
        description="All rules, at most 50; an empty list: none. Content that is turned on without any gets those of "
        "`defaultMasking`, unless the list is sent empty.",
    )
    max_bytes: int | None = strawberry.field(
        default=None, description="How much of each side is kept: 256 to 262,144 bytes, by default 32,768."
    )
    days_kept: int | None = strawberry.field(
        default=None, description="For how many days content is kept: 1 to 3,660, by default 30."
    )


@strawberry.type(description="The settings as they are now.")
class SaveContentSettingsPayload(Payload):
    content_settings: ContentSettings | None = strawberry.field(
        default=None, description="The settings; null when refused."
    )


@strawberry.type
class ContentQuery:
    @strawberry.field(description="What the project keeps of content, and what it masks.", extensions=[EDITS])
    async def content_settings(self, info: Info) -> ContentSettings:
        async with info.context.reading() as session:
            saved = await settings.get_settings(session, project_id=info.context.principal.project_id)
        return ContentSettings.of(saved)


@strawberry.type
class ContentMutation:
    @strawberry.mutation(
        description="Turns the storing of prompts and answers on or off, and sets what is masked. In force at once in "
        "the process that answers, within 5 seconds in others. What is stored already stays until its days are over.",
        extensions=[ADMINISTERS, REFUSALS],
    )
    async def save_content_settings(
        self,
        info: Info,
        input: Annotated[  # noqa: A002
            SaveContentSettingsInput, strawberry.argument(description="What to change.")
        ],
    ) -> SaveContentSettingsPayload:
        principal = info.context.principal
        rules = None
        if input.masking is not None:
            rules = [Rule(rule.name, rule.pattern, rule.replacement) for rule in input.masking]
        async with info.context.writing() as session:
            saved = await settings.save_settings(
                session,
                project_id=principal.project_id,
                enabled=input.enabled,
                masking=rules,
                most_bytes=input.max_bytes,
                days_kept=input.days_kept,
                actor=principal.name,
            )
        info.context.services.writer.terms.forget(principal.project_id)
        return SaveContentSettingsPayload(content_settings=ContentSettings.of(saved))
