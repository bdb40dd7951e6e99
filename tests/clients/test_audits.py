"""The audits of npm's graphql-http, the reference of GraphQL over HTTP, on a running Vigie."""

import json
import subprocess
from typing import Any

from graphiql.build import node
from tests.clients.programs import FOLDER, packages
from tests.databases import only_sqlite
from tests.running import Vigie


@only_sqlite
def test_every_audit_passes(vigie: Vigie) -> None:
    packages()
    command = [str(node()), str(FOLDER / "audits.js"), f"{vigie.url}/graphql", vigie.admin_key]
    run = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert run.returncode == 0, run.stderr
    results: list[dict[str, Any]] = json.loads(run.stdout)
    assert [result for result in results if result["status"] != "ok"] == []
    words = [result["name"].split()[0] for result in results]
    assert (words.count("MUST"), words.count("SHOULD")) == (13, 23)
