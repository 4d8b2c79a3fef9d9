"""Settings: from the command line, else from `WHENFLOW_…` in the environment, else made at the first start."""

import os
import secrets
from enum import StrEnum
from pathlib import Path
from typing import Annotated
from zoneinfo import available_timezones

from pydantic import Field, field_validator
from pydantic_core import PydanticCustomError
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from variables.durability import Durability


class Role(StrEnum):
    """What a process does. One process may do it all, and by default does."""

    INGEST = "ingest"
    PROCESSOR = "processor"
    CONSOLE = "console"


class Settings(BaseSettings):
    """Every field can be set by `WHENFLOW_` and its name in capitals."""

    model_config = SettingsConfigDict(env_prefix="WHENFLOW_", extra="ignore")

    redis_url: str | None = None
    """A Redis-protocol server to use; without one, Whenflow starts its own in `data`."""
    data: Path = Path(".whenflow")
    """The embedded store's directory, and where the admin token is kept."""
    host: str = "127.0.0.1"
    port: int = Field(8000, ge=0, le=65535)
    durability: Durability = Durability.ALWAYS
    replicas: int = Field(0, ge=0)
    """How many replicas must have a write before it counts as done, on a cluster or a server that has some."""
    roles: Annotated[frozenset[Role], NoDecode] = frozenset(Role)
    """As text, a comma list."""
    write_key: str | None = None
    """Of the app `default`."""
    admin_token: str | None = None
    zone: str = "UTC"
    """Time zone of the programs that are applied from now on."""

    @field_validator("roles", mode="before")
    @classmethod
    def _split(cls, roles: object) -> object:
        return [role.strip() for role in roles.split(",")] if isinstance(roles, str) else roles

    @field_validator("redis_url")
    @classmethod
    def _known_scheme(cls, url: str | None) -> str | None:
        if url is not None and not url.startswith(("redis://", "rediss://", "unix://")):
            raise PydanticCustomError("redis_url", "must begin with redis://, rediss:// or unix://")
        return url

    @field_validator("zone")
    @classmethod
    def _known_zone(cls, zone: str) -> str:
        if zone not in available_timezones():
            raise PydanticCustomError("zone", "must be a time zone such as Asia/Shanghai")
        return zone

    def token(self) -> str:
        """The admin token: as set, or out of the data directory's file, which is made if it is not there."""
        if self.admin_token is not None:
            return self.admin_token
        self.data.mkdir(parents=True, exist_ok=True)
        try:
            descriptor = os.open(self.token_file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except FileExistsError:
            return self.token_file.read_text().strip()
        with os.fdopen(descriptor, "w") as file:
            token = f"wa_{secrets.token_urlsafe(24)}"
            file.write(token + "\n")
        return token

    @property
    def token_file(self) -> Path:
        # The name begins as those of the embedded store do, which lets nothing else into its directory.
        return self.data / "store.admin-token"
