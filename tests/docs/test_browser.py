"""The site in a real browser: every page, light and dark, on a phone and on a desk."""

import os
import shutil
from collections.abc import Iterator

import pytest

webdriver = pytest.importorskip(
    "selenium.webdriver", reason='the browser is driven by the extra docs: "snr-reid[docs]"'
)
Keys = pytest.importorskip("selenium.webdriver.common.keys").Keys

pytestmark = pytest.mark.slow

WIDTHS = (390, 1400)
SHADES = ("light", "dark")

LOOK = """
const shown = element => element.checkVisibility();
const boxes = '.math-block, .highlight, .table-wrapper, table.genindextable, pre, nav, aside';
const wide = [...document.querySelectorAll('article *')].filter(element =>
    shown(element) && !element.closest(boxes) && element.getBoundingClientRect().right > arguments[0] + 1);
const background = element => {
    for (let e = element; e; e = e.parentElement) {
        const colour = getComputedStyle(e).backgroundColor;
        if (colour !== 'rgba(0, 0, 0, 0)') return colour;
    }
};
const brightness = colour => colour.match(/[\\d.]+/g).slice(0, 3).reduce((sum, c) => sum + Number(c), 0) / 765;
const paragraph = document.querySelector('article p');
const light = paragraph && brightness(background(paragraph));
return {
    width: document.scrollingElement.scrollWidth,
    wide: wide.slice(0, 5).map(e => e.outerHTML.slice(0, 100)),
    formulas: document.querySelectorAll('math').length,
    flat: [...document.querySelectorAll('math')].filter(m => shown(m) && !m.getBoundingClientRect().height)
        .map(m => m.textContent),
    absent: [...document.images].filter(i => shown(i) && !(i.complete && i.naturalWidth)).map(i => i.src),
    pictures: [...document.images].filter(shown).map(i => i.src),
    contrast: paragraph ? Math.abs(brightness(getComputedStyle(paragraph).color) - light) : 1,
    page: light,
};
"""


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator["webdriver.Chrome"]:
    chromium, driver = shutil.which("chromium"), shutil.which("chromedriver")
    if not chromium or not driver:
        pytest.skip("there is no chromium and chromedriver here (Debian: apt-get install chromium chromium-driver)")
    options = webdriver.ChromeOptions()
    options.binary_location = chromium
    switches = "headless=new no-sandbox disable-gpu disable-quic no-first-run disable-background-networking"
    for switch in f"{switches} disable-component-update disable-sync disable-dev-shm-usage".split():
        options.add_argument(f"--{switch}")
    options.add_argument(f"--user-data-dir={tmp_path_factory.mktemp('profile')}")
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    service = webdriver.ChromeService(driver, env={**os.environ, "NO_PROXY": "localhost,127.0.0.1"})
    chrome = webdriver.Chrome(options=options, service=service)
    yield chrome
    chrome.quit()


def test_every_page_is_readable_on_every_screen(browser, site, pages) -> None:
    problems = []
    looked_at = formulas = pictures = 0
    for page in pages:
        if "_modules" in page.parts:
            continue  # listings of source
        for shade in SHADES:
            media = {"features": [{"name": "prefers-color-scheme", "value": shade}]}
            browser.execute_cdp_cmd("Emulation.setEmulatedMedia", media)
            _resize(browser, WIDTHS[0])
            browser.get(page.as_uri())
            for width in WIDTHS:
                _resize(browser, width)
                seen = browser.execute_script(LOOK, width)
                where = f"{page.relative_to(site)}, {shade}, {width} pixels"
                problems += [f"{where}: {problem}" for problem in _problems(seen, shade, width)]
                looked_at, formulas = looked_at + 1, formulas + seen["formulas"]
                pictures += len(seen["pictures"])
            problems += [f"{page.relative_to(site)}: {entry['message']}" for entry in browser.get_log("browser")]
    assert problems == []
    assert looked_at > 50
    assert formulas > 1000
    assert pictures > 20


def test_a_picture_is_that_of_the_colour_scheme(browser, site) -> None:
    for shade in SHADES:
        media = {"features": [{"name": "prefers-color-scheme", "value": shade}]}
        browser.execute_cdp_cmd("Emulation.setEmulatedMedia", media)
        browser.get((site / "specification" / "module.html").as_uri())
        shown = browser.execute_script(LOOK, WIDTHS[0])["pictures"]
        assert shown
        assert all(f"-{shade}.svg" in source for source in shown)


def test_cases_fold_down_and_lead_to_the_catalogue(browser, site) -> None:
    _resize(browser, WIDTHS[0])
    browser.get((site / "specification" / "module.html").as_uri())
    box = browser.find_element("id", "clause-1-1")
    case = box.find_element("css selector", "details li a")
    assert not case.is_displayed()
    _click(browser, box.find_element("css selector", "summary"))
    assert case.is_displayed()
    _click(browser, case)
    assert "specification/cases.html#case-" in browser.current_url


def test_keys_move_the_gate_and_the_maps_follow(browser, site) -> None:
    browser.get((site / "specification.html").as_uri())
    slider = browser.find_element("css selector", "figure.gate input")
    maps = browser.find_elements("css selector", ".gate-map img:last-child")
    assert len(maps) == 6
    for key, gate in ((Keys.HOME, 0), (Keys.ARROW_RIGHT, 0.05), (Keys.END, 1)):
        slider.send_keys(key)
        assert browser.find_element("css selector", "figure.gate output").text == f"{gate:.2f}"
        assert [float(image.value_of_css_property("opacity")) for image in maps] == [gate] * 6


def test_the_search_finds_a_function_without_a_server(browser, site) -> None:
    browser.get(f"{(site / 'search.html').as_uri()}?q=snr_vjp")
    browser.implicitly_wait(20)
    found = browser.find_element("css selector", "#search-results li a")
    assert found.get_attribute("href").startswith("file://")


def _problems(seen: dict, shade: str, width: int) -> Iterator[str]:
    if seen["width"] > width:
        yield f"scrolls sideways, {seen['width']} pixels"
    yield from (f"reaches beyond the screen: {element}" for element in seen["wide"])
    yield from (f"formula without height: {formula}" for formula in seen["flat"])
    yield from (f"image not loaded: {source}" for source in seen["absent"])
    if seen["contrast"] < 0.5:
        yield f"text and background are too much alike: {seen['contrast']:.2f}"
    if seen["page"] is not None and (seen["page"] > 0.5) != (shade == "light"):
        yield f"the page is not {shade}"


def _resize(browser: "webdriver.Chrome", width: int) -> None:
    metrics = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 500}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)


def _click(browser: "webdriver.Chrome", element: "webdriver.remote.webelement.WebElement") -> None:
    """The place of an element after the page has scrolled to it, which the theme would do smoothly."""
    browser.execute_script("arguments[0].scrollIntoView({block: 'center', behavior: 'instant'})", element)
    element.click()
