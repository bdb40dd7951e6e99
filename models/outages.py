"""Which errors mean that the database does not answer, as against a fault of ours."""

import asyncpg
from sqlalchemy.exc import DBAPIError, InterfaceError
from sqlalchemy.exc import TimeoutError as PoolTimeout

_DOWN = (
    ConnectionError,
    TimeoutError,
    PoolTimeout,
    InterfaceError,
    asyncpg.InterfaceError,
    asyncpg.PostgresConnectionError,
    asyncpg.OperatorInterventionError,
    asyncpg.ObjectNotInPrerequisiteStateError,  # it shuts down, or recovers
    asyncpg.TooManyConnectionsError,
)
_SQLITE_WAITED = "database is locked"


def database_is_down(error: BaseException) -> bool:
    """Whether an error says that the database is away, ending, full of connections, or locked for too long."""
    if isinstance(error, DBAPIError) and error.connection_invalidated:
        return True
    chain: BaseException | None = error
    while chain is not None:
        if isinstance(chain, _DOWN) or _SQLITE_WAITED in str(chain):
            return True
        chain = chain.__cause__
    return False
