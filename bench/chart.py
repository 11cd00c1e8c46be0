"""The measurements as an SVG: bars of time relative to the best peer, a panel per thread count."""

import table

COLOURS = {
    "blok": "#d55e00",
    "onnxruntime": "#0072b2",
    "openvino": "#56b4e9",
    "ncnn": "#009e73",
    "mnn": "#e69f00",
}
OTHER = "#777777"

LABELS = 170  # width of the models' names
PANEL = 400
BAR = 10
GAP = 14
TOP = 92
END = 3.0  # bars that are longer are cut here and say their number


def _text(x, y, words, extra=""):
    words = words.replace("&", "&amp;").replace("<", "&lt;")
    return f'<text x="{x:.1f}" y="{y:.1f}" {extra}>{words}</text>'


def _bar(x, y, scale, ratio, result, large):
    width = min(ratio, END) * scale
    colour = COLOURS.get(result.program, OTHER)
    fill = f"url(#hatch-{result.program})" if large else colour
    words = f"{result.program}: {result.min_ms:.2f} ms, error {result.error:.1e}"
    yield f'<rect x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{BAR - 1}" fill="{fill}">'
    yield f"<title>{words}</title></rect>"
    number = f"{ratio:.2f}" if ratio < 10 else f"{ratio:.0f}"
    if ratio > END:
        edge = x + width
        yield f'<path d="M{edge - 9:.1f} {y - 1:.1f}l4 {BAR + 1}h3l-4 -{BAR + 1}z" fill="#fff"/>'
    yield _text(x + width + 4, y + BAR - 2, number, 'class="number"')


def _panel(rows, programs, threads, left, height):
    scale = (PANEL - 60) / END
    title = f"{threads} thread{'s' if threads > 1 else ''}"
    yield _text(left, TOP - 24, title, 'class="title"')
    for step in range(int(END * 2) + 1):
        x = left + step / 2 * scale
        kind = "best" if step == 2 else "grid"
        yield f'<path d="M{x:.1f} {TOP - 6}V{height - 12}" class="{kind}"/>'
        yield _text(x, TOP - 9, f"{step / 2:g}", 'class="number" text-anchor="middle"')
    y = TOP
    for _, _, torch_error, results in rows:
        there = table.measured(results, threads)
        unit = table.best_peer(results, threads) or min(there, key=lambda r: r.min_ms, default=None)
        for program in programs:
            result = table.find(results, program, threads)
            if result is not None:
                ratio = result.min_ms / unit.min_ms
                large = table.too_large(result, torch_error)
                yield from _bar(left, y, scale, ratio, result, large)
            y += BAR
        y += GAP


def _legend(programs):
    x = 16.0
    for program in programs:
        colour = COLOURS.get(program, OTHER)
        yield f'<rect x="{x:.1f}" y="38" width="12" height="12" fill="{colour}"/>'
        yield _text(x + 17, 48, program)
        x += 32 + 7.2 * len(program)
    yield _text(x + 8, 48, "hatched: error too large")


def svg(rows, programs, counts):
    """The picture's text. `rows` are (name, batch, torch_error, results)."""
    group = BAR * len(programs) + GAP
    height = TOP + group * len(rows) + 16
    width = LABELS + PANEL * len(counts) + 16
    yield (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" '
        f'viewBox="0 0 {width} {height}" font-family="sans-serif" font-size="12">'
    )
    yield (
        "<style>.number{font-size:9px;fill:#444;stroke:#fff;stroke-width:2px;paint-order:stroke}.title{font-weight:bold}"
        ".grid{stroke:#ddd}.best{stroke:#000;stroke-dasharray:3 2}</style><defs>"
    )
    for program in programs:
        colour = COLOURS.get(program, OTHER)
        yield (
            f'<pattern id="hatch-{program}" width="4" height="4" patternUnits="userSpaceOnUse">'
            f'<path d="M0 4L4 0" stroke="{colour}" stroke-width="1.5"/></pattern>'
        )
    yield f'</defs><rect width="{width}" height="{height}" fill="#fff"/>'
    heading = (
        "Time of one run, relative to the best peer whose error is within 1e-4 (shorter is faster)"
    )
    yield _text(16, 24, heading, 'class="title"')
    yield from _legend(programs)
    for at, (name, batch, _, _) in enumerate(rows):
        y = TOP + group * at + BAR * len(programs) / 2 + 4
        label = name if batch == 1 else f"{name}, batch {batch}"
        yield _text(LABELS - 12, y, label, 'text-anchor="end"')
    for at, threads in enumerate(counts):
        yield from _panel(rows, programs, threads, LABELS + PANEL * at, height)
    yield "</svg>"
