"""The template of the route that answered: `/users/{id}`, never a path with somebody's id in it."""

import re
from collections.abc import Iterable
from typing import Any, Final

UNMATCHED: Final = "(unmatched)"
"""What no route took. It is one route, whatever was asked for."""
_CONVERTOR: Final = re.compile(r":\w+}")


def route_of(scope: Any, path: str, root_path: str) -> str:
    """The route in the scope of an answered request, which began with this path below this root."""
    route = _included(scope) or scope.get("route")
    if route is not None and scope.get("root_path", "") == root_path and "app_root_path" not in scope:
        return getattr(route, "path_format", None) or getattr(route, "path", None) or UNMATCHED
    router = scope.get("router")
    if router is None:
        return UNMATCHED
    # Mounted, or an older Starlette, which does not say: the routes are asked again, from the outermost application.
    before = {**scope, "path": path, "root_path": scope.get("app_root_path", root_path), "path_params": {}}
    before.pop("app_root_path", None)
    return _template(getattr(router, "routes", ()), before) or UNMATCHED


def _included(scope: Any) -> Any:
    """FastAPI's route as it is under the prefix that its router was included with; None when there is none."""
    found = scope.get("fastapi", {}).get("effective_route_context")
    return getattr(found, "starlette_route", None) or found


def _template(routes: Iterable[Any], scope: dict[str, Any]) -> str | None:
    partial = None
    for route in routes:
        if hasattr(route, "original_router"):
            route = _included(scope) or route
        match, child = route.matches(scope)
        if match.name == "NONE":
            continue
        template = _CONVERTOR.sub("}", getattr(route, "path", ""))  # a Host has none
        if getattr(route, "routes", None):
            inner = _template(route.routes, {**scope, **child})
            if inner is None:
                return None
            template += inner
        elif not hasattr(route, "methods"):
            template += "/{path}"  # an application of its own, such as static files
        if match.name == "FULL":
            return template
        partial = partial or template
    return partial
