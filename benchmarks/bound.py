"""How little staleness the best schedule could leave under the same budgets: a bound that no schedule can beat.

Every budget (`burst` calls at once, one more each `every` seconds, full at the start) allows at most
`burst + length / every` calls in any window of time. Here those limits become prices (a Lagrangian relaxation): each
window has a price, each call costs the prices of the windows that it falls into, and each answer alone chooses its
calls so that staleness and price together are least, which a dynamic program finds exactly. That least sum, minus what
the windows' whole allowance would cost, is below the staleness of every schedule that keeps to the budgets, whatever
the prices are (weak duality). The prices are then improved step by step, which only tightens the bound. Calls take no
time, nothing is reserved for finals, and all that Coze will say is known from the start.
"""

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass

KNOTS = 24
"""Into so many parts the time is cut; windows begin and end between them."""
FACTORS = (0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.35, 0.5, 0.7, 1.0)
"""First prices that are tried."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Allowance:
    """A budget, and which of the answers (by index) draw on it."""

    burst: float
    every: float
    answers: Sequence[int]


def unseen(deltas: Sequence[float], seen: Sequence[tuple[float, int]]) -> float:
    """The integral of the age, in seconds, of the oldest delta that cannot be seen.

    `deltas`: when each came; `seen`: from when on how many of them could be seen, in order; the last shows all.
    """
    total, shown, since = 0.0, 0, deltas[0]
    for at, count in seen:
        if count <= shown:
            continue
        oldest = deltas[shown]
        begun = max(since, oldest)
        if at > begun:
            total += ((at - oldest) ** 2 - (begun - oldest) ** 2) / 2
        shown, since = count, max(since, at)
    return total


def least(answers: Sequence[Sequence[float]], allowances: Sequence[Allowance], *, rounds: int = 120) -> float:
    """No schedule within these budgets has a smaller sum, over the answers, of the integral of `unseen`."""
    # From zero on, since squares of wall clock times would leave no digits.
    begin = min(deltas[0] for deltas in answers)
    answers = [[at - begin for at in deltas] for deltas in answers]
    # Finals that had to queue are the last of it; behind this moment calls are free, which only lowers the bound.
    end = max(deltas[-1] for deltas in answers)
    end += max(len(budget.answers) * budget.every for budget in allowances)
    knots = [end * number / KNOTS for number in range(KNOTS + 1)]
    windows = [
        _Window(first, last, budget.answers, budget.burst + (knots[last] - knots[first]) / budget.every)
        for budget in allowances
        for first in range(KNOTS)
        for last in range(first + 1, KNOTS + 1)
    ]
    whole = [window for window in windows if window.last - window.first == KNOTS]
    above = greedy(answers, allowances)

    def value() -> tuple[float, Sequence[Sequence[int]]]:
        prices = _prices(len(answers), windows)
        found = [_cheapest(deltas, knots, price) for deltas, price in zip(answers, prices, strict=True)]
        paid = sum(window.price * window.allowed for window in windows)
        return sum(cost for cost, _ in found) - paid, [counts for _, counts in found]

    def priced(factor: float) -> float:
        for window in whole:
            # Of a stream without gaps, the price at which calls are just as far apart as they must be, times a factor.
            window.price = factor * (len(window.answers) * end / window.allowed) ** 2 / 2
        return value()[0]

    best, factor = max((priced(factor), factor) for factor in FACTORS)
    priced(factor)
    hope, stalled = 0.3, 0
    for _ in range(rounds):
        now, counts = value()
        stalled = 0 if now > best else stalled + 1
        best = max(best, now)
        if stalled == 6:
            hope, stalled = hope / 2, 0
        _improve(windows, counts, best + hope * (above - best) - now)
    return best


def greedy(answers: Sequence[Sequence[float]], allowances: Sequence[Allowance]) -> float:
    """The same sum for a schedule that knows nothing of the future: each call as soon as its budgets let it go.

    Calls take no time and nothing is reserved; where answers share a budget, the oldest unseen text goes first. No
    bound: a schedule can be better.
    """
    tokens = [budget.burst for budget in allowances]
    filled = [min(deltas[0] for deltas in answers)] * len(allowances)
    draws = [
        [number for number, budget in enumerate(allowances) if index in budget.answers] for index in range(len(answers))
    ]
    shown = [0] * len(answers)
    total, now = 0.0, filled[0]
    while waiting := [index for index, deltas in enumerate(answers) if shown[index] < len(deltas)]:
        moments = []
        for index in waiting:
            at = max(now, answers[index][shown[index]])
            for number in draws[index]:
                missing = 1 - 1e-9 - tokens[number] - (max(0.0, at - filled[number]) / allowances[number].every)
                at += max(0.0, missing) * allowances[number].every
            moments.append((at, answers[index][shown[index]], index))
        now, oldest, index = min(moments)
        for number in draws[index]:
            gained = (now - filled[number]) / allowances[number].every
            tokens[number] = min(allowances[number].burst, tokens[number] + gained) - 1
            filled[number] = now
        total += (now - oldest) ** 2 / 2
        shown[index] = bisect_right(answers[index], now)
    return total


@dataclass(slots=True)
class _Window:
    first: int
    last: int
    answers: Sequence[int]
    allowed: float
    price: float = 0.0
    excess: float = 0.0


def _prices(answers: int, windows: Sequence[_Window]) -> list[list[float]]:
    """What a call of each answer costs in each part of the time."""
    slopes = [[0.0] * (KNOTS + 1) for _ in range(answers)]
    for window in windows:
        if window.price:
            for index in window.answers:
                slopes[index][window.first] += window.price
                slopes[index][window.last] -= window.price
    for prices in slopes:
        for number in range(1, KNOTS + 1):
            prices[number] += prices[number - 1]
        prices[KNOTS] = 0.0
    return slopes


def _improve(windows: Sequence[_Window], counts: Sequence[Sequence[int]], missing: float) -> None:
    """Windows with more calls than they allow become dearer, others cheaper: so far that `missing` may be gained."""
    sums: dict[int, list[int]] = {}
    for window in windows:
        key = id(window.answers)
        if key not in sums:
            parts = [sum(counts[index][number] for index in window.answers) for number in range(KNOTS + 1)]
            sums[key] = [sum(parts[:number]) for number in range(KNOTS + 1)]
        excess = sums[key][window.last] - sums[key][window.first] - window.allowed
        window.excess = excess if excess > 0 or window.price > 0 else 0.0
    square = sum(window.excess**2 for window in windows)
    for window in windows:
        window.price = max(0.0, window.price + missing / square * window.excess) if square else window.price


def _cheapest(
    deltas: Sequence[float], knots: Sequence[float], prices: Sequence[float]
) -> tuple[float, tuple[int, ...]]:
    """The least of staleness and prices of one answer, and how many calls it makes in each part of the time.

    A call is worth making when a delta has just come, or where the price changes; never elsewhere. Between two calls
    the oldest unseen delta is the first behind the earlier one, so each pair costs a square: the least over all earlier
    calls is the lower envelope of lines, which come and are asked in order.
    """
    times = sorted({*deltas, *(knot for knot in knots if knot > deltas[0])})
    hull: list[tuple[float, float, int]] = []
    """Lines (oldest unseen, cost without the square of now, the call that they follow)."""
    costs: list[float] = []
    before: list[int] = []
    waiting: tuple[float, int] | None = (0.0, -1)
    """The cheapest call since the last delta, whose next delta has not come yet."""
    top, number, best = 0, 0, (float("inf"), -1)
    for index, now in enumerate(times):
        is_delta = number < len(deltas) and now == deltas[number]
        if is_delta:
            while number < len(deltas) and deltas[number] == now:
                number += 1
            if waiting is not None:
                top = _add(hull, top, (now, waiting[0] + now * now / 2, waiting[1]))
                waiting = None
        while top + 1 < len(hull) and _at(hull[top + 1], now) <= _at(hull[top], now):
            top += 1
        part = min(bisect_right(knots, now) - 1, KNOTS)
        cost = _at(hull[top], now) + now * now / 2 + prices[part]
        costs.append(cost)
        before.append(hull[top][2])
        if waiting is None or cost < waiting[0]:
            waiting = (cost, index)
        if number == len(deltas) and cost < best[0]:
            best = (cost, index)
    calls = [0] * (KNOTS + 1)
    index = best[1]
    while index >= 0:
        calls[min(bisect_right(knots, times[index]) - 1, KNOTS)] += 1
        index = before[index]
    return best[0], tuple(calls)


def _at(line: tuple[float, float, int], now: float) -> float:
    """Without now²/2, which all lines have in common."""
    return line[1] - line[0] * now


def _add(hull: list[tuple[float, float, int]], top: int, line: tuple[float, float, int]) -> int:
    """Puts a line with a larger slope than all others behind them; lines that are never least any more go."""
    while len(hull) - top >= 2:
        (a, p, _), (b, q, _) = hull[-2], hull[-1]
        # Where the new line gets below the first of the two, is the second not below it?
        if (line[1] - p) * (b - a) > (q - p) * (line[0] - a):
            break
        hull.pop()
    hull.append(line)
    return min(top, len(hull) - 1)
