"""Charts as SVG files that need nothing else and read well on a light and on a dark page."""
from html import escape

STYLE = """
:root { --paper: #ffffff; --ink: #1c1c1a; --soft: #5c5b57; --rule: #e3e2de; --own: #2a78d6;
  --other: #a9a79f; --c1: #eb6834; }
@media (prefers-color-scheme: dark) { :root { --paper: #191918; --ink: #f2f1ed; --soft: #b4b2aa;
  --rule: #383835; --own: #5598e7; --other: #7b7972; --c1: #e8814f; } }
.paper { fill: var(--paper); } text { font: 13px system-ui, sans-serif; fill: var(--ink); }
.title { font-weight: 600; } .soft { fill: var(--soft); } .end { text-anchor: end; }
.middle { text-anchor: middle; } .own { fill: var(--own); } .other { fill: var(--other); }
.grid, .range { stroke: var(--rule); fill: none; } .range { stroke: var(--soft); }
.line { fill: none; stroke-width: 2; } .c0 { stroke: var(--own); } .c1 { stroke: var(--c1); }
.dot0 { fill: var(--own); } .dot1 { fill: var(--c1); }
"""
WIDTH, MARGIN, LABELS = 860, 20, 210


def text(x, y, content, *classes):
    return f'<text class="{" ".join(classes)}" x="{x:.1f}" y="{y:.1f}">{escape(content)}</text>'


def number(value):
    return f"{value:,.0f}" if value >= 100 else f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def document(parts, height):
    return "\n".join([
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height:.0f}" '
        f'width="{WIDTH}" height="{height:.0f}" role="img">',
        f"<style>{STYLE}</style>",
        f'<rect class="paper" width="{WIDTH}" height="{height:.0f}" rx="8"/>', *parts, "</svg>", ""])


def bars(top, title, subtitle, rows):
    """Rows of (name, summary, whether it is ours): a bar to the median, a line over the range.
    The parts, and where they end."""
    parts = [text(MARGIN, top + 16, title, "title"), text(MARGIN, top + 34, subtitle, "soft")]
    most = max(of["most"] for _, of, _ in rows)
    scale = (WIDTH - LABELS - 2 * MARGIN - 70) / most
    y = top + 46
    for name, of, is_own in rows:
        middle = y + 11
        parts.append(text(LABELS + MARGIN - 10, middle + 4, name, "end"))
        parts.append(
            f'<rect class="{"own" if is_own else "other"}" x="{LABELS + MARGIN}" y="{y + 2}" '
            f'width="{max(of["median"] * scale, 1):.1f}" height="18" rx="2"/>')
        left, right = (LABELS + MARGIN + of[key] * scale for key in ("least", "most"))
        parts.append(
            f'<path class="range" d="M{left:.1f} {middle}H{right:.1f}M{left:.1f} {middle - 4}v8'
            f'M{right:.1f} {middle - 4}v8"/>')
        parts.append(text(right + 8, middle + 4, number(of["median"]), "soft"))
        y += 26
    return parts, y


def lines(left, top, width, height, title, labels, series):
    """Lines over places of equal distance, one for each (name, summaries)."""
    parts = [text(left, top + 16, title, "title")]
    base, ceiling = top + height - 24, top + 34
    most = max(of["most"] for _, values in series for of in values) * 1.05
    step = next(s for s in (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000) if s * 4 >= most)
    start, end = left + 44, left + width - 16

    def place(index, value):
        x = start + 16 + (end - start - 32) * (index / max(1, len(labels) - 1))
        return x, base - (base - ceiling) * value / (4 * step)

    for tick in range(5):
        y = place(0, tick * step)[1]
        parts.append(f'<path class="grid" d="M{start} {y:.1f}H{end}"/>')
        parts.append(text(start - 6, y + 4, f"{tick * step}", "soft", "end"))
    for index, label in enumerate(labels):
        parts.append(text(place(index, 0)[0], base + 18, label, "soft", "middle"))
    for color, (_, values) in enumerate(series):
        points = [place(index, of["median"]) for index, of in enumerate(values)]
        path = "L".join(f"{x:.1f} {y:.1f}" for x, y in points)
        parts.append(f'<path class="line c{color}" d="M{path}"/>')
        for index, of in enumerate(values):
            (x, y), least, greatest = (
                points[index], place(index, of["least"])[1], place(index, of["most"])[1])
            parts.append(f'<path class="range" d="M{x:.1f} {least:.1f}V{greatest:.1f}"/>')
            parts.append(f'<circle class="dot{color}" cx="{x:.1f}" cy="{y:.1f}" r="3.5"/>')
    return parts


def legend(x, y, names):
    parts = []
    for color, name in enumerate(names):
        parts.append(f'<path class="line c{color}" d="M{x} {y - 4}h24"/>')
        parts.append(text(x + 30, y, name))
        x += 60 + 8 * len(name)
    return parts
