"""What a client selected below a field, so that only that is read."""

from collections.abc import Iterable, Iterator

from strawberry.types.nodes import SelectedField, Selection

from schema.context import Info


def selected(info: Info) -> list[SelectedField]:
    """The fields selected directly below the one being resolved, fragments opened."""
    return [field for root in info.selected_fields for field in _opened(root.selections)]


def below(fields: Iterable[SelectedField], *names: str) -> list[SelectedField]:
    """The fields selected directly below those of these names."""
    return [child for field in fields if field.name in names for child in _opened(field.selections)]


def _opened(selections: Iterable[Selection]) -> Iterator[SelectedField]:
    for selection in selections:
        if isinstance(selection, SelectedField):
            yield selection
        else:
            yield from _opened(selection.selections)
