"""Rates: what is counted for whom, and what processes tell each other of it."""

import time
import timeit

import pytest

from integrations.circuits import Circuits
from integrations.shared_counters import SharedCounters
from resolvers.principals import Principal, Role
from resolvers.rates import Admission, Quota, RateLimited
from resolvers.suspects import CLIENT, KEYS, MOST_CLIENTS, PATHS, Suspects, place_of
from tests.servers import free_port

KEY = Principal(7, "a key", Role.READER, 1, "acme")


@pytest.fixture(autouse=True)
def _a_minute_that_lasts(monkeypatch: pytest.MonkeyPatch) -> None:
    now = time.time() // 60 * 60 + 15
    monkeypatch.setattr(time, "time", lambda: now)


def test_a_key_gets_what_its_limit_holds_and_then_waits_for_the_next_minute(monkeypatch: pytest.MonkeyPatch) -> None:
    admission = Admission(Quota("key", 100))
    left = admission.admit(KEY, "192.0.2.1", 60)
    assert left == {"RateLimit-Policy": '"key";q=100;w=60', "RateLimit": '"key";r=40;t=45'}
    admission.admit(KEY, "192.0.2.1", 60)
    with pytest.raises(RateLimited, match="this key have cost 100") as refused:
        admission.admit(KEY, "192.0.2.1", 1)
    assert refused.value.headers["Retry-After"] == "45"
    assert refused.value.headers["RateLimit"] == '"key";r=0;t=45'
    later = time.time() + 46
    monkeypatch.setattr(time, "time", lambda: later)
    admission.admit(KEY, "192.0.2.1", 1)


def test_keys_of_one_address_share_its_limit() -> None:
    admission = Admission(addresses=Quota("address", 10))
    for number in range(2):
        admission.admit(Principal(number, "a key", Role.READER, 1, "acme"), "192.0.2.1", 5)
    with pytest.raises(RateLimited, match="this address"):
        admission.admit(Principal(3, "a key", Role.READER, 1, "acme"), "192.0.2.1", 5)
    admission.admit(KEY, "192.0.2.2", 5)


def test_no_limit_counts_nothing() -> None:
    quota = Quota("key", 0)
    assert [quota.spend("somebody", 10**12) for _ in range(3)] == [0, 0, 0]


def test_counting_costs_next_to_nothing() -> None:
    quota = Quota("events", 10**12)
    assert min(timeit.repeat(lambda: quota.spend((1, 7), 1), number=1_000, repeat=5)) < 0.02


async def test_processes_count_together_by_redis(redis_url: str) -> None:
    shared = [SharedCounters(redis_url, Circuits()) for _ in range(2)]
    here, there = Quota("key", 100), Quota("key", 100)
    place = f"test-{time.perf_counter_ns()}"
    assert not here.spend((1, 7), 70)
    assert not there.spend((1, 7), 40)
    for _ in range(2):
        await here.share(shared[0], place)
        await there.share(shared[1], place)
        assert not there.spend((1, 8), 1)
    assert there.spend((1, 7), 1)
    assert not there.spend((1, 8), 1)
    for counters in shared:
        await counters.close()


async def test_without_redis_each_process_counts_alone() -> None:
    shared = SharedCounters(f"redis://127.0.0.1:{free_port()}/0", Circuits())
    quota = Quota("key", 10)
    for _ in range(5):
        assert not quota.spend("somebody", 2)
        await quota.share(shared, "nowhere")
    assert quota.spend("somebody", 2)
    await shared.close()


def test_bad_keys_of_an_address_are_answered_so_often_and_good_ones_go_on() -> None:
    suspects = Suspects(keys_a_minute=3)
    CLIENT.set("192.0.2.9")
    for _ in range(3):
        suspects.failed()
    with pytest.raises(RateLimited) as refused:
        suspects.failed()
    assert 0 < refused.value.retry_after <= 60
    CLIENT.set("192.0.2.10")
    suspects.failed()


def test_attempts_are_counted_by_address_and_told_once() -> None:
    suspects = Suspects()
    CLIENT.set("2001:db8::1")
    suspects.note(KEYS)
    CLIENT.set("2001:db8::2")
    suspects.note(PATHS)
    suspects.note(PATHS, project_id=4)
    (nobody,) = suspects.of_projects((0,))
    assert (nobody.address, nobody.total) == ("2001:db8::/64", 2)
    assert suspects.take_attempts() == {0: 2, 4: 1}
    assert suspects.take_attempts() == {}


def test_addresses_are_bounded() -> None:
    suspects = Suspects(keys_a_minute=10)
    for number in range(MOST_CLIENTS + 500):
        CLIENT.set(f"10.{number >> 16}.{number >> 8 & 255}.{number & 255}")
        suspects.failed()
    assert len(suspects.of_projects((0,))) == MOST_CLIENTS


@pytest.mark.parametrize(
    ("address", "place"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("fe80::1:2:3:4", "fe80::/64"),
        ("unix:", "unknown"),
    ],
)
def test_an_address_is_counted_as_what_one_client_has(address: str, place: str) -> None:
    assert place_of(address) == place
