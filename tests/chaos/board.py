"""What the conductor tells the processes that run: memory that they share, a row for each slot."""

import mmap
import struct
from dataclasses import dataclass

ROW = struct.Struct("<IHBBId")
SIZE = 32
PHASES = ("before", "after")


@dataclass(frozen=True, slots=True)
class Order:
    """How a process is to die, and what its clock says."""

    number: int = 0
    """Grows with each order, so that a process counts its passings anew."""
    point: int = 0
    """Which crash point, counted from 1; 0: none."""
    phase: int = 0
    passings: int = 0
    """At the so many-th passing."""
    ahead: float = 0.0
    """By so many seconds the wall clock is wrong."""


class Board:
    """Made before the processes are forked; a row is written by the conductor and read by the process of that slot."""

    def __init__(self, slots: int) -> None:
        self._memory = mmap.mmap(-1, SIZE * slots)

    def read(self, slot: int) -> Order:
        number, point, phase, _, passings, ahead = ROW.unpack_from(self._memory, SIZE * slot)
        return Order(number, point, phase, passings, ahead)

    def ahead(self, slot: int) -> float:
        """The last field alone: a clock is read often."""
        return float(ROW.unpack_from(self._memory, SIZE * slot)[5])

    def arm(self, slot: int, point: int, phase: int, passings: int) -> None:
        old = self.read(slot)
        self._write(slot, Order(old.number + 1, point, phase, passings, old.ahead))

    def disarm(self, slot: int) -> None:
        self.arm(slot, 0, 0, 0)

    def jump(self, slot: int, ahead: float) -> None:
        old = self.read(slot)
        self._write(slot, Order(old.number, old.point, old.phase, old.passings, ahead))

    def _write(self, slot: int, order: Order) -> None:
        values = (order.number, order.point, order.phase, 0, order.passings, order.ahead)
        ROW.pack_into(self._memory, SIZE * slot, *values)
