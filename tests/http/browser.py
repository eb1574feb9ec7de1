"""A headless Chromium that looks at the operator's page, and what a person does there."""

import json
import os
import shutil
from urllib.parse import urlsplit

import pytest
from selenium import webdriver
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import Select, WebDriverWait

WAIT_S = 30  # until something appears; longer is a failure


def program(*names):
    for name in names:
        if found := shutil.which(name):
            return found
    pytest.skip(f"Debian: chromium, chromium-driver (no {' or '.join(names)} here)")


def start():
    options = webdriver.ChromeOptions()
    options.binary_location = program("chromium", "chromium-browser", "google-chrome")
    for argument in ("--headless=new", "--disable-dev-shm-usage", "--disable-gpu", "--window-size=1440,900"):
        options.add_argument(argument)
    if os.geteuid() == 0:
        options.add_argument("--no-sandbox")  # Chromium does not start as root with one
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    return webdriver.Chrome(service=Service(program("chromedriver")), options=options)


class Page:
    """The page of one server in a browser."""

    def __init__(self, driver, url):
        self.driver = driver
        self.url = url
        self.logs()

    def open(self, view="#/orders", wait_for="table"):
        self.driver.get("about:blank")  # or the same address but for its #... would not load anew
        self.driver.get(f"{self.url}/{view}")
        if wait_for:
            self.find(wait_for)

    def go(self, view):
        self.driver.execute_script("location.hash = arguments[0]", view)

    # --- what is there ---

    def all(self, selector):
        return self.driver.find_elements(By.CSS_SELECTOR, selector)

    def find(self, selector):
        return self.until(lambda: self.all(selector), f"no {selector}")[0]

    def texts(self, selector):
        """The text content, as a copy of it would be, in one look: the page may change between two."""
        return self.driver.execute_script(
            "return [...document.querySelectorAll(arguments[0])].map((one) => one.textContent)", selector)

    def until(self, condition, why):
        return WebDriverWait(self.driver, WAIT_S, poll_frequency=0.05).until(lambda _: condition(), why)

    def until_text(self, selector, wanted):
        self.until(lambda: any(wanted in text for text in self.texts(selector)), f"{selector} never said {wanted!r}")

    def orders(self):
        """The blotter's rows: order id -> the text of each cell by its column."""
        return self.driver.execute_script("""
            return Object.fromEntries([...document.querySelectorAll('tbody tr[data-id]')].map((row) =>
              [row.dataset.id, Object.fromEntries([...row.cells].map((cell) => [cell.dataset.label, cell.textContent]))]))
        """)

    def until_orders(self, ids):
        ids = {str(one) for one in ids}
        self.until(lambda: set(self.orders()) == ids, f"the blotter never showed just {sorted(ids)}")

    # --- what a person does ---

    def click(self, selector):
        """However often what is there is drawn anew under the pointer."""
        self.find(selector)
        self.driver.execute_script("document.querySelector(arguments[0]).click()", selector)

    def press(self, key):
        self.click(f'[data-key="{key}"]')

    def choose(self, name, value):
        Select(self.find(f'main [name="{name}"]')).select_by_value(value)

    def choose_in_dialog(self, name, value):
        Select(self.find(f'dialog [name="{name}"]')).select_by_value(value)

    def type(self, name, text, inside="main"):
        element = self.find(f'{inside} [name="{name}"]')
        element.clear()
        element.send_keys(text)

    def confirm(self):
        self.click('dialog[open] button[type="submit"]')
        self.until(lambda: not self.all("dialog"), "the dialog stays")

    # --- what it did ---

    def logs(self):
        return [(entry["level"], entry["message"]) for entry in self.driver.get_log("browser")]

    def hosts(self):
        """Every host that was asked for anything since the last call."""
        found = set()
        for entry in self.driver.get_log("performance"):
            message = json.loads(entry["message"])["message"]
            if message["method"] == "Network.requestWillBeSent":
                found.add(urlsplit(message["params"]["request"]["url"]).netloc)
        return found - {""}

    def resize(self, width, height, scheme="light"):
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride",
                                    {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False})
        self.driver.execute_cdp_cmd("Emulation.setEmulatedMedia",
                                    {"features": [{"name": "prefers-color-scheme", "value": scheme}]})
