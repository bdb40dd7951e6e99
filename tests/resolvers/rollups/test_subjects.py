"""Subjects are numbered once; sets of them are bitmaps."""

from pyroaring import BitMap

from models import Database, Project
from resolvers.rollups.subjects import from_bytes, known_numbers, numbers_of, to_bytes, union_of


async def test_a_name_keeps_its_number(database: Database, project: Project) -> None:
    async with database.write() as session:
        first = await numbers_of(session, project_id=project.id, names={"ada", "bob", 'c"\\é\n'})
        assert sorted(first.values()) == [1, 2, 3]
        again = await numbers_of(session, project_id=project.id, names={"bob", "dan"})
        assert again == {"bob": first["bob"], "dan": 4}
    async with database.read() as session:
        assert await known_numbers(session, project_id=project.id, names=["eve", "ada"]) == {"ada": first["ada"]}
        assert await known_numbers(session, project_id=project.id, names=[]) == {}
        assert await known_numbers(session, project_id=project.id + 1, names=["ada"]) == {}


async def test_thousands_of_names_are_numbered_at_once(database: Database, project: Project) -> None:
    names = [f"subject {n}" for n in range(7_000)]
    async with database.write() as session:
        numbers = await numbers_of(session, project_id=project.id, names=names)
    assert sorted(numbers.values()) == list(range(1, 7_001))


def test_sets_go_to_bytes_and_back() -> None:
    for numbers in ([], [1], [5, 70_000, 2**32 - 1], range(100_000)):
        assert from_bytes(to_bytes(BitMap(numbers))) == BitMap(numbers)
    assert to_bytes(BitMap()) == b""
    assert from_bytes(None) == BitMap()


def test_framed_sets_are_united() -> None:
    sets = [BitMap([1, 2]), BitMap(), BitMap([2, 70_000])]
    frames = [len(one).to_bytes(4, "big") + one for one in map(to_bytes, sets)]
    assert union_of([frames[0] + frames[1], frames[2]]) == BitMap([1, 2, 70_000])
    assert union_of([]) == BitMap()
