"""Dockerfiles read into stages, and those stages performed on this machine, in a folder."""

import os
import re
import shutil
import subprocess
from dataclasses import dataclass, field
from fnmatch import fnmatch
from pathlib import Path
from typing import Final

WORD: Final = re.compile(r"^([A-Z]+)\s+(.*)$", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Step:
    word: str
    text: str


@dataclass(slots=True)
class Stage:
    """`base` is an image, or the name of an earlier stage."""

    name: str
    base: str
    steps: list[Step] = field(default_factory=list)

    def all(self, word: str) -> list[str]:
        return [step.text for step in self.steps if step.word == word]


def read_dockerfile(path: Path) -> list[Stage]:
    """Its stages in order, with the defaults of its ARGs filled into the FROMs."""
    text = re.sub(r"\\\n\s*", "", re.sub(r"^\s*#.*\n", "", path.read_text(), flags=re.MULTILINE))
    arguments: dict[str, str] = {}
    stages: list[Stage] = []
    for line in filter(None, map(str.strip, text.splitlines())):
        match = WORD.match(line)
        if match is None:
            raise ValueError(f"not an instruction: {line}")
        word, rest = match.groups()
        if word == "ARG" and not stages:
            name, _, value = rest.partition("=")
            arguments[name] = value
        elif word == "FROM":
            base, _, name = rest.partition(" AS ")
            for argument, value in arguments.items():
                base = base.replace(f"${{{argument}}}", value)
            stages.append(Stage(name, base))
        else:
            stages[-1].steps.append(Step(word, rest))
    return stages


class Context:
    """What a build may read: the files of a checkout that its ignore file lets in."""

    def __init__(self, root: Path, ignore_file: Path) -> None:
        self._root = root
        lines = [line for line in ignore_file.read_text().splitlines() if line and not line.startswith("#")]
        if lines[0] != "*":
            raise ValueError("the ignore file begins with what it lets in, not with `*`")
        self._entries = [line[1:] for line in lines if line.startswith("!")]
        self._left_out = [line for line in lines[1:] if not line.startswith("!")]

    @property
    def entries(self) -> list[str]:
        return self._entries

    def copy(self, name: str, target: Path) -> None:
        """Copies one entry, or with `.` all of them, into the folder `target`, or as the file `target`."""
        for entry in self._entries if name == "." else [name]:
            source = self._root / entry
            if entry not in self._entries:
                raise ValueError(f"{entry} is not in the context")
            if source.is_file():
                shutil.copy2(source, target / entry if target.is_dir() else target)
                continue
            inside = target / entry if name == "." else target
            shutil.copytree(source, inside, ignore=self._ignored, dirs_exist_ok=True)

    def _ignored(self, folder: str, names: list[str]) -> set[str]:
        here = Path(folder).relative_to(self._root)
        return {
            name
            for name in names
            for pattern in self._left_out
            if str(here / name) == pattern or (pattern.startswith("**/") and fnmatch(name, pattern[3:]))
        }


class Performance:
    """Runs the build stages of a Dockerfile as they say, but with its absolute paths under `folder`."""

    PATHS: Final = ("/tools", "/opt/vigie", "/wheels", "/source")

    def __init__(self, folder: Path, context: Context, python: Path) -> None:
        self._folder = folder
        self._context = context
        programs = folder / "programs"
        programs.mkdir()
        (programs / "python").symlink_to(python)
        self._environment = {**os.environ, "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}"}
        self._at: dict[str, Path] = {}

    def here(self, text: str) -> str:
        """The text with paths of the image turned into those of the folder."""
        return re.sub(rf"(?<![\w.])({'|'.join(self.PATHS)})\b", lambda path: f"{self._folder}{path[0]}", text)

    def perform(self, stage: Stage) -> None:
        """Performs RUN, COPY and WORKDIR, in a copy of the base's work folder. Raises CalledProcessError."""
        at = self._folder / f"stage-{stage.name}"
        if stage.base in self._at:
            shutil.copytree(self._at[stage.base], at, symlinks=True)
        else:
            at.mkdir()
        self._at[stage.name] = at
        for step in stage.steps:
            if step.word == "RUN":
                subprocess.run(["sh", "-euc", self.here(step.text)], cwd=at, env=self._environment, check=True)
            elif step.word == "COPY":
                self._copy(at, step.text)
            elif step != Step("WORKDIR", "/source"):
                raise ValueError(f"{step.word} is not for a stage that builds")

    def _copy(self, at: Path, text: str) -> None:
        *options, source, target = text.split()
        if not options:
            self._context.copy(source, (at / target).resolve())
            return
        origin = self._at[options[0].removeprefix("--from=")]
        shutil.copytree(origin / Path(source).relative_to("/source"), at / target, dirs_exist_ok=True)
