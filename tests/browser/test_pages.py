"""The report, and the page of a run that goes on, in a real Chromium: what is drawn, what is asked of other places, and whether everyone can use it."""

import os
import re
import subprocess
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import sync_playwright

CFX = os.environ["CFX"]

SCRIPT = """cfx 1
experiment "Pages" { seed: 1 }

use std.data { digits }
use std.networks { mlp }

axis run = 0..3
dataset data = digits()
## The network.
model net = train(mlp(hidden: [16]), data.train, seed: run) { epochs: EPOCHS, batch: 64, rate: 0.1 }
stages reps = svd(tap(net[run: 0], data.test, at: [hidden1]), width: 3)
density p = dp_mixture(reps, by: class, sampler: gibbs(passes: 20, burn_in: 10, thin: 5, chains: 2))
analysis logp = log_density(p, reps)
analysis acc = accuracy(net, data.test)
figure "Learning" = curves(history(net).loss, x: epoch, y_label: "Loss, nats")
figure "Densities" = profile(logp, facet: stage)
figure "Digits" = images(data.test, rows: class, count: 2)
claim "Better than chance" = all(acc > 10%)
claim "Perfect" = all(acc == 100%)
"""

MANY = """cfx 1
experiment "Many cells" { seed: 1 }

axis a = 0..250
axis b = 0..400
analysis product = a * b
analysis by_a = mean(product, over: b)
figure "Products" = curves(by_a, x: a)
claim "They grow" = by_a[a: last] > by_a[a: first]
"""


@pytest.fixture(scope="session")
def browser():
    with sync_playwright() as playwright:
        arguments = ["--no-sandbox"] if os.geteuid() == 0 else []
        started = playwright.chromium.launch(executable_path=os.environ["CFX_BROWSER"], args=arguments)
        yield started
        started.close()


def ran(folder, name, text):
    script = folder / f"{name}.cfx"
    script.write_text(text)
    subprocess.run([CFX, "run", str(script)], check=True, capture_output=True)
    return folder / "results" / name / "report.html"


@pytest.fixture(scope="session")
def report(tmp_path_factory):
    return ran(tmp_path_factory.mktemp("report"), "pages", SCRIPT.replace("EPOCHS", "3"))


class Tab:
    """A page, what it asks of other places, and what it complains about."""

    def __init__(self, browser, **how):
        self.page = browser.new_context(**how).new_page()
        self.page.set_default_timeout(120_000)
        self.elsewhere, self.complaints = [], []
        self.page.on("request", lambda r: self.elsewhere.append(r.url) if not re.match(r"file:|data:|blob:|http://127\.0\.0\.1:", r.url) else None)
        self.page.on("console", lambda m: self.complaints.append(m.text) if m.type in ("error", "warning") else None)
        self.page.on("pageerror", lambda e: self.complaints.append(str(e)))

    def violations(self):
        """What the rules of axe-core say is wrong for people who cannot see, or not well; everything is unfolded."""
        self.page.evaluate("document.querySelectorAll('details').forEach(d => d.open = true)")
        found = Axe().run(self.page).response["violations"]
        return [f"{v['id']}: {n['html'][:200]}" for v in found for n in v["nodes"]]

    def too_wide(self):
        return self.page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_everyone_can_use_the_report(browser, report, scheme):
    tab = Tab(browser, color_scheme=scheme)
    tab.page.goto(report.as_uri())
    assert tab.page.title().startswith("Pages")
    assert tab.page.locator("svg[role=img], figure [role=img], img[alt]").count() >= 3
    assert tab.violations() == []
    assert tab.elsewhere == [] and tab.complaints == []
    ground = tab.page.evaluate("getComputedStyle(document.body).backgroundColor")
    light = sum(int(n) for n in re.findall(r"\d+", ground)[:3]) > 384
    assert light == (scheme == "light"), ground


def test_claims_come_first_and_the_contents_lead_to_every_part(browser, report):
    tab = Tab(browser)
    tab.page.goto(report.as_uri())
    headings = tab.page.locator("h2").all_inner_texts()
    assert "claim" in headings[0].lower(), headings
    links = tab.page.eval_on_selector_all("nav a[href^='#']", "all => all.map(a => a.getAttribute('href').slice(1))")
    assert len(links) >= 5
    missing = tab.page.evaluate("ids => ids.filter(i => !document.getElementById(decodeURIComponent(i)))", links)
    assert missing == []


def test_the_keyboard_unfolds_a_table(browser, report):
    tab = Tab(browser)
    tab.page.goto(report.as_uri())
    first = tab.page.query_selector("details:not([open]) > summary")
    first.focus()
    tab.page.keyboard.press("Enter")
    assert first.evaluate("s => s.parentElement.open")


@pytest.mark.parametrize("width", [320, 800])
def test_a_narrow_page_does_not_scroll_sideways(browser, report, width):
    tab = Tab(browser, viewport={"width": width, "height": 700})
    tab.page.goto(report.as_uri())
    assert tab.too_wide() <= 0


LETTERS = """() => [...document.querySelectorAll('#figures .plate > svg')].flatMap(s => {
  const scale = s.getBoundingClientRect().width / s.viewBox.baseVal.width
  return [...s.querySelectorAll('[font-size]')].map(t => scale * parseFloat(t.getAttribute('font-size')))
})"""


def test_letters_in_figures_can_be_read(browser, report):
    tab = Tab(browser, viewport={"width": 1200, "height": 900})
    tab.page.goto(report.as_uri())
    sizes = tab.page.evaluate(LETTERS)
    assert len(sizes) > 20 and min(sizes) >= 12, min(sizes)


def test_what_is_cut_off_at_the_right_fades_out(browser, report):
    tab = Tab(browser, viewport={"width": 400, "height": 900})
    tab.page.goto(report.as_uri())
    plate = tab.page.locator(".plate").filter(has=tab.page.locator("svg")).first
    assert plate.evaluate("p => p.scrollWidth > p.clientWidth")
    fade = "p => parseFloat(getComputedStyle(p).getPropertyValue('--fade'))"
    assert plate.evaluate(fade) > 20
    plate.evaluate("p => new Promise(done => { p.scrollLeft = p.scrollWidth; requestAnimationFrame(() => requestAnimationFrame(done)) })")
    assert plate.evaluate(fade) < 1
    # Nothing fades where all of it is seen.
    wide = Tab(browser, viewport={"width": 1400, "height": 900})
    wide.page.goto(report.as_uri())
    first = wide.page.locator(".plate").first
    assert first.evaluate("p => p.scrollWidth <= p.clientWidth") and first.evaluate(fade) == 0


def test_the_report_prints(browser, report, tmp_path):
    tab = Tab(browser, color_scheme="dark")
    tab.page.goto(report.as_uri())
    tab.page.emulate_media(media="print")
    ground = tab.page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert all(int(n) > 200 or ground.startswith("rgba(0, 0, 0, 0") for n in re.findall(r"\d+", ground)[:3]), ground
    tab.page.emulate_media(media=None)
    printed = tab.page.pdf(path=str(tmp_path / "report.pdf"))
    assert printed[:5] == b"%PDF-" and len(printed) > 20_000


def test_a_report_of_a_hundred_thousand_cells_is_a_small_page(browser, tmp_path):
    report = ran(tmp_path, "many", MANY)
    assert report.stat().st_size < 4 << 20
    tab = Tab(browser)
    tab.page.goto(report.as_uri())
    assert "100,000" in tab.page.inner_text("body") or "100000" in tab.page.inner_text("body")
    assert tab.page.evaluate("document.querySelectorAll('*').length") < 20_000


def test_a_run_is_followed_and_ends_in_its_report(browser, tmp_path):
    script = tmp_path / "live.cfx"
    script.write_text(SCRIPT.replace("EPOCHS", "400"))
    server = subprocess.Popen([CFX, "serve", str(script)], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    try:
        address = server.stdout.readline().strip()
        assert re.match(r"http://127\.0\.0\.1:\d+/\w+/$", address), address
        tab = Tab(browser)
        tab.page.goto(address)
        tab.page.wait_for_selector("#curves svg polyline", timeout=120_000)
        assert re.search(r"\d+ of \d+ cells done", tab.page.inner_text("#status"))
        assert tab.violations() == []
        tab.page.wait_for_url("**/report.html", timeout=300_000)
        assert tab.page.locator("h2").first.is_visible()
        assert tab.elsewhere == [] and tab.complaints == []
        # Without the token nothing is shown.
        other = Tab(browser)
        assert other.page.goto(re.sub(r"/\w+/$", "/", address)).status >= 400
    finally:
        server.kill()
        server.wait()
