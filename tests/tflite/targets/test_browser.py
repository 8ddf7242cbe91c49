"""The browser that runs pages for the target "browser", and how LiteRT.js is found."""

import os
import signal
import subprocess
import sys
import time

import pytest

from keras_cnns.support.errors import NotInstalled
from keras_cnns.tflite.check.check import check
from keras_cnns.tflite.targets import chromium, litert_js
from keras_cnns.tflite.targets.chromium import Browser, BrowserError, find_chromium
from tests.tflite.targets.conftest import empty_package

needs_chromium = pytest.mark.skipif(not find_chromium(), reason="there is no Chromium")
PAGE = (
    b"""<!doctype html><title>a page</title><img src="http://198.51.100.1/a.png" alt=""><script src="/a.js"></script>"""
)


@needs_chromium
def test_a_page_gets_its_own_files_and_nothing_else():
    with Browser(find_chromium(), {"/": PAGE, "/a.js": b"globalThis.answer = 41"}) as browser:
        browser.open("/")
        assert browser.evaluate("new Promise(resolve => resolve(answer + 1))") == 42
        assert browser.evaluate("fetch('/b.js').then(() => 'loaded', () => 'refused')") == "refused"
        assert {"http://198.51.100.1/a.png", "http://localhost/b.js"} <= set(browser.refused)
        with pytest.raises(BrowserError, match=r"^Error: wrong$"):
            browser.evaluate("(() => { throw new Error('wrong') })()")
        profile = browser.profile
        assert profile.is_dir()
        browser.deadline = time.monotonic() + 0.5
        with pytest.raises(BrowserError, match="too long"):
            browser.evaluate("new Promise(() => {})")
    assert not profile.exists()


@needs_chromium
def test_the_browser_ends_with_the_process_that_started_it():
    program = (
        "from keras_cnns.tflite.targets.chromium import *\n"
        "with Browser(find_chromium(), {}) as browser: print(browser._process, flush=True); browser.wait(lambda: False)"
    )
    parent = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True)
    group = int(parent.stdout.readline())
    os.killpg(group, 0)  # it is there
    parent.send_signal(signal.SIGKILL)
    parent.communicate()
    deadline = time.monotonic() + 20
    while _exists(group) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert not _exists(group)


def _exists(group):
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    return True


@pytest.fixture
def package(tmp_path):
    return empty_package(tmp_path)


def test_the_package_is_found_in_the_folder_of_the_variable(package, monkeypatch):
    monkeypatch.setenv(litert_js.FOLDER, str(package))
    result = litert_js.find_litert_js()
    assert result.version == "9.9.9" and set(result.files) == set(litert_js.FILES)
    (package / litert_js.FILES[-1]).unlink()
    with pytest.raises(NotInstalled, match=r"compat_internal.wasm: npm install"):
        litert_js.find_litert_js()


def test_the_package_is_not_looked_for_in_the_current_folder(package, monkeypatch):
    (package / "node_modules").symlink_to(package)
    monkeypatch.chdir(package)
    monkeypatch.setenv("PATH", "")  # no npm
    monkeypatch.delenv(litert_js.FOLDER, raising=False)
    litert_js._global_packages.cache_clear()
    try:
        with pytest.raises(NotInstalled, match="npm install --global @litertjs/core@"):
            litert_js.find_litert_js()
    finally:
        litert_js._global_packages.cache_clear()


@pytest.mark.parametrize("missing", ["package", "chromium"])
def test_a_missing_tool_is_never_a_pass(missing, package, dense_file, tmp_path, monkeypatch):
    monkeypatch.setenv(litert_js.FOLDER, str(package if missing == "chromium" else tmp_path / "none"))
    monkeypatch.setenv(chromium.PROGRAM, "no-such-program")
    (result,) = check(dense_file, "browser").targets
    assert result.status == "not run" and not result.answered
    assert ("npm install" if missing == "package" else "install chromium") in result.reasons[0]
