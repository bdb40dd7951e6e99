"""What docs/clients.md promises: its programs come back by themselves, and miss and repeat nothing."""

import re
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from tests.clients.programs import Program, programs
from tests.clients.sending import Sender, create_key, revoke_key
from tests.running import Vigie, Vigies

FOLLOWERS = ["with-graphql-ws.js", "with-graphql-sse.js", "with-apollo.js", "with-urql.js", "with_gql.py"]


def test_every_program_of_the_document_is_run() -> None:
    assert set(programs()) == {"resuming.js", "live.js", *FOLLOWERS}


@contextmanager
def following(vigie: Vigie, folder: Path, *, key: str) -> Iterator[list[Program]]:
    """All of them at once, each a process of its own."""
    with ExitStack() as running:
        yield [running.enter_context(Program(name, vigie.url, folder / name, key=key)) for name in FOLLOWERS]


def test_they_go_on_after_a_restart_and_a_crash(vigies: Vigies, tmp_path: Path) -> None:
    vigie = vigies.start()
    with following(vigie, tmp_path, key=vigie.admin_key) as running, Sender(vigie) as sender:
        for program in running:
            program.wait_for("number-")
        for end in (vigie.terminate, vigie.kill):
            time.sleep(0.5)
            end()
            vigie.start()
            seen = len(sender.sent)
            sender.wait_for(seen + 20)
            for program in running:
                program.wait_for(sender.sent[seen])
        stored = sender.stop()
        for program in running:
            program.wait_for(stored[-1])
            told = program.told
            assert told == stored[stored.index(told[0]) :], program.name


def test_they_end_with_their_key(vigies: Vigies, tmp_path: Path) -> None:
    vigie = vigies.start()
    key_id, secret = create_key(vigie, "READER")
    with following(vigie, tmp_path, key=secret) as running:
        with Sender(vigie):
            for program in running:
                program.wait_for("number-")
        revoke_key(vigie, key_id)
        for program in running:
            program.wait()
            assert re.search("4403|UNAUTHENTICATED|Forbidden|revoked", program.output), program.name


def test_they_do_not_insist_on_what_their_key_may_not_do(vigies: Vigies, tmp_path: Path) -> None:
    vigie = vigies.start()
    _, secret = create_key(vigie, "INGEST")
    with following(vigie, tmp_path, key=secret) as running:
        for program in running:
            program.wait()
            assert "needs a key with role" in program.output, program.name
