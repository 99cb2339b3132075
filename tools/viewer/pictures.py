#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""pictures.py - draws the pictures of docs/viewer.md: pictures.py VIEWER LOGS DOCS"""

import pathlib
import sys
import time

from selenium.webdriver.common.by import By

import browser

# name: (files, view, theme, height, keys pressed on the first canvas)
PICTURES = {
    "viewer-map": (("session.log",), "map", "light", 860, 16),
    "viewer-frames": (("session.log",), "frames", "dark", 560, 9),
    "viewer-heap": (("session.log",), "heap", "light", 700, 24),
    "viewer-compare": (("session.log", "other.log"), "diff", "dark", 860, 0),
}
RIGHT = "\ue014"


def take(driver, page, logs, picture):
    files, view, theme, height, keys = picture
    driver.get(page.resolve().as_uri())
    browser.set_width(driver, 1280, height)
    driver.execute_script("document.documentElement.dataset.theme = arguments[0]; theme.changed()", theme)
    for slot, name in enumerate(files):
        driver.execute_script("page.slot = arguments[0]; page.byId('file').value = ''", slot)
        driver.find_element(By.ID, "file").send_keys(str((logs / name).resolve()))
        while driver.execute_script("return page.logs.length") <= slot:
            time.sleep(0.05)
    driver.find_element(By.ID, f"tab-{view}").click()
    if keys:
        driver.find_element(By.TAG_NAME, "canvas").send_keys(RIGHT * keys)
    driver.execute_async_script("document.activeElement.blur(); scrollTo(0, 0);"
                                "requestAnimationFrame(() => requestAnimationFrame(arguments[0]))")


def main():
    page, logs, docs = map(pathlib.Path, sys.argv[1:])
    driver = browser.start()
    try:
        for name, picture in PICTURES.items():
            take(driver, page, logs, picture)
            driver.save_screenshot(str(docs / f"{name}.png"))
            print(f"wrote {docs / name}.png")
    finally:
        driver.quit()


if __name__ == "__main__":
    main()
