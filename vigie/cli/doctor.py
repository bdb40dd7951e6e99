"""`vigie doctor`: says what is misconfigured, and what to do about it."""

import asyncio

import typer
from rich.markup import escape

from vigie.cli.output import WRONG, out, suggest
from vigie.diagnosis import Finding, Verdict, examine, fail
from vigie.settings import SettingsError, load_settings

COLOURS = {Verdict.OK: "green", Verdict.WARN: "yellow", Verdict.FAIL: "bold red"}


def doctor() -> None:
    """Check settings, data folder, the key of secrets, tokens, database, clock, Redis, GraphiQL and port.

    Changes nothing, and may run beside a server. Ends with 1 when something fails.
    """
    findings = asyncio.run(_findings())
    width = max(len(finding.what) for finding in findings)
    for finding in findings:
        out.print(
            f"[{COLOURS[finding.verdict]}]{finding.verdict:4}[/]  {finding.what:{width}}  {escape(finding.detail)}"
        )
        if finding.remedy:
            suggest(finding.remedy, indent=width + 8)
    if any(finding.verdict is Verdict.FAIL for finding in findings):
        raise typer.Exit(WRONG)


async def _findings() -> list[Finding]:
    try:
        settings = load_settings()
    except SettingsError as error:
        return [fail(problem.variable, problem.message, "set it right, or unset it") for problem in error.problems]
    return [finding async for finding in examine(settings)]
