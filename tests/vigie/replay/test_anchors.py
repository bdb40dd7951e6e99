"""How far a trace was shifted is decided once."""

import datetime as dt
from collections.abc import Callable
from pathlib import Path

import pytest

from vigie.replay.anchors import anchor

URL = "http://127.0.0.1:8000"
DIGEST = "ab" * 32


def deciding(days: int) -> Callable[[], dt.timedelta]:
    return lambda: dt.timedelta(days=days)


def test_the_first_decision_stays(tmp_path: Path) -> None:
    first, new = anchor(tmp_path / "replays", url=URL, digest=DIGEST, decide=deciding(3))
    again, new_again = anchor(tmp_path / "replays", url=URL, digest=DIGEST, decide=deciding(4))
    assert (new, new_again) == (True, False)
    assert first == again
    assert again.shift == dt.timedelta(days=3)


def test_other_files_and_other_servers_decide_for_themselves(tmp_path: Path) -> None:
    anchor(tmp_path, url=URL, digest=DIGEST, decide=deciding(3))
    for url, digest in ((URL, "cd" * 32), ("http://elsewhere", DIGEST)):
        assert anchor(tmp_path, url=url, digest=digest, decide=deciding(4))[0].shift == dt.timedelta(days=4)


def test_of_two_who_decide_at_once_the_first_to_write_wins(tmp_path: Path) -> None:
    def overtaken() -> dt.timedelta:
        anchor(tmp_path, url=URL, digest=DIGEST, decide=deciding(1))
        return dt.timedelta(days=2)

    kept, new = anchor(tmp_path, url=URL, digest=DIGEST, decide=overtaken)
    assert (kept.shift, new) == (dt.timedelta(days=1), False)
    assert len(list(tmp_path.iterdir())) == 1


def test_an_anchor_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    anchor(tmp_path, url=URL, digest=DIGEST, decide=deciding(1))
    (file,) = tmp_path.iterdir()
    file.write_text("{")
    with pytest.raises(OSError, match="remove it"):
        anchor(tmp_path, url=URL, digest=DIGEST, decide=deciding(1))
