"""Programs end, fork, and have workers."""

import subprocess
import sys
import time

import pytest

from tests.sdk.doors import Door, Reply
from tests.servers import free_port

HEAD = """
import os, sys, time
from vigie_sdk import configure
vigie = configure(sys.argv[1], "a-key-of-tests")
def record(subject): vigie.record({"type": "usage", "model": "m", "subject": subject})
"""
FORKED = """
record("parent before")
time.sleep(0.2)
child = os.fork()
record("child" if child == 0 else "parent")
if child == 0:
    vigie.flush()
    os._exit(0)
os.waitpid(child, 0)
"""
WORKERS = """
import multiprocessing
def work(number): record(f"worker {number}")
if __name__ == "__main__":
    record("main")
    workers = [multiprocessing.get_context("fork").Process(target=work, args=(number,)) for number in range(2)]
    for worker in workers: worker.start()
    for worker in workers: worker.join()
"""
ASYNC = """
import asyncio
async def main():
    record("task")
    await asyncio.sleep(0)
asyncio.run(main())
"""
THREADS = """
import threading
threads = [threading.Thread(target=record, args=(f"thread {number}",)) for number in range(8)]
for thread in threads: thread.start()
for thread in threads: thread.join()
"""
AT_EXIT = """
import atexit
atexit.register(record, "too late is early enough")
"""


def run(program: str, url: str) -> float:
    """Runs a program; answers how long it took, in seconds."""
    began = time.monotonic()
    subprocess.run([sys.executable, "-c", HEAD + program, url], check=True, timeout=60)
    return time.monotonic() - began


@pytest.mark.parametrize(
    ("program", "subjects"),
    [
        ("record('last')", {"last"}),
        (FORKED, {"parent before", "parent", "child"}),
        (WORKERS, {"main", "worker 0", "worker 1"}),
        (ASYNC, {"task"}),
        (THREADS, {f"thread {number}" for number in range(8)}),
        (AT_EXIT, {"too late is early enough"}),
        ("record('raised'); raise SystemExit(0)", {"raised"}),
    ],
    ids=["end", "fork", "workers", "asyncio", "threads", "atexit", "exit"],
)
def test_everything_leaves_once_before_the_end(program: str, subjects: set[str]) -> None:
    with Door() as door:
        run(program, door.url)
        assert sorted(event["subject"] for event in door.events) == sorted(subjects)


def test_an_end_is_not_held_up_for_long() -> None:
    """By a Vigie that is away, and by one that never answers."""
    idle = run("", "http://127.0.0.1:1")
    assert run("record('x')", f"http://127.0.0.1:{free_port()}") < idle + 4
    with Door(reply=lambda number: Reply(after=60)) as door:
        assert run("record('x')", door.url) < idle + 4


def test_an_import_is_quiet_and_quick() -> None:
    program = "import sys, vigie_sdk; assert not {'openai', 'starlette', 'httpx2', 'pydantic'} & sys.modules.keys()"
    ended = subprocess.run([sys.executable, "-W", "error", "-c", program], check=True, capture_output=True, text=True)
    assert (ended.stdout, ended.stderr) == ("", "")
