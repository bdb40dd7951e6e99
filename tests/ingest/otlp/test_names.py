"""The table of attribute names: as it is documented, and as the packages that define the conventions have it."""

from pathlib import Path

from openinference.semconv.trace import SpanAttributes
from opentelemetry.semconv._incubating.attributes import gen_ai_attributes

from ingest.otlp.names import CONVENTIONS, MEANINGS, VERSION

PAGE = Path(__file__).parent.parent.parent.parent / "docs" / "otlp.md"
HEAD = "| convention | attribute | is |\n| --- | --- | --- |\n"


def table() -> str:
    """The table as the documentation shows it."""
    rows = [
        f"| {convention.name} | `{name}` | {field} |\n"
        for convention in CONVENTIONS
        for name, field in convention.fields.items()
    ]
    return HEAD + "".join(rows)


def test_the_documented_table_is_the_one_that_is_used() -> None:
    page = PAGE.read_text()
    assert page.endswith(table())
    assert f"Version {VERSION} of the table." in page


def test_each_name_has_one_meaning() -> None:
    names = [name for convention in CONVENTIONS for name in convention.fields]
    assert len(names) == len(set(names))
    assert names == [name for name in MEANINGS if name in set(names)]


def test_what_the_conventions_define_of_tokens_and_models_is_known() -> None:
    genai = {value for name, value in vars(gen_ai_attributes).items() if name.startswith("GEN_AI_USAGE_")}
    inference = {
        value
        for name, value in vars(SpanAttributes).items()
        if name.startswith("LLM_TOKEN_COUNT_") and not name.endswith("_DETAILS")
    }
    assert genai <= MEANINGS.keys()
    assert inference <= MEANINGS.keys()
    assert {"gen_ai.request.model", "gen_ai.response.model", "gen_ai.provider.name", "gen_ai.system"} <= MEANINGS.keys()
    assert {SpanAttributes.LLM_MODEL_NAME, SpanAttributes.EMBEDDING_MODEL_NAME} <= MEANINGS.keys()
