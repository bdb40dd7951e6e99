"""The image: what its Dockerfile says, and what comes of the steps in it."""

import json
import os
import re
import shutil
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import httpx2
import pytest

from tests.architecture.sources import LAYERS, ROOT
from tests.deploy.dockerfiles import Context, Performance, Stage, read_dockerfile
from tests.deploy.files import DEPLOY
from tests.servers import free_port

NOBODY = 65534
KEY = "key-of-the-image-" + "k" * 20
PINNED = re.compile(r"^python:3\.11\.\d+-slim-\w+$")


@pytest.fixture(scope="module")
def stages() -> dict[str, Stage]:
    return {stage.name: stage for stage in read_dockerfile(DEPLOY / "Dockerfile")}


@pytest.fixture(scope="module")
def context() -> Context:
    return Context(ROOT, DEPLOY / "Dockerfile.dockerignore")


def test_it_is_built_in_stages_from_one_pinned_image(stages: dict[str, Stage]) -> None:
    bases = [stage.base for stage in stages.values() if stage.base not in stages]

    assert len(stages) > 2
    assert all(PINNED.match(base) for base in bases), bases
    assert len(set(bases)) == 1


def test_nothing_is_fetched_but_by_the_locks(stages: dict[str, Stage]) -> None:
    for stage in stages.values():
        assert not stage.all("ADD")
        for run in stage.all("RUN"):
            assert "://" not in run
            for install in re.findall(r"pip install[^&]*", run):
                assert "--require-hashes" in install or "--offline --no-deps" in install


def test_the_last_stage_holds_vigie_and_no_tools(stages: dict[str, Stage]) -> None:
    final = list(stages.values())[-1]

    assert final.all("COPY") == ["--from=vigie /opt/vigie /opt/vigie"]
    assert not [run for run in final.all("RUN") if re.search(r"\b(apt|pip|uv|npm|curl|wget)\b", run)]


def test_it_runs_as_nobody_in_particular_and_is_looked_after(stages: dict[str, Stage]) -> None:
    final = list(stages.values())[-1]

    assert final.all("USER") == ["10001:10001"]
    assert final.steps.index(next(step for step in final.steps if step.word == "USER")) > max(
        number for number, step in enumerate(final.steps) if step.word in {"RUN", "COPY"}
    )
    assert final.all("VOLUME") == ["/var/lib/vigie"]
    assert (json.loads(final.all("ENTRYPOINT")[0]), json.loads(final.all("CMD")[0])) == (["vigie"], ["serve"])
    (check,) = final.all("HEALTHCHECK")
    python, flag, program = json.loads(check.partition("CMD ")[2])
    assert (python, flag) == ("python", "-c")
    compile(program, "HEALTHCHECK", "exec")


def test_only_what_the_build_reads_enters_it(context: Context, tmp_path: Path) -> None:
    assert {*LAYERS, "alembic", "graphiql", "sdk", "pyproject.toml", "build_hook.py"} <= set(context.entries)
    assert all((ROOT / entry).exists() for entry in context.entries)
    context.copy("vigie", tmp_path / "vigie")
    copied = {path.name for path in (tmp_path / "vigie").rglob("*")}
    assert "app.py" in copied
    assert not {"static", "__pycache__"} & copied


@pytest.fixture
def folder() -> Iterator[Path]:
    """One that other users can enter, as those of pytest cannot."""
    path = Path(tempfile.mkdtemp(prefix="vigie-image-"))
    path.chmod(0o755)
    yield path
    shutil.rmtree(path)


def python_for_everybody() -> Path:
    """A Python, with venv, that others than root may run: ours, unless it lies in somebody's home."""
    program = "import ensurepip, sys, venv; sys.exit(sys.version_info < (3, 11))"
    for found in (sys.executable, "/usr/local/bin/python3", "/usr/bin/python3"):
        python = Path(found).resolve()
        if python.exists() and all(folder.stat().st_mode & stat.S_IXOTH for folder in python.parents):
            tried = subprocess.run([str(python), "-c", program], check=False, capture_output=True)
            if tried.returncode == 0:
                return python
    raise RuntimeError("This test needs a Python 3.11 that others than root may run: apt install python3-venv.")


@contextmanager
def as_in_the_container(installed: Path, folder: Path, check: list[str]) -> Iterator[str]:
    """`vigie serve` as nobody, where only the data folder and /tmp can be written; gives its URL when it is healthy."""
    data, temporary = folder / "data", folder / "tmp"
    for writable in (data, temporary):
        writable.mkdir()
        writable.chmod(0o777)
    work = folder / "work"
    work.mkdir(mode=0o555)
    nobody = {"user": NOBODY, "group": NOBODY, "extra_groups": list[int]()} if os.getuid() == 0 else {}
    environment = {
        "PATH": f"{installed / 'bin'}:/usr/bin:/bin",
        "HOME": str(work),
        "TMPDIR": str(temporary),
        "PYTHONDONTWRITEBYTECODE": "1",
        "VIGIE_PORT": str(free_port()),
        "VIGIE_DATA_DIR": str(data),
        "VIGIE_ADMIN_KEY": KEY,
    }
    with (folder / "log").open("wb") as log:
        start = partial(subprocess.Popen, cwd=work, env=environment, stderr=log, **nobody)
        process = start(["vigie", "serve"], stdout=log)
        try:
            deadline = time.monotonic() + 150
            while start(check).wait():
                if process.poll() is not None or time.monotonic() > deadline:
                    raise RuntimeError((folder / "log").read_text())
                time.sleep(1)
            yield f"http://127.0.0.1:{environment['VIGIE_PORT']}"
            process.terminate()
            assert process.wait(30) == 0
        finally:
            process.kill()
            process.wait()


@pytest.mark.long
def test_its_steps_give_a_vigie_that_serves(stages: dict[str, Stage], context: Context, folder: Path) -> None:
    performance = Performance(folder, context, python_for_everybody())
    *building, final = stages.values()
    for stage in building:
        performance.perform(stage)
    installed = Path(performance.here("/opt/vigie"))
    check = json.loads(final.all("HEALTHCHECK")[0].partition("CMD ")[2])

    with as_in_the_container(installed, folder, check) as url:
        page = httpx2.get(f"{url}/graphql", headers={"Accept": "text/html"})
        assert page.status_code == 200
        script = re.search(r'src="(/graphiql/assets/[^"]+\.js)"', page.text)
        assert script is not None
        assert httpx2.get(url + script[1]).status_code == 200
        query = {"query": "{ viewer { project { name } } }"}
        answer = httpx2.post(f"{url}/graphql", json=query, headers={"Authorization": f"Bearer {KEY}"})
        assert answer.json()["data"] == {"viewer": {"project": {"name": "default"}}}
