# SPDX-License-Identifier: BSD-2-Clause
"""browser.py - a headless Chromium that tests and pictures share."""

import os
import shutil

from selenium import webdriver
from selenium.webdriver.chrome.options import Options
from selenium.webdriver.chrome.service import Service

PROGRAMS = ("chromium", "chromium-browser")
SECONDS = 60


def start(*words):
    """A browser whose window has no frame; `words` are more options of Chromium's."""
    options = Options()
    options.binary_location = next(filter(None, map(shutil.which, PROGRAMS)), PROGRAMS[0])
    for word in ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--hide-scrollbars",
                 "--force-device-scale-factor=1", *words):
        options.add_argument(word)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    driver = webdriver.Chrome(service=Service(shutil.which("chromedriver"), log_path=os.devnull), options=options)
    driver.set_page_load_timeout(SECONDS)
    driver.set_script_timeout(SECONDS)
    return driver


def set_width(driver, width, height=1000):
    """Makes the page, not the window, this wide."""
    driver.set_window_size(width, height)
    inner = driver.execute_script("return [innerWidth, innerHeight]")
    driver.set_window_size(2 * width - inner[0], 2 * height - inner[1])
