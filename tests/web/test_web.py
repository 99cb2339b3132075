# SPDX-License-Identifier: BSD-2-Clause
"""The page of build/web starts the kernel, takes commands, shows its screen, and asks nobody else for anything.

A web server of Python's holds the folder; the page is driven in a headless Chromium, as a visitor would."""

import functools
import http.server
import pathlib
import re
import sys
import threading
import time

import pytest
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tools/viewer"))

import browser  # noqa: E402

FOLDER = ROOT / "build/web"
# The prompt, and what the line editor draws behind it, at the end of what was said.
PROMPT = r"/meridian> (\x1b\[[0-9;?]*[A-Za-z]|\r)*$/"
PATIENCE = 90                   # seconds for anything: an emulator in a browser on a busy machine
# v86 has no trap flag: a program that steps through its instructions is not stopped.
KNOWN_FAILURES = {"user": "'step' was not stopped"}


class Silent(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass


@pytest.fixture(scope="module")
def address():
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Silent, directory=FOLDER))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/"
    server.shutdown()


@pytest.fixture(scope="module")
def driver(address):
    chromium = browser.start()
    browser.set_width(chromium, 1500, 900)
    chromium.get(address)
    yield chromium
    chromium.quit()


def until(driver, script, *arguments):
    end = time.monotonic() + PATIENCE
    while not driver.execute_script(script, *arguments):
        said = driver.execute_script("return typeof machine !== 'undefined' && document.getElementById('status').textContent + '\\n' + machine.said.slice(-600)")
        assert time.monotonic() < end, f"not true after {PATIENCE} s: {script}\n{said}"
        time.sleep(0.2)


@pytest.fixture
def ready(driver):
    until(driver, f"return machine.ready && {PROMPT}.test(machine.said)")
    return driver


def command(driver, line):
    """Types a line into the terminal, key by key; returns what the machine printed."""
    before = len(driver.execute_script("return machine.said"))
    driver.find_element(By.CSS_SELECTOR, ".xterm-helper-textarea").send_keys(line + Keys.ENTER)
    until(driver, f"const said = machine.said.slice(arguments[0]); return said.includes('\\n') && {PROMPT}.test(said)", before + len(line))
    return driver.execute_script("return machine.said.slice(arguments[0])", before).replace("\r", "")


def test_ready(ready):
    """The kernel boots in the page to its prompt, and the page says how long that took."""
    assert re.fullmatch(r"Ready after \d+\.\d s: type a command", ready.find_element(By.ID, "status").text)
    assert all(button.is_enabled() for button in ready.find_elements(By.CSS_SELECTOR, "#suggestions button"))


def test_monitor(ready):
    """Commands typed at the terminal are answered; the map has the emulator's memory."""
    assert "64 MiB" in command(ready, "map") or "63" in command(ready, "map")
    frames = command(ready, "frames")
    free, total = (int(re.search(rf"  {word} +(\d+)", frames).group(1)) for word in ("free", "total"))
    assert 14000 < free < total <= 16384


def test_screen_shows_what_the_terminal_does(ready):
    """The machine's own screen, VGA text, shows the log as well, in colours that can be seen."""
    assert "frames of 4 KiB" in command(ready, "frames")
    until(ready, "return document.querySelector('#screen .text').innerText.includes('frames of 4 KiB')")
    colours = ready.execute_script("""return [...document.querySelectorAll('#screen .text span')].filter((one) => one.innerText.trim() !== '')
        .map((one) => [getComputedStyle(one).color, getComputedStyle(one).backgroundColor])""")
    assert colours and all(ink != ground for ink, ground in colours), colours


def test_keyboard_of_the_machine(ready):
    """With the focus on the screen keys go to the PS/2 keyboard: a command typed there is answered."""
    ready.find_element(By.ID, "screen").click()
    before = len(ready.execute_script("return machine.said"))
    for key in (*"help map", Keys.ENTER):
        ActionChains(ready).send_keys(key).perform()
        time.sleep(0.05)
    until(ready, f"const said = machine.said.slice(arguments[0]); return said.includes('usage: map') && {PROMPT}.test(said)", before)


def test_selftest(ready):
    """selftest, typed at the terminal, passes but for what the emulator lacks."""
    said = command(ready, "selftest")
    results = dict(re.findall(r"^selftest (\w+): (passed|FAILED)", said, re.MULTILINE))
    assert len(results) >= 15
    failed = {name: why for name, why in re.findall(r"^selftest (\w+): FAILED: (.*)$", said, re.MULTILINE)}
    assert failed == KNOWN_FAILURES, said


def test_suggestions(ready):
    """The buttons type their command."""
    before = len(ready.execute_script("return machine.said"))
    ready.find_elements(By.CSS_SELECTOR, "#suggestions button")[0].click()
    until(ready, "const said = machine.said.slice(arguments[0]); return said.includes('lists its commands') || said.includes('tells how a command')", before)


def test_restart(ready):
    """Restart boots the machine anew."""
    ready.execute_script("window.before = true")
    ready.find_element(By.ID, "restart").click()
    until(ready, "return window.before === undefined && typeof machine !== 'undefined'")
    until(ready, "return machine.ready && machine.said.includes('This is the monitor')")
    assert "free" in command(ready, "frames")


def test_nothing_from_elsewhere(ready, address):
    """Everything came from the folder; the browser has nothing against the page."""
    names = ready.execute_script("return performance.getEntriesByType('resource').map((entry) => entry.name)")
    assert names and all(name.startswith((address, "blob:")) for name in names), names
    assert [entry for entry in ready.get_log("browser") if entry["level"] == "SEVERE" and "favicon" not in entry["message"]] == []


@pytest.mark.parametrize("width", (800, 1500))
def test_nothing_overlaps(ready, width):
    """At both widths nothing leaves the page, and the panes do not overlap."""
    browser.set_width(ready, width, 900)
    boxes = ready.execute_script("return [...document.querySelectorAll('main section')].map((one) => one.getBoundingClientRect().toJSON())")
    assert ready.execute_script("return document.documentElement.scrollWidth <= innerWidth")
    first, second = boxes
    assert first["right"] <= second["left"] or first["bottom"] <= second["top"]
    browser.set_width(ready, 1500, 900)
    if width == 1500:
        ready.save_screenshot(str(ROOT / "build/web.png"))
