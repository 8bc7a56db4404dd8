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
HEIGHT = 900
# What a user may search, and a page that has to be among the first results.
SEARCHES = {
    "missing labels": "user_guide/missing_labels",
    "threshold": "user_guide/imbalance",
    "groups": "user_guide/groups_and_time",
    "onnx": "user_guide/export",
    "parquet": "user_guide/large",
    "censored": "user_guide/survival",
    "pareto": "user_guide/search",
    "task_weights": "user_guide/",
    "CAGrad": "api/generated/sklearn_mtl.weighting.CAGrad",
    "save_model": "api/generated/sklearn_mtl.save_model",
}
N_RESULTS = 10
# What users ask: the page with the answer, at most two clicks from the landing page, and words of the answer.
QUESTIONS = {
    "How do I install it?": ("install", "pip install"),
    "What does a first model look like?": ("install", "A first model"),
    "Is it better than one model for each target?": ("user_guide/quality", "rank over tasks"),
    "Does sharing help on my data?": ("user_guide/does_sharing_help", "compare_sharing"),
    "Which architecture should I take?": ("choose", "Which architecture"),
    "Which weighting should I take?": ("choose", "Which weighting"),
    "What if labels are missing?": ("user_guide/missing_labels", "NaN, None"),
    "What if the tasks have rows of their own?": ("user_guide/task_sampling", "concatenate_task_sets"),
    "Why is the rare class never predicted?": ("user_guide/imbalance", "threshold"),
    "How do I keep the rows of a patient together?": ("user_guide/groups_and_time", "groups"),
    "How do I split by time?": ("user_guide/groups_and_time", "TimeSeriesSplit"),
    "Do I have to fill in missing inputs?": ("user_guide/missing_inputs", "No imputer is needed"),
    "Can X be images?": ("user_guide/images", "ConvNet"),
    "Can X be sentences?": ("user_guide/text", "TfidfVectorizer"),
    "How certain is a prediction?": ("user_guide/conformal", "coverage"),
    "How do I search the task weights?": ("user_guide/search", "TaskWeightSearchCV"),
    "Which inputs matter for which task?": ("user_guide/explain", "task_importances"),
    "How do I serve a model?": ("user_guide/serving", "python -m sklearn_mtl serve"),
    "How do I log to MLflow?": ("user_guide/tracking", "log_to_mlflow"),
    "Can Optuna choose the candidates?": ("user_guide/search", "MultiTaskOptunaSearchCV"),
    "What may change in the next release?": ("versions", "FutureWarning"),
    "How do I save a model?": ("user_guide/saving", "save_model"),
    "What if the data does not fit into memory?": ("user_guide/large", "Larger than memory"),
    "How do I run a search on Dask?": ("user_guide/large", "On a cluster"),
    "How does it compare with Keras or chemprop?": ("peers", "chemprop"),
    "How do I cite it?": ("cite", "@software"),
    "Which inputs matter to a task?": ("user_guide/one_task", "permutation_importance"),
}
N_CLICKS = 2
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
        .map(each => each.textContent.trim().slice(0, 60)),
    headless: [...document.querySelectorAll("article table.table thead")]
        .filter(each => each.textContent.trim() === "")
        .map(each => each.parentElement.textContent.trim().replace(/\\s+/g, " ").slice(0, 60)),
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
        // the diagrams of estimators have the colours of scikit-learn
        if (!own || !element.offsetParent || element.closest("svg, .sk-top-container")) continue;
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


class Server(http.server.ThreadingHTTPServer):
    def handle_error(self, request: Any, client_address: Any) -> None:
        """Ignore a browser that leaves a page before it has all of it."""


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
    n_faults = 0
    for fault in checked(options.html.resolve(), with_name, options):
        n_faults += 1
        print(fault, flush=True)
    print(f"{len(with_name)} pages at {len(WIDTHS)} widths, {n_faults} faults; {options.screenshots}")
    return n_faults > 0


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


def checked(html: Path, pages: list[Path], options: argparse.Namespace) -> Iterator[str]:
    """Open the pages in a browser, and yield their faults."""
    from playwright.sync_api import sync_playwright

    server = Server(("127.0.0.1", 0), functools.partial(Quiet, directory=str(html)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    root = f"http://127.0.0.1:{server.server_port}/"
    try:
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=browser_path(), args=["--no-sandbox"])
            site = Site(browser, root, html, options.screenshots)
            for page in pages:
                yield from site.faults_of(page)
            yield from site.dead_links()
            if not options.only:
                yield from site.failed_searches()
                yield from site.distant_answers()
                yield from site.pages_of_paper("cheat_sheet.html")
            browser.close()
    finally:
        server.shutdown()
        server.server_close()


class Site:
    """The pages of the site, as a browser shows them."""

    def __init__(self, browser: Any, root: str, html: Path, screenshots: Path) -> None:
        self.root, self.html, self.screenshots = root, html, screenshots
        self.ids: dict[str, set[str]] = {}
        self.links: dict[str, set[str]] = {}
        self.messages: list[str] = []
        self.tab = self._opened(browser)

    def _opened(self, browser: Any) -> Any:
        tab = browser.new_page(viewport={"width": max(WIDTHS), "height": HEIGHT})
        tab.on("console", lambda said: self.messages.append(said.text) if said.type == "error" else None)
        tab.on("pageerror", lambda error: self.messages.append(str(error)))
        # other hosts are not asked
        tab.route(lambda url: not url.startswith(self.root), lambda route: route.abort())
        return tab

    def faults_of(self, path: Path) -> Iterator[str]:
        name = path.relative_to(self.html).as_posix()
        self.messages.clear()
        self.tab.goto(self.root + name, wait_until="load")
        for width in WIDTHS:
            self.tab.set_viewport_size({"width": width, "height": HEIGHT})
            facts = self.tab.evaluate(FACTS)
            where = f"{name} at {width} px:"
            if facts["scroll"] > 0:
                yield f"{where} the page scrolls sideways by {facts['scroll']} px"
            if width == max(WIDTHS):
                yield from (f"{where} clipped: {text!r}" for text in facts["clipped"])
                yield from (f"{where} a table with an empty head: {text!r}" for text in facts["headless"])
            yield from (f"{where} the image {image} is missing" for image in facts["images"])
            self.ids[name] = {unquote(each) for each in facts["ids"]}
            self.links.setdefault(name, set()).update(facts["links"])
            self._screenshot(name, str(width))
        self.tab.set_viewport_size({"width": max(WIDTHS), "height": HEIGHT})
        yield from self._dark(name)
        yield from (f"{name}: console: {message}" for message in self.messages)

    def _dark(self, name: str) -> Iterator[str]:
        self.tab.evaluate("document.documentElement.dataset.theme = 'dark'")
        for text in self.tab.evaluate(LOW_CONTRAST, [CONTRAST, CONTRAST_LARGE]):
            yield f"{name} in the dark mode: too little contrast: {text}"
        self._screenshot(name, "dark")

    def _screenshot(self, name: str, kind: str) -> None:
        path = self.screenshots / kind / (name.removesuffix(".html").replace("/", "__") + ".jpg")
        path.parent.mkdir(parents=True, exist_ok=True)
        # of generated pages the top is enough
        whole = not name.startswith("api/generated/")
        self.tab.screenshot(path=path, full_page=whole, type="jpeg", quality=60)

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

    def distant_answers(self) -> Iterator[str]:
        """Follow the links from the landing page, and look for the answers to questions."""
        paths = {"index.html": ()}
        for _ in range(N_CLICKS):
            for name, path in list(paths.items()):
                for link in sorted(self.links[name]):
                    target = urldefrag(link)[0].removeprefix(self.root)
                    if target in self.links:
                        paths.setdefault(target, (*path, target))
        for question, (page, words) in QUESTIONS.items():
            name = f"{page}.html"
            if name not in paths:
                yield f"{question} {name} is more than {N_CLICKS} clicks from the landing page"
            elif words not in (self.html / name).read_text(encoding="utf-8"):
                yield f"{question} {name} does not say {words!r}"
            else:
                print(f"{question} {' > '.join(paths[name])}")

    def failed_searches(self) -> Iterator[str]:
        tab = self.tab
        for words, page in SEARCHES.items():
            tab.goto(urljoin(self.root, f"search.html?q={words}"))
            tab.wait_for_function(
                "/found|did not match/.test(document.querySelector('#search-results').innerText)"
            )
            found = tab.eval_on_selector_all("#search-results li a", "all => all.map(each => each.href)")
            if not any(page in link for link in found[:N_RESULTS]):
                yield f"search: {words!r} does not lead to {page}; first are {found[:3]}"

    def pages_of_paper(self, name: str) -> Iterator[str]:
        tab = self.tab
        tab.goto(self.root + name)
        path = self.screenshots / name.replace(".html", ".pdf")
        content = tab.pdf(path=path, format="A4", margin=dict.fromkeys(("top", "bottom", "left", "right"), "1cm"))
        count = content.count(b"/Type /Page\n") + content.count(b"/Type /Page>")
        if count != 1:
            yield f"{name}: {count} pages of paper instead of one"


if __name__ == "__main__":
    sys.exit(main())
