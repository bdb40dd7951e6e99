"""GraphiQL, served by Vigie itself: the page of GET /graphql in a browser, and its assets."""

import re
from pathlib import Path

from starlette.middleware import Middleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, Response
from starlette.routing import Mount
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

BUILT = Path(__file__).parent / "static" / "graphiql"

# Monaco, the editor, writes style elements and keeps fonts and icons in data URLs.
CONTENT_SECURITY_POLICY = (
    "default-src 'self'; "
    "style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data:; "
    "font-src 'self' data:; "
    "object-src 'none'; "
    "base-uri 'none'; "
    "form-action 'none'; "
    "frame-ancestors 'none'"
)
PAGE_HEADERS = {
    "Cache-Control": "no-cache",
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "Referrer-Policy": "no-referrer",
    "Vary": "Accept",
    "X-Content-Type-Options": "nosniff",
}
ASSET_HEADERS = {"Cache-Control": "public, max-age=31536000, immutable", "X-Content-Type-Options": "nosniff"}

NOT_BUILT = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<title>Vigie · GraphiQL</title>
<body style="font: 17px/1.6 system-ui, sans-serif; max-width: 34em; margin: 4em auto; padding: 0 1em; color: #20304f">
<h1>GraphiQL is not built yet</h1>
<p>Run <code>make graphiql</code> in the checkout and load this page again.</p>
<p>The endpoint itself works: send queries to this address with POST.</p>
"""


def wants_page(request: Request) -> bool:
    """Whether a browser asks for a page: GET or HEAD that names HTML, and no form of JSON, in Accept."""
    accept = request.headers.get("accept", "")
    return request.method in ("GET", "HEAD") and "text/html" in accept and not re.search(r"[/+]json\b", accept)


def page(request: Request, folder: Path = BUILT) -> Response:
    """The GraphiQL page, or 503 with advice when `folder` holds no build."""
    index = folder / "index.html"
    if not index.is_file():
        return HTMLResponse(NOT_BUILT, status_code=503, headers=PAGE_HEADERS)
    return FileResponse(index, headers=PAGE_HEADERS)


def assets(folder: Path = BUILT) -> Mount:
    """The files that the page loads. Their names carry a digest of their content: browsers keep them for a year."""
    app = Assets(directory=folder / "assets", check_dir=False)
    return Mount("/graphiql/assets", app, middleware=[Middleware(GZipMiddleware, compresslevel=6)])


class Assets(StaticFiles):
    async def check_config(self) -> None:
        """Lets GraphiQL be built while Vigie runs: a missing folder is a missing file, not a fault."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        response = await super().get_response(path, scope)
        response.headers.update(ASSET_HEADERS)
        return response
