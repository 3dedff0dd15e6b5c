"""A bounded sample of what comes, spread evenly over time: under load it still goes back for ten minutes."""

import random
from collections import deque
from typing import Generic, TypeVar

Item = TypeVar("Item")
# Seconds of a slot, and slots of the ten minutes between two looks at what people send.
SLOT, SLOTS = 10, 60


class Sample(Generic[Item]):
    """
    At most `bar` items, 1 or more. Of what comes in ten seconds, each item stays with the same chance, and as many as
    there is room for in ten minutes that are all as busy: J. S. Vitter, Random sampling with a reservoir, 1985. Where
    less comes, all of it stays, and for longer.
    """

    def __init__(self, bar: int, chance: random.Random) -> None:
        self._bar, self._chance = bar, chance
        self._room = -(-bar // SLOTS)
        self._slots: deque[list[Item]] = deque()
        self._newest, self._came, self._kept = -1, 0, 0

    def add(self, at: float, item: Item) -> None:
        """Takes an item that came at a time, in seconds; one of before the last one counts as if it came with it."""
        slot = int(at // SLOT)
        if slot > self._newest or not self._slots:
            self._slots.append([])
            self._newest, self._came = slot, 0
        kept, self._came = self._slots[-1], self._came + 1
        if len(kept) < self._room:
            kept.append(item)
            self._kept += 1
        else:
            place = self._chance.randrange(self._came)
            if place < self._room:
                kept[place] = item
        while self._kept > self._bar:
            self._kept -= len(self._slots.popleft())

    def items(self) -> list[Item]:
        """What it keeps, that of the oldest ten seconds first."""
        return [item for slot in self._slots for item in slot]
