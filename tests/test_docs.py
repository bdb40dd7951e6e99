"""What the documents show is what happens: their examples are sent to a running Vigie."""

import json
import re
from pathlib import Path
from typing import Any

import httpx2
import pytest

from tests.databases import only_sqlite
from tests.running import Vigie
from vigie.settings import PREFIX, Settings

ROOT = Path(__file__).parent.parent
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\((?!https?:)([^)#]+)")


def blocks(path: str, language: str) -> list[str]:
    return [text for named, text in BLOCK.findall((ROOT / path).read_text()) if named == language]


def post(vigie: Vigie, path: str, body: str) -> Any:
    headers = {"Authorization": f"Bearer {vigie.admin_key}", "Content-Type": "application/json"}
    return httpx2.post(vigie.url + path, content=body, headers=headers).json()


@only_sqlite
def test_the_readme_shows_what_happens(vigie: Vigie) -> None:
    (events,) = (
        re.findall(r"-d '(.*?)'", text, re.DOTALL) for text in blocks("README.md", "sh") if "/v1/events" in text
    )
    (query,) = blocks("README.md", "graphql")
    recorded, answered = (json.loads(text) for text in blocks("README.md", "json"))
    assert post(vigie, "/v1/events", events[0]) == recorded
    assert post(vigie, "/graphql", json.dumps({"query": query})) == answered


@only_sqlite
def test_the_example_of_events_is_accepted(vigie: Vigie) -> None:
    sent, answer = blocks("docs/events.md", "json")
    assert post(vigie, "/v1/events", sent) == {"accepted": 2, "duplicates": 0, "rejected": []}
    assert json.loads(answer).keys() == {"accepted", "duplicates", "rejected"}


@only_sqlite
def test_the_example_of_alerts_is_accepted(vigie: Vigie) -> None:
    (mutation,) = blocks("docs/alerts.md", "graphql")
    answer = post(vigie, "/graphql", json.dumps({"query": mutation}))
    assert answer["data"]["saveAlertRule"]["userErrors"] == []


@only_sqlite
def test_the_example_of_recommendations_is_accepted(vigie: Vigie) -> None:
    (mutation,) = blocks("docs/recommendations.md", "graphql")
    answer = post(vigie, "/graphql", json.dumps({"query": mutation}))
    recorded = answer["data"]["recordRecommendation"]
    assert recorded["userErrors"] == []
    assert (recorded["recommendation"]["status"], recorded["recommendation"]["timesIssued"]) == ("ISSUED", 1)


@only_sqlite
def test_the_examples_of_budgets_and_reconciliation_are_accepted(vigie: Vigie) -> None:
    for path, mutation in (("docs/budgets.md", "saveBudget"), ("docs/reconciliation.md", "saveProviderAccount")):
        (document,) = blocks(path, "graphql")
        saved = post(vigie, "/graphql", json.dumps({"query": document}))["data"][mutation]
        assert saved["userErrors"] == []


@only_sqlite
def test_the_examples_of_health_are_accepted(vigie: Vigie) -> None:
    check, heartbeat = blocks("docs/health.md", "graphql")
    saved = post(vigie, "/graphql", json.dumps({"query": check}))["data"]["saveHealthCheck"]
    assert (saved["userErrors"], saved["healthCheck"]["headers"]) == ([], {"Authorization": "***"})
    beating = post(vigie, "/graphql", json.dumps({"query": heartbeat}))["data"]["saveHeartbeat"]
    assert beating["userErrors"] == []
    assert httpx2.post(f"{vigie.url}/push/{beating['token']}").json() == {"ok": True}


@only_sqlite
def test_the_example_of_bugs_is_accepted(vigie: Vigie) -> None:
    (mutation,) = blocks("docs/bugs.md", "graphql")
    for _ in range(2):
        filed = post(vigie, "/graphql", json.dumps({"query": mutation}))["data"]["fileBug"]
        assert filed["bug"] == {"number": 1, "version": 1, "status": "OPEN", "occurrences": 1}
        assert (filed["duplicateOf"], filed["userErrors"]) == (None, [])


def test_every_setting_is_documented() -> None:
    documented = set(re.findall(rf"^\| `{PREFIX}(\w+)`", (ROOT / "docs/operating.md").read_text(), re.MULTILINE))
    assert documented == {name.upper() for name in Settings.model_fields}


@pytest.mark.parametrize("path", ["README.md", "CONTRIBUTING.md", *(str(p) for p in Path("docs").rglob("*.md"))])
def test_links_lead_somewhere(path: str) -> None:
    document = ROOT / path
    broken = [link for link in LINK.findall(document.read_text()) if not (document.parent / link).exists()]
    assert not broken
