"""Check the built documentation in a browser: ``make site-check``.

Every page is opened at two widths. Faults are errors in the console, pages that scroll sideways, clipped
tables and code, links, images and anchors that lead nowhere, words that the search does not find, and text of
low contrast in the dark mode. Screenshots are stored beside the pages. Without Playwright or Chromium nothing is
checked, and the reason is printed.
"""

from __future__ import annotations

import argparse
import functools
import http.server
import shutil
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urldefrag, urljoin

DOCS = Path(__file__).parent
WIDTHS = (1300, 400)
# What a user may search, and a page that has to be among the first results.
SEARCHES = {
    "missing labels": "user_guide/missing_labels",
    "threshold": "user_guide/imbalance",
    "groups": "user_guide/groups_and_time",
    "onnx": "user_guide/export",
    "parquet": "user_guide/large",
    "survival": "user_guide/survival",
    "pareto": "user_guide/search",
    "task_weights": "user_guide/",
    "CAGrad": "api/generated/sklearn_mtl.weighting.CAGrad",
    "save_model": "api/generated/sklearn_mtl.save_model",
}
N_RESULTS = 10
# WCAG 2, level AA, for text; large text needs 3
CONTRAST = 4.5
CONTRAST_LARGE = 3.0

FACTS = """() => ({
    scroll: document.documentElement.scrollWidth - document.documentElement.clientWidth,
    clipped: [...document.querySelectorAll("article table, article pre, article math")]
        .filter(each => {
            const box = each.matches("pre") ? each : each.parentElement;
            return each.offsetParent !== null && box.scrollWidth > box.clientWidth + 1
                && each.closest(".sd-tab-content, details:not([open])") === null;
        })
        .map(each => each.innerText.slice(0, 60)),
    images: [...document.images].filter(each => each.complete && each.naturalWidth === 0).map(each => each.src),
    links: [...document.querySelectorAll("a[href]")].map(each => each.href),
    ids: [...document.querySelectorAll("[id], a[name]")].map(each => each.id || each.name),
})"""

# The contrast of each visible text with the nearest background that is not transparent.
LOW_CONTRAST = """([least, leastLarge]) => {
    const parse = text => (text.match(/[\\d.]+/g) || []).map(Number);
    const light = ([r, g, b]) => [r, g, b]
        .map(value => value / 255)
        .map(value => value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4)
        .reduce((sum, value, i) => sum + value * [0.2126, 0.7152, 0.0722][i], 0);
    const over = (front, back) => front.slice(0, 3)
        .map((value, i) => value * (front[3] ?? 1) + back[i] * (1 - (front[3] ?? 1)));
    const background = element => {
        const layers = [];
        for (let each = element; each; each = each.parentElement) {
            const color = parse(getComputedStyle(each).backgroundColor);
            if (color.length && (color[3] ?? 1) > 0) layers.push(color);
            if (color.length && (color[3] ?? 1) === 1) break;
        }
        return layers.reverse().reduce((back, front) => over(front, back), [255, 255, 255]);
    };
    const found = [];
    for (const element of document.querySelectorAll("article *, .bd-header *, .bd-sidebar-primary *")) {
        const own = [...element.childNodes].some(node => node.nodeType === 3 && node.textContent.trim());
        if (!own || !element.offsetParent || element.closest("svg")) continue;
        const style = getComputedStyle(element);
        if (style.visibility === "hidden" || Number(style.opacity) === 0) continue;
        const back = background(element);
        const [a, b] = [light(over(parse(style.color), back)), light(back)].sort((x, y) => y - x);
        const size = parseFloat(style.fontSize);
        const large = size >= 24 || (size >= 18.66 && Number(style.fontWeight) >= 700);
        const ratio = (a + 0.05) / (b + 0.05);
        if (ratio < (large ? leastLarge : least))
            found.push(`${element.textContent.trim().slice(0, 30)} (${ratio.toFixed(1)})`);
    }
    return [...new Set(found)];
}"""


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *args: Any) -> None:
        pass


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("html", nargs="?", type=Path, default=DOCS / "_build" / "html")
    parser.add_argument("--screenshots", type=Path, default=DOCS / "_build" / "screenshots")
    parser.add_argument("--only", default="", help="check the pages with this in their name, and no searches")
    options = parser.parse_args()
    reason = missing(options.html)
    if reason:
        print(f"skipped: the site was not checked: {reason}")
        return 0
    pages = [page for page in sorted(options.html.rglob("*.html")) if is_page(page.relative_to(options.html))]
    with_name = [page for page in pages if options.only in page.as_posix()]
    faults = checked(options.html.resolve(), with_name, options)
    for fault in faults:
        print(fault)
    print(f"{len(with_name)} pages at {len(WIDTHS)} widths, {len(faults)} faults; {options.screenshots}")
    return bool(faults)


def missing(html: Path) -> str:
    """Return why the site cannot be checked, or nothing."""
    if not html.is_dir():
        return f"{html} does not exist; run make docs first"
    try:
        import playwright.sync_api  # noqa: F401
    except ImportError:
        return "the package playwright is not installed"
    if browser_path() is None:
        return "Chromium is not installed"
    return ""


def browser_path() -> str | None:
    return shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


def is_page(path: Path) -> bool:
    return path.parts[0] not in {"_static", "_downloads", "_images", "_modules"}


def checked(html: Path, pages: list[Path], options: argparse.Namespace) -> list[str]:
    """Open the pages in a browser, and return their faults."""
    from playwright.sync_api import sync_playwright

    shutil.rmtree(options.screenshots, ignore_errors=True)
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=str(html)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    root = f"http://127.0.0.1:{server.server_port}/"
    try:
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=browser_path(), args=["--no-sandbox"])
            site = Site(browser, root, html, options.screenshots)
            faults = [fault for page in pages for fault in site.faults_of(page)]
            faults += site.dead_links()
            if not options.only:
                faults += site.failed_searches()
            faults += site.pages_of_paper("cheat_sheet.html")
            browser.close()
    finally:
        server.shutdown()
        server.server_close()
    return faults


class Site:
    """The pages of the site, as a browser shows them."""

    def __init__(self, browser: Any, root: str, html: Path, screenshots: Path) -> None:
        self.root, self.html, self.screenshots = root, html, screenshots
        self.ids: dict[str, set[str]] = {}
        self.links: dict[str, set[str]] = {}
        self.messages: list[str] = []
        self.tabs = {width: self._tab(browser, width) for width in WIDTHS}

    def _tab(self, browser: Any, width: int) -> Any:
        tab = browser.new_page(viewport={"width": width, "height": 900})
        tab.on("console", lambda said: self.messages.append(said.text) if said.type == "error" else None)
        tab.on("pageerror", lambda error: self.messages.append(str(error)))
        # other hosts are not asked
        tab.route(lambda url: not url.startswith(self.root), lambda route: route.abort())
        return tab

    def faults_of(self, path: Path) -> Iterator[str]:
        name = path.relative_to(self.html).as_posix()
        for width, tab in self.tabs.items():
            self.messages.clear()
            tab.goto(self.root + name, wait_until="load")
            facts = tab.evaluate(FACTS)
            where = f"{name} at {width} px:"
            yield from (f"{where} console: {message}" for message in self.messages)
            if facts["scroll"] > 0:
                yield f"{where} the page scrolls sideways by {facts['scroll']} px"
            if width == max(WIDTHS):
                yield from (f"{where} clipped: {text!r}" for text in facts["clipped"])
            yield from (f"{where} the image {image} is missing" for image in facts["images"])
            self.ids[name] = {unquote(each) for each in facts["ids"]}
            self.links.setdefault(name, set()).update(facts["links"])
            self._screenshot(tab, name, str(width))
        yield from self._dark(name)

    def _dark(self, name: str) -> Iterator[str]:
        tab = self.tabs[max(WIDTHS)]
        tab.evaluate("document.documentElement.dataset.theme = 'dark'")
        for text in tab.evaluate(LOW_CONTRAST, [CONTRAST, CONTRAST_LARGE]):
            yield f"{name} in the dark mode: too little contrast: {text}"
        self._screenshot(tab, name, "dark")

    def _screenshot(self, tab: Any, name: str, kind: str) -> None:
        path = self.screenshots / kind / (name.removesuffix(".html").replace("/", "__") + ".png")
        path.parent.mkdir(parents=True, exist_ok=True)
        tab.screenshot(path=path, full_page=True)

    def dead_links(self) -> Iterator[str]:
        """Check the links between pages, once for each target."""
        for name, links in self.links.items():
            for link in sorted(links):
                if not link.startswith(self.root):
                    continue
                url, anchor = urldefrag(link)
                target = unquote(url.removeprefix(self.root)).partition("?")[0] or "index.html"
                if not (self.html / target).is_file():
                    yield f"{name}: the link {target} leads nowhere"
                elif anchor and target in self.ids and unquote(anchor) not in self.ids[target]:
                    yield f"{name}: {target} has no anchor {unquote(anchor)}"

    def failed_searches(self) -> Iterator[str]:
        tab = self.tabs[max(WIDTHS)]
        for words, page in SEARCHES.items():
            tab.goto(urljoin(self.root, f"search.html?q={words}"))
            tab.wait_for_function(
                "/found|did not match/.test(document.querySelector('#search-results').innerText)"
            )
            found = tab.eval_on_selector_all("#search-results li a", "all => all.map(each => each.href)")
            if not any(page in link for link in found[:N_RESULTS]):
                yield f"search: {words!r} does not lead to {page}; first are {found[:3]}"

    def pages_of_paper(self, name: str) -> Iterator[str]:
        if not (self.html / name).is_file():
            return
        tab = self.tabs[max(WIDTHS)]
        tab.goto(self.root + name)
        path = self.screenshots / name.replace(".html", ".pdf")
        content = tab.pdf(path=path, format="A4", margin=dict.fromkeys(("top", "bottom", "left", "right"), "1cm"))
        count = content.count(b"/Type /Page\n") + content.count(b"/Type /Page>")
        if count != 1:
            yield f"{name}: {count} pages of paper instead of one"


if __name__ == "__main__":
    sys.exit(main())
