"""Life cycles as pictures: states below one another, ways on at the right, ways back at the left."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from .lifecycles import LifeCycle, State, Transition


@dataclass(frozen=True, slots=True)
class Box:
    """A state as it is drawn."""

    state: State
    y: int
    is_start: bool


@dataclass(frozen=True, slots=True)
class Arrow:
    """Ways from one state to another as they are drawn: a path, and what takes them."""

    path: str
    head: str
    titles: str
    is_automatic: bool
    source: str
    to: str


@dataclass(frozen=True, slots=True)
class Stub:
    """A way that leads from most states to one: drawn as one short arrow, for many arcs would hide the others."""

    path: str
    head: str
    x: int
    y: int
    title: str
    is_automatic: bool


@dataclass(frozen=True, slots=True)
class Drawing:
    """A life cycle as a picture: states below one another, ways on at the right, ways back at the left."""

    width: int
    height: int
    box_x: int
    box_width: int
    box_height: int
    boxes: tuple[Box, ...]
    arrows: tuple[Arrow, ...]
    stubs: tuple[Stub, ...]


_ROW, _BOX_X, _BOX_WIDTH, _BOX_HEIGHT, _WIDTH = 58, 84, 176, 36, 352


def draw(cycle: LifeCycle) -> Drawing:
    """Lay a life cycle out, narrow enough for a phone."""
    places = {state.id: number for number, state in enumerate(cycle.states)}
    boxes = tuple(Box(state, 8 + number * _ROW, is_start=number == 0) for number, state in enumerate(cycle.states))
    from_most = [one for one in cycle.transitions if len(one.sources) > max(4, len(cycle.states) // 2)]
    ways: dict[tuple[int, int], list[Transition]] = {}
    for one in cycle.transitions:
        for source in () if one in from_most else one.sources:
            ways.setdefault((places[source], places[one.to]), []).append(one)
    return Drawing(
        width=_WIDTH,
        height=16 + (len(boxes) - 1) * _ROW + _BOX_HEIGHT,
        box_x=_BOX_X,
        box_width=_BOX_WIDTH,
        box_height=_BOX_HEIGHT,
        boxes=boxes,
        arrows=tuple(_arrows(cycle, ways)),
        stubs=tuple(_stubs(cycle, from_most, places)),
    )


def _stubs(cycle: LifeCycle, from_most: Sequence[Transition], places: Mapping[str, int]) -> Iterator[Stub]:
    by_target: dict[str, list[Transition]] = {}
    for one in from_most:
        by_target.setdefault(one.to, []).append(one)
    for to, taken in by_target.items():
        y = 8 + places[to] * _ROW + _BOX_HEIGHT // 2
        x = _BOX_X + _BOX_WIDTH
        titles = "; ".join(one.title for one in taken)
        named = ", ".join(cycle.state(source).title.lower() for source in dict.fromkeys(taken[0].sources))
        yield Stub(
            path=f"M{x + 34} {y}H{x + 4}",
            head=f"M{x + 8} {y - 4}l-6 4 6 4",
            x=x + 38,
            y=y,
            title=f"{titles}: from {named}",
            is_automatic=all(not one.is_manual for one in taken),
        )


def _arrows(cycle: LifeCycle, ways: Mapping[tuple[int, int], Sequence[Transition]]) -> Iterator[Arrow]:
    for (start, end), taken in sorted(ways.items()):
        path, head = _path(start, end)
        source, to = cycle.states[start], cycle.states[end]
        titles = "; ".join(dict.fromkeys(one.title for one in taken))
        yield Arrow(
            path=path,
            head=head,
            titles=f"{source.title} to {to.title}: {titles}",
            is_automatic=all(not one.is_manual for one in taken),
            source=source.id,
            to=to.id,
        )


def _path(start: int, end: int) -> tuple[str, str]:
    """Return the path of a way and its head; a way to the next state is straight."""
    middle = _BOX_X + _BOX_WIDTH // 2
    top, bottom = 8 + start * _ROW, 8 + start * _ROW + _BOX_HEIGHT
    if end == start + 1:
        tip = 8 + end * _ROW
        return f"M{middle} {bottom}V{tip - 5}", f"M{middle - 4} {tip - 7}l4 6 4-6"
    is_on = end > start
    x = _BOX_X + _BOX_WIDTH if is_on else _BOX_X
    side = 1 if is_on else -1
    reach = x + side * min(14 + 9 * abs(end - start), 82)
    begin = (bottom - 9) if is_on else (top + 9)
    tip = 8 + end * _ROW + (9 if is_on else _BOX_HEIGHT - 9)
    path = f"M{x} {begin}C{reach} {begin} {reach} {tip} {x + side * 4} {tip}"
    return path, f"M{x + side * 7} {tip - 4}l{-side * 6} 4 {side * 6} 4"
