from pathlib import Path

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.testclient import TestClient

from vigie import graphiql

CHROMIUM = "text/html,application/xhtml+xml,application/xml;q=0.9,image/webp,*/*;q=0.8"


def client(folder: Path) -> TestClient:
    async def endpoint(request: Request) -> Response:
        return graphiql.page(request, folder) if graphiql.wants_page(request) else JSONResponse({})

    return TestClient(Starlette(routes=[Route("/graphql", endpoint, methods=["GET", "POST"]), graphiql.assets(folder)]))


@pytest.fixture
def built(tmp_path: Path) -> Path:
    (tmp_path / "assets").mkdir()
    (tmp_path / "index.html").write_text("<title>GraphiQL</title>")
    (tmp_path / "assets" / "index-1a2b.js").write_text("let a;" * 1000)
    return tmp_path


def test_a_browser_gets_a_page_that_may_load_nothing_from_elsewhere(built: Path) -> None:
    answer = client(built).get("/graphql", headers={"Accept": CHROMIUM})
    assert answer.status_code == 200
    assert answer.text == "<title>GraphiQL</title>"
    assert answer.headers["Vary"] == "Accept"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Referrer-Policy"] == "no-referrer"
    policy = answer.headers["Content-Security-Policy"].split("; ")
    assert "default-src 'self'" in policy
    assert "frame-ancestors 'none'" in policy
    assert not any("http" in rule or "*" in rule or "unsafe-eval" in rule for rule in policy)


@pytest.mark.parametrize("accept", ["*/*", "application/json", "application/graphql-response+json, text/html"])
def test_a_program_does_not_get_the_page(built: Path, accept: str) -> None:
    assert client(built).get("/graphql", headers={"Accept": accept}).json() == {}
    assert client(built).post("/graphql", headers={"Accept": CHROMIUM}).json() == {}


def test_browsers_keep_the_assets_for_a_year_and_get_them_compressed(built: Path) -> None:
    answer = client(built).get("/graphiql/assets/index-1a2b.js")
    assert answer.text == "let a;" * 1000
    assert answer.headers["Content-Type"].startswith("text/javascript")
    assert answer.headers["Content-Encoding"] == "gzip"
    assert answer.headers["Cache-Control"] == "public, max-age=31536000, immutable"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"


@pytest.mark.parametrize("path", ["", "nothing.js", "%2e%2e/index.html"])
def test_what_is_no_asset_is_not_found(built: Path, path: str) -> None:
    assert client(built).get(f"/graphiql/assets/{path}").status_code == 404


def test_without_a_build_the_page_says_how_to_make_one(tmp_path: Path) -> None:
    answer = client(tmp_path).get("/graphql", headers={"Accept": CHROMIUM})
    assert answer.status_code == 503
    assert "make graphiql" in answer.text
    assert client(tmp_path).get("/graphiql/assets/index-1a2b.js").status_code == 404
