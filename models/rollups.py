"""Roll-ups: a cache of the log up to a watermark.

`grain` is the length of a row's bucket in minutes: 1 (kept 14 days), 15 (every time zone is a multiple of it) or 1440
(a UTC day). A null dimension is the empty string here, which no event carries. Sketches (`latency`,
`time_to_first_token`) are sparse histograms, `subjects` a serialized Roaring bitmap of `Subject.number`: both merge
exactly.
"""

import datetime as dt

from sqlalchemy import Double, Integer, LargeBinary, SmallInteger, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base, BigSum

MINUTE, QUARTER, DAY = 1, 15, 1440


class Watermark(Base):
    """How far a fold has come: every fact with `seq` up to here is in its roll-ups. `name`: `series` or `subjects`."""

    __tablename__ = "watermarks"
    __table_args__ = ({"postgresql_with": {"fillfactor": 10}},)

    project_id: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    name: Mapped[str] = mapped_column(primary_key=True)
    seq: Mapped[int] = mapped_column(default=0)


class Subject(Base):
    """Numbers a project's subjects, so that a set of them is a bitmap."""

    __tablename__ = "subjects"
    __table_args__ = (UniqueConstraint("project_id", "name"),)

    project_id: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    number: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    name: Mapped[str]


class Bucket:
    """The key columns of every series roll-up: where in time. They come first in the primary key, by `sort_order`."""

    project_id: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False, sort_order=-3)
    grain: Mapped[int] = mapped_column(SmallInteger, primary_key=True, autoincrement=False, sort_order=-2)
    bucket: Mapped[dt.datetime] = mapped_column(primary_key=True, sort_order=-1)


class UsageSums:
    """Sums over usage events. `unpriced` counts those with tokens that had no price of their own."""

    requests: Mapped[int]
    errors: Mapped[int]
    priced: Mapped[int]
    estimated: Mapped[int]
    unpriced: Mapped[int]
    cost_picousd: Mapped[int] = mapped_column(BigSum)
    uncached_tokens: Mapped[int]
    cache_read_tokens: Mapped[int]
    cache_write_tokens: Mapped[int]
    visible_tokens: Mapped[int]
    reasoning_tokens: Mapped[int]
    timed: Mapped[int]
    duration_ms: Mapped[float] = mapped_column(Double)
    max_duration_ms: Mapped[float | None] = mapped_column(Double)


class UsageShape:
    """What only the series roll-ups keep of usage: moments, sketches, and who was active.

    `paired_*` run over events that have both a cost and a duration, for their correlation.
    """

    paired: Mapped[int]
    paired_usd: Mapped[float] = mapped_column(Double)
    paired_usd_squared: Mapped[float] = mapped_column(Double)
    paired_ms: Mapped[float] = mapped_column(Double)
    paired_ms_squared: Mapped[float] = mapped_column(Double)
    paired_product: Mapped[float] = mapped_column(Double)
    latency: Mapped[bytes] = mapped_column(LargeBinary)
    time_to_first_token: Mapped[bytes] = mapped_column(LargeBinary)
    subjects: Mapped[bytes] = mapped_column(LargeBinary)


class ApiSums:
    """Sums over API calls. `hits` and `misses` count cache states; `errors` counts statuses of 500 and above."""

    requests: Mapped[int]
    errors: Mapped[int]
    request_bytes: Mapped[int] = mapped_column(BigSum)
    response_bytes: Mapped[int] = mapped_column(BigSum)
    hits: Mapped[int]
    misses: Mapped[int]
    timed: Mapped[int]
    duration_ms: Mapped[float] = mapped_column(Double)
    max_duration_ms: Mapped[float | None] = mapped_column(Double)


class ApiShape:
    latency: Mapped[bytes] = mapped_column(LargeBinary)
    subjects: Mapped[bytes] = mapped_column(LargeBinary)


class UsageByTime(Bucket, UsageSums, UsageShape, Base):
    """All usage of a bucket of time."""

    __tablename__ = "usage_by_time"


class UsageByModel(Bucket, UsageSums, UsageShape, Base):
    __tablename__ = "usage_by_model"

    provider: Mapped[str] = mapped_column(primary_key=True)
    model: Mapped[str] = mapped_column(primary_key=True)
    operation: Mapped[str] = mapped_column(primary_key=True)
    status: Mapped[str] = mapped_column(primary_key=True)


class ApiByTime(Bucket, ApiSums, ApiShape, Base):
    """All API calls of a bucket of time."""

    __tablename__ = "api_by_time"


class UsageByKey(Bucket, UsageSums, Base):
    """By the key that sent it, for the events that say which: quarter-hours only."""

    __tablename__ = "usage_by_key"

    api_key_id: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)


class ApiByRoute(Bucket, ApiSums, ApiShape, Base):
    """`route` is `(other)` for those beyond the 2,000 that a project's day may have."""

    __tablename__ = "api_by_route"

    method: Mapped[str] = mapped_column(primary_key=True)
    route: Mapped[str] = mapped_column(primary_key=True)
    status: Mapped[int] = mapped_column(SmallInteger, primary_key=True, autoincrement=False)


class UsageBySubject(UsageSums, Base):
    """UTC days only."""

    __tablename__ = "usage_by_subject"

    project_id: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    bucket: Mapped[dt.datetime] = mapped_column(primary_key=True)
    subject: Mapped[str] = mapped_column(primary_key=True)


class ApiBySubject(ApiSums, Base):
    """UTC days only."""

    __tablename__ = "api_by_subject"

    project_id: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    bucket: Mapped[dt.datetime] = mapped_column(primary_key=True)
    subject: Mapped[str] = mapped_column(primary_key=True)
