#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# timeout: 180
"""test_assess.py - the HTML report in a real browser: languages, paper, and nothing that runs.

Pages are written by the program's own writer (report.c) of assessments made up by assess_sample.py.
"""
import base64
import json
import os
import re
import subprocess
import sys
import tempfile
import traceback

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
import assess_sample as sample  # noqa: E402
import browser  # noqa: E402

OUT = os.environ.get("OUT", "build")
MAPS = os.path.join(HERE, "..", "golden", "map")
tests = []


def test(function):
    tests.append(function)
    return function


def equal(got, wanted, what):
    assert got == wanted, "%s: %r, not %r" % (what, got, wanted)


class Pages:
    def __init__(self, directory):
        self.dir = directory
        self.docs = {name: make() for name, make in sample.SAMPLES.items()}
        with open(self.path("merged", "json"), "wb") as file:
            subprocess.run([OUT + "/ztctl", "map", "--json"] + [os.path.join(MAPS, n) for n in
                           ("web1.json", "app1.json", "db1.json")], stdout=file, check=True, timeout=60)
        for name, doc in self.docs.items():
            with open(self.path(name, "json"), "w", encoding="utf-8") as file:
                json.dump(doc, file, ensure_ascii=False)
            for lang in ("en", "zh-TW"):
                self.write(name, lang, name + "." + lang)
        crowd = sample.fleet()
        crowd["hosts"] = [{"name": "h%d" % i, "status": "ok", "assessment": self.docs["many"]} for i in range(40)]
        with open(self.path("crowd", "json"), "w", encoding="utf-8") as file:
            json.dump(crowd, file, ensure_ascii=False)
        self.write("crowd", "en", "crowd")
        self.write("mixed", "zh-TW", "mapped", self.path("merged", "json"))
        self.write("hostile", "en", "mapped-hostile", os.path.join(MAPS, "hostile.json"))

    def path(self, name, kind="html"):
        return os.path.join(self.dir, name + "." + kind)

    def write(self, name, lang, out, *rest):
        with open(self.path(out), "wb") as file:
            subprocess.run([OUT + "/tests/web/report", "html", lang, self.path(name, "json"), *rest],
                           stdout=file, check=True, timeout=60)


def load(page, path):
    page.call("POST", "~/url", {"url": "file://" + path})


def visible(page, lang):
    """Words of this language that can be seen."""
    return page.js("return [...document.querySelectorAll('main [lang=\"' + arguments[0] + '\"]')]"
                   ".filter(e => e.getClientRects().length).length", lang)


@test
def silent(page, pages):
    """no word on the console, no request but for the file itself, whatever is in it"""
    page.requests()
    for name in sorted(os.listdir(pages.dir)):
        if not name.endswith(".html"):
            continue
        load(page, os.path.join(pages.dir, name))
        equal(page.log(), [], "console of " + name)
        asked = [u for u in page.requests() if not u.startswith("chrome") and not u.endswith("favicon.ico")]
        equal(asked, ["file://" + os.path.join(pages.dir, name)], "requests of " + name)


@test
def no_script(page, pages):
    """there is no script, and one that is put in is refused"""
    load(page, pages.path("hostile.en"))
    equal(page.js("return document.scripts.length"), 0, "scripts")
    page.js("""window.refused = [];
        document.addEventListener('securitypolicyviolation', e => window.refused.push(e.effectiveDirective));
        const s = document.createElement('script'); s.textContent = 'window.ran = 1'; document.body.append(s);
        const y = document.createElement('style'); y.textContent = 'body{color:red}'; document.body.append(y);
        const i = document.createElement('img'); i.src = 'http://127.0.0.1:9/x'; document.body.append(i);""")
    page.until("return (window.refused || []).length >= 3")
    equal(page.js("return window.ran === undefined"), True, "foreign script did not run")
    page.log()


@test
def languages(page, pages):
    """each language alone, both at once, by mouse and keyboard, without script"""
    load(page, pages.path("mixed.en"))
    english = visible(page, "en")
    assert english > 300, english
    equal(visible(page, "zh-TW"), 0, "Chinese in the English page")
    page.click("label[for=l-zh]")
    equal((visible(page, "en"), visible(page, "zh-TW")), (0, english), "after the switch")
    page.click("label[for=l-both]")
    equal((visible(page, "en"), visible(page, "zh-TW")), (english, english), "both")
    page.js("document.getElementById('l-both').focus()")
    page.keys("Left")
    equal((visible(page, "en"), visible(page, "zh-TW")), (0, english), "by the keyboard")
    load(page, pages.path("mixed.zh-TW"))
    equal((visible(page, "en"), visible(page, "zh-TW")), (0, english), "opened in Chinese")


@test
def says_what_the_assessment_says(page, pages):
    """levels, states and checks as they are in the JSON"""
    for name in ("small", "mixed", "nothing", "provider", "many"):
        doc = pages.docs[name]
        load(page, pages.path(name + ".en"))
        shown = page.js("return [...document.querySelectorAll('.check')].map(e => [e.id.slice(3), "
                        "e.querySelector('.badge').className.split(' ')[1]])")
        order = [c for i in doc["items"] for c in doc["checks"] if c["item"] == i["id"]]
        equal(shown, [[c["id"], c["result"]] for c in order], "checks of " + name)
        rows = page.js("return [...document.querySelectorAll('.items tbody tr')].map(e => "
                       "e.cells[2].firstChild.className.split(' ')[1])")
        equal(rows, [i["status"] for i in doc["items"]], "items of " + name)
        big = page.js("return document.querySelector('.level .big').innerText")
        level = doc["levels"]["measured"]
        equal(big, "below level I" if level["level"] == 0 else "level " + level["text"], "level of " + name)


@test
def many_hosts(page, pages):
    """hosts that did not answer are listed, and not as good"""
    load(page, pages.path("fleet.en"))
    rows = page.js("return [...document.querySelector('article table').tBodies[0].rows].map(e => e.innerText)")
    equal(len(rows), 6, "rows")
    for name in ("lost", "=evil"):
        row = next(r for r in rows if r.startswith(name))
        assert "undetermined" in row, row
    equal(page.js("return document.querySelectorAll('article').length"), 5, "a summary and four hosts")


@test
def very_many_hosts(page, pages):
    """more hosts than a browser should hold with all checks: levels and items of each, and it says so"""
    load(page, pages.path("crowd"))
    equal(page.js("return [document.querySelectorAll('article').length, document.querySelectorAll('.items').length, "
                  "document.querySelectorAll('.check').length]"), [41, 40, 0], "articles, tables of items, checks")
    equal(page.js("return [...document.querySelectorAll('a')].filter(a => !document.querySelector(a.getAttribute('href')))"
                  ".length"), 0, "links that lead nowhere")
    assert "without their checks" in page.js("return document.querySelector('article').innerText")
    assert os.path.getsize(pages.path("crowd")) < 2 << 20


@test
def fits_the_screen(page, pages):
    """nothing is wider than the window, at any size, with text of any length"""
    for width in (390, 1060, 1800):
        page.cdp("Emulation.setDeviceMetricsOverride", width=width, height=900, deviceScaleFactor=1, mobile=False)
        for name in ("hostile.zh-TW", "many.en", "mapped-hostile", "fleet.en"):
            load(page, pages.path(name))
            over = page.js("return document.documentElement.scrollWidth - window.innerWidth")
            assert over <= 0, "%s at %d: %d too wide" % (name, width, over)


@test
def picture(page, pages):
    """the map is drawn once, with a table of the same arrows"""
    load(page, pages.path("mapped"))
    arrows = page.js("return document.querySelectorAll('svg.map .arrow').length")
    rows = page.js("return document.querySelector('table.arrows').tBodies[0].rows.length")
    equal(arrows, rows, "arrows and rows")
    assert arrows >= 5, arrows
    inside = page.js("""const s = document.querySelector('svg.map').getBoundingClientRect();
        return [...document.querySelectorAll('svg.map rect, svg.map text')].every(e => {
            const r = e.getBoundingClientRect();
            return r.left >= s.left && r.right <= s.right && r.bottom <= s.bottom + 1; })""")
    equal(inside, True, "boxes and names are inside the picture")


@test
def on_paper(page, pages):
    """prints to A4, with every check, the sign-off and the page's number; the switch stays on screen"""
    load(page, pages.path("mapped"))
    printed = page.cdp("Page.printToPDF", preferCSSPageSize=True)["data"]
    path = pages.path("mapped", "pdf")
    with open(path, "wb") as file:
        file.write(base64.b64decode(printed))
    info = subprocess.run(["pdfinfo", path], capture_output=True, text=True, check=True, timeout=60).stdout
    assert re.search(r"Page size: +59[45]\.\d+ x 84[12]\.\d+ pts \(A4\)", info), info
    count = int(re.search(r"Pages: +(\d+)", info)[1])
    assert 5 < count < 30, count
    text = subprocess.run(["pdftotext", "-layout", path, "-"], capture_output=True, text=True, check=True,
                          timeout=60).stdout
    missing = [c["id"] for c in pages.docs["mixed"]["checks"] if c["id"] not in text]
    equal(missing, [], "checks on paper")
    for word in ("簽核", "稽核", "豁免登記表", "非遵循性聲明", "%d / %d" % (count, count)):
        assert word in text, word
    assert "English" not in text, "the switch is printed"


def main():
    missing = browser.missing() or next((p for p in ("pdfinfo", "pdftotext") if not browser.shutil.which(p)), None)
    if missing:
        print("%s is not installed" % missing)
        return 77
    failed = 0
    with tempfile.TemporaryDirectory(prefix="zt-assess-") as directory:
        pages = Pages(directory)
        page = browser.Browser(1280, 900)
        try:
            for function in tests:
                try:
                    page.cdp("Emulation.setDeviceMetricsOverride", width=1280, height=900, deviceScaleFactor=1,
                             mobile=False)
                    function(page, pages)
                    print("ok " + function.__doc__)
                except Exception as error:  # noqa: BLE001: any failure is a failed case
                    failed = 1
                    print("not ok %s - %s" % (function.__doc__, str(error).replace("\n", " ")[:300]))
                    traceback.print_exc()
        finally:
            page.close()
    return failed


sys.exit(main())
