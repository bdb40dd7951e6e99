"""By how much a trace was shifted to the present: decided at its first replay to a server, then kept.

A second run has to repeat the times of the first, else it would store everything twice.
"""

import datetime as dt
import hashlib
import os
import secrets
from collections.abc import Callable
from pathlib import Path

import msgspec


class Anchor(msgspec.Struct, frozen=True):
    """How far the times of a trace are moved for one server."""

    url: str
    digest: str
    shift_microseconds: int
    made_at: dt.datetime

    @property
    def shift(self) -> dt.timedelta:
        return dt.timedelta(microseconds=self.shift_microseconds)


def anchor(folder: Path, *, url: str, digest: str, decide: Callable[[], dt.timedelta]) -> tuple[Anchor, bool]:
    """The anchor of a trace for a server, and whether it is new: `decide` is asked at the first time only.

    Of two that decide at once the first to write wins. Raises OSError when `folder` cannot be written.
    """
    folder.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    folder.mkdir(exist_ok=True)
    path = folder / f"{digest[:32]}-{hashlib.sha256(url.encode()).hexdigest()[:8]}.json"
    if path.exists():
        return _read(path), False
    made = Anchor(url, digest, decide() // dt.timedelta(microseconds=1), dt.datetime.now(dt.UTC))
    draft = path.with_suffix(f".{secrets.token_hex(4)}")
    draft.write_bytes(msgspec.json.encode(made))
    try:
        os.link(draft, path)
    except FileExistsError:
        return _read(path), False
    finally:
        draft.unlink()
    return made, True


def _read(path: Path) -> Anchor:
    try:
        return msgspec.json.decode(path.read_bytes(), type=Anchor)
    except msgspec.MsgspecError as error:
        raise OSError(f"{path} cannot be read ({error}): remove it to choose a new anchor") from None
