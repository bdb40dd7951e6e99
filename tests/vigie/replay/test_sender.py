"""What a sender makes of each answer."""

import httpx2
import orjson
import pytest

from vigie.replay import sender as module
from vigie.replay.sender import Receipt, Sender, SendError

STORED = {"accepted": 1, "duplicates": 0, "rejected": []}
SECRET = "vigie_secret"


@pytest.fixture
def naps(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """How long the sender slept, without sleeping."""
    naps: list[float] = []
    monkeypatch.setattr("time.sleep", naps.append)
    return naps


def sending(*answers: httpx2.Response | Exception) -> tuple[Sender, list[httpx2.Request]]:
    waiting, requests = list(answers), []

    def answer(request: httpx2.Request) -> httpx2.Response:
        requests.append(request)
        answer = waiting.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    return Sender("http://vigie.test/", SECRET, transport=httpx2.MockTransport(answer)), requests


def stored() -> httpx2.Response:
    return httpx2.Response(200, json=STORED)


def test_a_batch_is_sent_with_its_key() -> None:
    sender, requests = sending(stored())
    assert sender.send([b'{"a":1}', b'{"b":2}']) == Receipt(1, 0, [])
    assert str(requests[0].url) == "http://vigie.test/v1/events"
    assert requests[0].headers["authorization"] == f"Bearer {SECRET}"
    assert orjson.loads(requests[0].content) == {"events": [{"a": 1}, {"b": 2}]}


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504, 507])
def test_what_passes_is_waited_out_and_the_same_batch_sent_again(naps: list[float], status: int) -> None:
    sender, requests = sending(httpx2.Response(status, headers={"Retry-After": "2"}), httpx2.Response(status), stored())
    assert sender.send([b"{}"]) == Receipt(1, 0, [])
    assert len({request.content for request in requests}) == 1
    assert naps[0] == 2
    assert 0 < naps[1] < 0.5


def test_a_lost_connection_is_made_again(naps: list[float]) -> None:
    sender, requests = sending(httpx2.ConnectError("refused"), httpx2.ReadError("cut"), stored())
    sender.send([b"{}"])
    assert len(requests) == 3
    assert len(naps) == 2


def test_patience_ends(naps: list[float], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PATIENCE", 0.0)
    sender, _ = sending(httpx2.ConnectError("refused"))
    with pytest.raises(SendError, match=r"does not answer \(refused\)"):
        sender.send([b"{}"])
    assert naps == []


@pytest.mark.parametrize(
    ("answer", "advice"),
    [
        (httpx2.Response(401, json={"detail": "unknown key"}), "unknown key .*vigie keys create"),
        (httpx2.Response(403, json={"detail": "only reads"}), "only reads .*role ingest"),
        (httpx2.Response(404, html="<p>"), "404 Not Found .*--url"),
        (httpx2.Response(422, json={"detail": "shape"}), "422 shape"),
        (httpx2.Response(200, html="<p>welcome"), "is no Vigie"),
    ],
)
def test_what_does_not_pass_ends_it_with_advice(answer: httpx2.Response, advice: str) -> None:
    sender, requests = sending(answer)
    with pytest.raises(SendError, match=advice):
        sender.send([b"{}"])
    assert len(requests) == 1


def test_a_key_never_shows_in_an_error() -> None:
    sender, _ = sending(httpx2.Response(401))
    with pytest.raises(SendError) as refused:
        sender.send([b"{}"])
    assert SECRET not in str(refused.value)
