"""Background jobs outlive their failures, and end when they are told."""

import asyncio

import pytest
from prometheus_client import REGISTRY

from vigie.jobs import Jobs

pytestmark = pytest.mark.anyio


async def test_a_job_runs_again_and_again_until_the_end() -> None:
    runs = 0

    async def run() -> None:
        nonlocal runs
        runs += 1

    jobs = Jobs()
    jobs.every(0.001, "counting", run)
    await asyncio.sleep(0.1)
    await jobs.close()
    assert runs > 3
    after = runs
    await asyncio.sleep(0.02)
    assert runs == after


async def test_a_job_outlives_its_failures_and_is_counted() -> None:
    runs = 0
    recovered = asyncio.Event()

    async def run() -> None:
        nonlocal runs
        runs += 1
        if runs < 3:
            raise OSError("database away")
        recovered.set()

    jobs = Jobs()
    jobs.every(0.001, "failing", run)
    async with asyncio.timeout(5):
        await recovered.wait()
    await jobs.close()
    assert REGISTRY.get_sample_value("vigie_job_runs_total", {"job": "failing", "outcome": "failed"}) == 2


async def test_a_run_that_lasts_is_cut() -> None:
    jobs = Jobs()
    jobs.every(1, "lasting", lambda: asyncio.sleep(3600))
    await asyncio.sleep(0)
    async with asyncio.timeout(1):
        await jobs.close()
