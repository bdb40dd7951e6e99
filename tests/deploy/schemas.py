"""JSON schemas of the parts of Grafana's dashboards and of Prometheus' rule files that are used here."""

from typing import Any, Final

TEXT: Final = {"type": "string", "minLength": 1}
DURATION: Final = {"type": "string", "pattern": "^([0-9]+(ms|[smhdwy]))+$"}
SOURCE: Final = {"const": {"type": "prometheus", "uid": "${datasource}"}}


def closed(required: dict[str, Any], **optional: Any) -> dict[str, Any]:
    """An object with these members and no other."""
    return {
        "type": "object",
        "required": list(required),
        "properties": {**required, **optional},
        "additionalProperties": False,
    }


def listed(item: dict[str, Any], least: int = 1) -> dict[str, Any]:
    return {"type": "array", "items": item, "minItems": least}


PLACE: Final = closed(
    {
        "x": {"type": "integer", "minimum": 0, "maximum": 23},
        "y": {"type": "integer", "minimum": 0},
        "w": {"type": "integer", "minimum": 1, "maximum": 24},
        "h": {"type": "integer", "minimum": 1},
    }
)
ROW: Final = closed(
    {
        "id": {"type": "integer"},
        "type": {"const": "row"},
        "title": TEXT,
        "gridPos": PLACE,
        "collapsed": {"const": False},
        "panels": {"const": []},
    }
)
TARGET: Final = closed(
    {"refId": {"type": "string", "pattern": "^[A-Z]$"}, "expr": TEXT, "legendFormat": {"type": "string"}},
    instant={"const": True},
    format={"const": "heatmap"},
)
PANEL: Final = closed(
    {
        "id": {"type": "integer"},
        "type": {"enum": ["timeseries", "stat", "bargauge", "heatmap"]},
        "title": TEXT,
        "description": TEXT,
        "gridPos": PLACE,
        "datasource": SOURCE,
        "fieldConfig": closed({"defaults": {"type": "object"}, "overrides": {"type": "array"}}),
        "options": {"type": "object"},
        "targets": listed(TARGET),
    }
)
VARIABLE: Final = {
    "type": "object",
    "required": ["name", "type", "query"],
    "properties": {
        "name": {"enum": ["datasource", "job", "instance"]},
        "type": {"enum": ["datasource", "query"]},
        "query": TEXT,
    },
}
DASHBOARD: Final = {
    "type": "object",
    "required": ["uid", "title", "description", "tags", "schemaVersion", "time", "refresh", "templating", "panels"],
    "properties": {
        "uid": {"type": "string", "pattern": "^[a-z-]{1,40}$"},
        "title": TEXT,
        "description": TEXT,
        "tags": {"const": ["vigie"]},
        "schemaVersion": {"type": "integer", "minimum": 39},
        "time": closed({"from": TEXT, "to": TEXT}),
        "refresh": DURATION,
        "templating": closed({"list": {**listed(VARIABLE, 3), "maxItems": 3}}),
        "panels": listed({"if": {"properties": {"type": {"const": "row"}}}, "then": ROW, "else": PANEL}),
    },
}

RECORDING: Final = closed(
    {"record": {"type": "string", "pattern": "^job(_[a-z]+)*:vigie_[a-z_]+:[a-z0-9_]+$"}, "expr": TEXT}
)
ALERTING: Final = closed(
    {
        "alert": {"type": "string", "pattern": "^Vigie[A-Za-z]+$"},
        "expr": TEXT,
        "labels": closed({"severity": {"enum": ["low", "medium", "high", "critical"]}}),
        "annotations": closed({"summary": TEXT, "description": TEXT}),
    },
    **{"for": DURATION},
)
RULE_FILE: Final = closed({"groups": listed(closed({"name": TEXT, "rules": listed({"oneOf": [RECORDING, ALERTING]})}))})
