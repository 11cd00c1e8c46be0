"""The page of `blok inspect --html` in a headless Chromium.

  python3 tests/checks/html_page.py BLOK FOLDER [MODEL]...

Loads the page of the shipped model (and of others that are named) from its file at the size of a
desktop and of a phone, light and dark; opens a block, searches, looks at a weight. No script may
complain and nothing may be fetched. Pictures go to FOLDER. Ends with "N passed, N failed".
"""

import os
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import chromium  # noqa: E402

SHIPPED = "examples/digits/torchscript/model.onnx"
SIZES = {"desktop": (1280, 900), "phone": (390, 844)}
passed = failed = 0


def check(what, good, seen=""):
    global passed, failed
    if good:
        passed += 1
    else:
        failed += 1
        print(f"FAILED: {what} {seen}")


def search(page, text):
    """Types text and presses Enter."""
    page.run(
        f"query.value = {text!r}; query.dispatchEvent(new Event('input'));"
        "document.getElementById('search').requestSubmit()"
    )
    page.settle()


def look(browser, name, url, size, dark, folder):
    where = f"{name} {size}{' dark' if dark else ''}"
    page = browser.open(url, *SIZES[size], dark=dark)
    stem = os.path.join(folder, where.replace(" ", "_").replace("/", "_"))
    page.picture(f"{stem}.png")

    def fits():
        width = page.run("document.documentElement.scrollWidth")
        return width <= SIZES[size][0], width

    good, width = fits()
    check(f"{where}: as wide as the screen", good, width)
    blocks = page.run("M.blocks.filter(block => block.parent < 0 && block.count).length")
    shown = page.run("document.querySelectorAll('#graph > .level > li > .block').length")
    check(f"{where}: every outermost block is drawn", shown == min(blocks, 300) or shown == blocks, shown)
    check(f"{where}: shapes on the edges", page.run(
        "[...document.querySelectorAll('.edge.on')].filter(e => e.textContent.includes('×')).length") > 2)

    inner = "document.querySelectorAll('.inner:not([hidden])').length"
    page.run(
        "[...document.querySelectorAll('.twist')].find(t => t.closest('.block').querySelector("
        "'.kind').textContent !== 'conv_norm_act').click()"
    )
    page.settle()
    check(f"{where}: a block opens", page.run(inner) == 1)
    children = page.run("document.querySelectorAll('.inner .block, .inner .node').length")
    check(f"{where}: and shows what it holds", children >= 3, children)
    check(f"{where}: its skip path is a wire", page.run("document.querySelectorAll('.wire.skip').length") == 1)
    page.run("document.querySelector('.inner').scrollIntoView()")
    page.picture(f"{stem}_open.png")
    page.run("document.querySelector('.twist[aria-expanded=true]').click()")
    check(f"{where}: and closes", page.run(inner) == 0)

    search(page, "conv_norm_act")
    first = page.run("document.querySelector('.chosen')?.textContent")
    page.run("document.getElementById('search').requestSubmit()")
    page.settle()
    check(f"{where}: Enter goes on to the next match",
          first and first != page.run("document.querySelector('.chosen')?.textContent"))
    search(page, "no such name")
    check(f"{where}: says when nothing is found", page.run("matches.textContent") == "nothing")
    search(page, "gemm")
    check(f"{where}: finds a node and opens its details",
          "Gemm" in (page.run("panel.querySelector('h2')?.textContent") or ""))
    page.run("chooseWeight(weightOf.get(M.weights[0].name))")
    page.settle()
    said = page.run("panel.textContent")
    check(f"{where}: a weight shows its statistics",
          all(word in said for word in ("min", "max", "mean", "std", "zeros", "Histogram")), said)
    check(f"{where}: bars are drawn", page.run("document.querySelectorAll('.bars rect').length") == 24)
    good, width = fits()
    check(f"{where}: still as wide as the screen", good, width)
    page.picture(f"{stem}_weight.png")
    page.run("document.dispatchEvent(new KeyboardEvent('keydown', {key: 'Escape'}))")
    check(f"{where}: Escape closes the details", page.run("panel.hidden"))
    check(f"{where}: no complaint, nothing fetched", not page.complaints(), page.complaints())


def main():
    blok, folder, models = sys.argv[1], sys.argv[2], [SHIPPED, *sys.argv[3:]]
    if chromium.program() is None:
        print("skipped: no Chromium (install the package chromium)")
        return 77
    os.makedirs(folder, exist_ok=True)
    with chromium.Browser() as browser:
        for model in models:
            name = os.path.basename(os.path.dirname(os.path.abspath(model)))
            path = os.path.abspath(os.path.join(folder, f"{name}.html"))
            subprocess.run([blok, "inspect", model, "--html", path, "-q"], check=True)
            for size, dark in (("desktop", False), ("phone", False), ("phone", True)):
                look(browser, name, f"file://{path}", size, dark, folder)
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


sys.exit(main())
