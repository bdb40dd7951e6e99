"""Settings: read from the environment, refused in sentences."""

from pathlib import Path

import pytest

from resolvers.recommendations.thresholds import Thresholds
from vigie.settings import Settings, SettingsError, load_settings, unknown_variables
from vigie.urls import without_password


@pytest.fixture(autouse=True)
def _clean(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in Settings.model_fields:
        monkeypatch.delenv(f"VIGIE_{name.upper()}", raising=False)
    monkeypatch.chdir(tmp_path)


def test_the_defaults_need_nothing(tmp_path: Path) -> None:
    settings = load_settings()
    assert settings.url == "http://127.0.0.1:8000"
    assert settings.database == f"sqlite:///{tmp_path}/.vigie/vigie.db"
    assert settings.redis_url is None


def test_an_empty_variable_is_unset(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VIGIE_REDIS_URL", "")
    monkeypatch.setenv("VIGIE_ADMIN_KEY", "")
    assert load_settings() == Settings()


@pytest.mark.parametrize(
    ("given", "meant"),
    [
        ("postgresql://u:p@h/db", "postgresql://u:p@h/db"),
        ("postgres://u:p@h:5433/db", "postgresql://u:p@h:5433/db"),
        ("postgresql+asyncpg://u:p%40@h/db", "postgresql://u:p%40@h/db"),
        ("postgresql://u@h/db?sslmode=require", "postgresql://u@h/db?ssl=require"),
        ("sqlite:////var/lib/vigie.db", "sqlite:////var/lib/vigie.db"),
        ("sqlite+aiosqlite:///vigie.db", "sqlite:///vigie.db"),
    ],
)
def test_databases_are_named_as_people_do(monkeypatch: pytest.MonkeyPatch, given: str, meant: str) -> None:
    monkeypatch.setenv("VIGIE_DATABASE_URL", given)
    assert load_settings().database == meant


@pytest.mark.parametrize(
    ("variable", "value", "advice"),
    [
        ("PORT", "eighty", "valid integer"),
        ("PORT", "70000", "65535"),
        ("JWT_SECRETS", "hunter2", "at least 32 characters"),
        ("JWT_SECRETS", f"{'x' * 32},new:hunter2", "at least 32 characters"),
        ("JWT_SECRETS", ",", "at least 32 characters"),
        ("JWT_JWKS_URL", "file:///etc/passwd", "not an address"),
        ("JWT_JWKS_URL", "https://user:hunter2@login.example.com/", "not an address"),
        ("JWT_LEEWAY_SECONDS", "3600", "less than or equal to 300"),
        ("LOG_LEVEL", "loud", "'debug', 'info', 'warning' or 'error'"),
        ("DATABASE_URL", "mysql://u@h/db", "use postgresql:// or sqlite:///"),
        ("DATABASE_URL", "postgresql://u@h", "names no database"),
        ("DATABASE_URL", "nonsense", "not a URL"),
        ("DATABASE_URL", "sqlite://", "needs a file"),
        ("DATABASE_URL", "sqlite:///:memory:", "needs a file"),
        ("DATABASE_URL", "postgresql://u@h/db?target_session_attrs=any", "`target_session_attrs`"),
        ("DATABASE_URL", "postgresql://u@h:port/db", "not a URL"),
        ("DATABASE_URL", "postgresql://u@h/db?port=x", "`port` is a number"),
        ("DATABASE_URL", "postgresql://u@h/db?timeout=5", "`timeout` is not understood"),
        ("DATABASE_URL", "sqlite:////tmp/a%00b", "needs a file"),
        ("REDIS_URL", "localhost:6379", "redis://host:6379/0"),
        ("REDIS_URL", "redis://h:abc/0", "redis://host:6379/0"),
        ("ADMIN_KEY", "short", "at least 32"),
        ("ADMIN_KEY", "with spaces " * 4, "printable ASCII"),
        ("ALLOWED_ORIGINS", "app.example.com", "is not an origin"),
        ("RECOMMENDATION_THRESHOLDS", "slowness=3", "`slowness` is no threshold; those are saving_usd"),
        ("RECOMMENDATION_THRESHOLDS", "error_rate=often", "`error_rate` is a number, not `often`"),
        ("RECOMMENDATION_THRESHOLDS", "error_rate=5", "lies between 0.001 and 1"),
        ("RECOMMENDATION_THRESHOLDS", "error_rate=nan", "lies between 0.001 and 1"),
        ("RECOMMENDATION_THRESHOLDS", "error_rate", "`error_rate` has no value"),
        ("RECOMMENDATION_ALTERNATIVES", "gpt-4o=", "`gpt-4o` has no value"),
        ("OPENAI_BASE_URL", "api.openai.com", "is not an address"),
        ("OPENAI_BASE_URL", "https://me:secret@proxy/v1", "VIGIE_OPENAI_API_KEY"),
        ("OPENAI_API_KEY", "sk with spaces", "printable ASCII"),
        ("OPENAI_TIMEOUT_SECONDS", "600", "60"),
    ],
)
def test_a_wrong_setting_is_named_with_a_remedy(
    monkeypatch: pytest.MonkeyPatch, variable: str, value: str, advice: str
) -> None:
    monkeypatch.setenv(f"VIGIE_{variable}", value)
    with pytest.raises(SettingsError) as refused:
        load_settings()
    (problem,) = refused.value.problems
    assert problem.variable == f"VIGIE_{variable}"
    assert advice in problem.message


def test_all_wrong_settings_are_named_at_once_and_secrets_never(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VIGIE_PORT", "x")
    monkeypatch.setenv("VIGIE_ADMIN_KEY", "hunter2")
    with pytest.raises(SettingsError) as refused:
        load_settings()
    assert [problem.variable for problem in refused.value.problems] == ["VIGIE_PORT", "VIGIE_ADMIN_KEY"]
    assert "hunter2" not in str(refused.value)


def test_origins_are_a_list(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VIGIE_ALLOWED_ORIGINS", "https://a.example, http://localhost:3000/")
    assert load_settings().allowed_origins == ("https://a.example", "http://localhost:3000")


@pytest.mark.parametrize(
    ("host", "url"), [("0.0.0.0", "http://127.0.0.1:8000"), ("::", "http://[::1]:8000"), ("h", "http://h:8000")]
)
def test_clients_of_this_machine_find_vigie(monkeypatch: pytest.MonkeyPatch, host: str, url: str) -> None:
    monkeypatch.setenv("VIGIE_HOST", host)
    assert load_settings().url == url


def test_secrets_of_tokens_come_with_or_without_a_name(monkeypatch: pytest.MonkeyPatch) -> None:
    assert load_settings().token_terms is None
    monkeypatch.setenv("VIGIE_JWT_SECRETS", f"new:{'n' * 32}, {'o' * 32}")
    monkeypatch.setenv("VIGIE_JWT_AUDIENCE", "vigie, monitoring")
    terms = load_settings().token_terms
    assert terms is not None
    assert terms.secrets == (("new", "n" * 32), (None, "o" * 32))
    assert terms.audiences == ("vigie", "monitoring")
    assert "n" * 32 not in repr(load_settings())


def test_misspelt_variables_are_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VIGIE_PROT", "9000")
    monkeypatch.setenv("VIGIE_PORT", "9000")
    assert unknown_variables() == ["VIGIE_PROT"]


def test_a_password_is_not_shown() -> None:
    assert without_password("postgresql://u:hunter2@h/db") == "postgresql://u:***@h/db"


def test_thresholds_and_alternatives_are_pairs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VIGIE_RECOMMENDATION_THRESHOLDS", " error_rate = 0.02, route_p95_ms=1500,")
    monkeypatch.setenv("VIGIE_RECOMMENDATION_ALTERNATIVES", "gpt-4o=gpt-4.1-nano,o3=none")
    settings = load_settings()
    assert settings.thresholds == Thresholds(error_rate=0.02, route_p95_ms=1500)
    assert settings.recommendation_alternatives == {"gpt-4o": "gpt-4.1-nano", "o3": "none"}
