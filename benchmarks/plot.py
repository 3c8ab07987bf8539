"""Series over time as a picture: an SVG of panels one below the other, written by hand."""

from collections.abc import Mapping, Sequence
from html import escape

WIDTH, PANEL, LEFT, RIGHT, TOP, GAP = 760, 130, 70, 16, 40, 34


def svg(title: str, minutes: Sequence[float], series: Mapping[str, Sequence[float]], *, settled: float) -> str:
    """Each series in a panel of its own, from zero; before `settled` minutes it is still warming up."""
    height = TOP + len(series) * (PANEL + GAP)
    end = max(minutes[-1], 1e-9)
    across = (WIDTH - LEFT - RIGHT) / end
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" font-family="sans-serif">',
        f'<rect width="{WIDTH}" height="{height}" fill="#fff"/>',
        f'<text x="{LEFT}" y="20" font-size="15" fill="#222">{escape(title)}</text>',
    ]
    for number, (name, values) in enumerate(series.items()):
        top = TOP + number * (PANEL + GAP)
        most = max(*values, 1e-9) * 1.1
        points = " ".join(
            f"{LEFT + minute * across:.1f},{top + PANEL - value / most * PANEL:.1f}"
            for minute, value in zip(minutes, values, strict=True)
        )
        lines += [
            f'<rect x="{LEFT}" y="{top}" width="{settled * across:.1f}" height="{PANEL}" fill="#f1f1f4"/>',
            f'<path d="M{LEFT} {top}V{top + PANEL}H{WIDTH - RIGHT}" fill="none" stroke="#999"/>',
            f'<text x="{LEFT + 6}" y="{top + 14}" font-size="12" fill="#222">{escape(name)}</text>',
            *(
                f'<text x="{LEFT - 6}" y="{top + PANEL - part * PANEL / 1.1 + 4:.1f}" font-size="11" '
                f'text-anchor="end" fill="#555">{most / 1.1 * part:.0f}</text>'
                for part in (0.0, 0.5, 1.0)
            ),
            f'<polyline points="{points}" fill="none" stroke="#2563eb" stroke-width="1.4"/>',
        ]
    last = TOP + len(series) * (PANEL + GAP) - GAP + 14
    step = max(1, round(end / 10))
    lines += [
        f'<text x="{LEFT + minute * across:.1f}" y="{last}" font-size="11" text-anchor="middle" fill="#555">'
        f"{minute} min</text>"
        for minute in range(0, int(end) + 1, step)
    ]
    return "\n".join([*lines, "</svg>", ""])
