"""The settings of tokens: who signs them, and what their claims are called."""

from typing import Annotated, Any, Final
from urllib.parse import urlsplit

from pydantic import BaseModel, Field, SecretStr, field_validator
from pydantic_settings import NoDecode

from vigie.lists import listed
from vigie.tokens import TokenTerms

JWT_SECRET_LENGTH: Final = 32


class TokenSettings(BaseModel):
    """What `Settings` has of them."""

    jwt_secrets: SecretStr | None = Field(
        default=None,
        description="Lets tokens in that HS256 signed: secrets of at least 32 characters, separated by commas, "
        "each as `SECRET` or `KID:SECRET`.",
    )
    jwt_jwks_url: str | None = Field(
        default=None, description="Lets tokens in that are signed with RS256: where the issuer publishes its keys."
    )
    jwt_issuer: str | None = Field(default=None, description="The `iss` that tokens must have.")
    jwt_audience: Annotated[tuple[str, ...], NoDecode] = Field(
        default=(), description="Tokens must have one of these as `aud`, separated by commas; unset: they have none."
    )
    jwt_leeway_seconds: float = Field(
        default=10, ge=0, le=300, description="How far ahead the issuer's clock may be: `nbf` and `iat` in the future."
    )
    jwt_project_claim: str = Field(default="project", description="The claim that names the project.")
    jwt_role_claim: str = Field(default="role", description="The claim that names the role, or a list with it.")
    jwt_member_claim: str = Field(
        default="sub", description="The claim that names the bearer, by which members are known."
    )

    @field_validator("jwt_secrets")
    @classmethod
    def _jwt_secrets_are_long(cls, value: SecretStr | None) -> SecretStr | None:
        secrets = () if value is None else _secrets(value.get_secret_value())
        if value is not None and min((len(secret) for _, secret in secrets), default=0) < JWT_SECRET_LENGTH:
            raise ValueError(
                f"each secret, between commas and behind `KID:`, needs at least {JWT_SECRET_LENGTH} characters"
            )
        return value

    @field_validator("jwt_jwks_url")
    @classmethod
    def _jwt_jwks_url(cls, value: str | None) -> str | None:
        parts = urlsplit(value or "https://example.com")
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.username or parts.password:
            raise ValueError("it is not an address such as https://login.example.com/.well-known/jwks.json")
        return value

    @field_validator("jwt_audience", mode="before")
    @classmethod
    def _jwt_audience(cls, value: Any) -> Any:
        return listed(value) if isinstance(value, str) else value

    @property
    def token_terms(self) -> TokenTerms | None:
        """What tokens have to be like; None when none are let in."""
        if self.jwt_secrets is None and self.jwt_jwks_url is None:
            return None
        return TokenTerms(
            secrets=() if self.jwt_secrets is None else _secrets(self.jwt_secrets.get_secret_value()),
            issuer=self.jwt_issuer,
            audiences=self.jwt_audience,
            leeway=self.jwt_leeway_seconds,
            project_claim=self.jwt_project_claim,
            role_claim=self.jwt_role_claim,
            member_claim=self.jwt_member_claim,
        )


def _secrets(text: str) -> tuple[tuple[str | None, str], ...]:
    """`SECRET` and `KID:SECRET`, separated by commas, as pairs of kid (or None) and secret."""
    pairs = [entry.rpartition(":") for entry in listed(text)]
    return tuple((kid or None, secret) for kid, _, secret in pairs)
