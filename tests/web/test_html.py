#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# timeout: 240
"""test_html.py - the HTML map in a real browser: what it shows is what the JSON says, and nothing else runs.

Maps are made by sample.py and written by the program's own writer (render.c), then opened in
Chromium. Expectations are counted from the JSON here, not asked of the page.
"""
import errno
import json
import os
import re
import subprocess
import sys
import tempfile
import traceback

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
import browser  # noqa: E402
import sample  # noqa: E402

OUT = os.environ.get("OUT", "build")
WEB = os.path.join(HERE, "..", "..", "ctl", "web")
SECRET = ("tls", "dtls", "ssh", "quic", "wireguard", "ipsec")
HIDE_TIP = "return document.getElementById('tip').hidden"

tests = []


def test(function):
    tests.append(function)
    return function


class Pages:
    """The samples as JSON and as pages."""

    def __init__(self, directory):
        self.dir = directory
        self.maps = {str(n): sample.make_map(n) for n in (10, 300, 3000)}
        self.maps["hostile"] = sample.hostile_map()
        self.maps["empty"] = sample.wrap([], [])
        for name, content in self.maps.items():
            with open(self.path(name, "json"), "w", encoding="utf-8") as file:
                json.dump(content, file, ensure_ascii=False)
            self.write(name, "en", self.path(name))
        self.write("10", "zh-TW", self.path("zh"))

    def path(self, name, kind="html"):
        return os.path.join(self.dir, name + "." + kind)

    def write(self, name, lang, path):
        with open(path, "wb") as file:
            subprocess.run([OUT + "/tests/web/render", self.path(name, "json"), lang], stdout=file,
                           check=True, timeout=60)


def equal(got, wanted, what):
    assert got == wanted, "%s: %r, not %r" % (what, got, wanted)


def state(edge):
    v = edge["verdict"]
    if v["live"]["action"] == "deny":
        return "deny"
    return "would" if v["candidate"]["action"] == "deny" else "allow"


def shown(page):
    """How many edges the page says are in view."""
    return int(page.js("return document.getElementById('count').textContent").split()[0].replace(",", ""))


def wait_shown(page, wanted, what):
    try:
        page.until("return parseInt(document.getElementById('count').textContent.replace(/,/g, '')) === arguments[0]",
                   wanted, limit=10)
    except AssertionError:
        equal(shown(page), wanted, what)


def facts(page, where):
    return page.js("return Object.fromEntries([...document.querySelectorAll(arguments[0] + ' [data-fact]')]"
                   ".map(e => [e.dataset.fact, e.textContent]))", where)


def at(page, css):
    return page.js("const r = document.querySelector(arguments[0]).getBoundingClientRect();"
                   "return [r.left + r.width / 2, r.top + r.height / 2]", css)


def number(n):
    return "{:,}".format(n)


def micros(us):
    return "%s µs" % number(us) if us < 1000 else "%s ms" % ("%.1f" % (us / 1000)).replace(".0", "") \
        if us < 100000 else "%d ms" % round(us / 1000)


@test
def opens_in_silence(page, pages):
    """no word on the console and no request but for the file itself, at every size"""
    page.requests()
    for name in pages.maps:
        page.open(pages.path(name))
        equal(page.log(), [], "console of " + name)
        asked = [u for u in page.requests() if not u.startswith("chrome")]
        # The page chromedriver begins with asks for its own picture.
        asked = [u for u in asked if not u.startswith("data:")]
        equal(asked, ["file://" + pages.path(name)], "requests of " + name)


@test
def size(page, pages):
    """3,000 edges take at most 3 MB, and the JSON in it is the map's"""
    for name in ("10", "3000"):
        assert os.path.getsize(pages.path(name)) <= 3000000, os.path.getsize(pages.path(name))
        text = open(pages.path(name), encoding="utf-8").read()
        data = json.loads(re.search(r'<script type="application/json" id="data">(.*?)</script>', text, re.S)[1])
        pool = data["map"].pop("pool")
        for edge in data["map"]["edges"]:
            for key in ("workload", "verdict"):
                edge[key] = pool[edge[key]]
        wanted = json.loads(json.dumps(pages.maps[name]))
        for edge in wanted["edges"]:
            edge.get("health", {}).pop("rtt", None)
        equal(data["map"], wanted, "embedded map of " + name)


@test
def policy_of_the_page(page, pages):
    """the page's own policy refuses foreign script, style, images and connections"""
    page.open(pages.path("10"))
    page.js("""window.ran = 0;
        addEventListener('securitypolicyviolation', (e) => { (window.refused ||= []).push(e.effectiveDirective); });
        const s = document.createElement('script'); s.textContent = 'window.ran = 1'; document.body.append(s);
        const y = document.createElement('style'); y.textContent = 'body{color:red}'; document.body.append(y);
        const i = document.createElement('img'); i.src = 'http://127.0.0.1:9/x'; document.body.append(i);
        fetch('http://127.0.0.1:9/').catch(() => {});""")
    page.until("return (window.refused || []).length >= 4")
    refused = set(page.js("return window.refused"))
    for directive in ("script-src-elem", "style-src-elem", "img-src", "connect-src"):
        assert directive in refused, "%s not refused: %s" % (directive, refused)
    equal(page.js("return window.ran"), 0, "foreign script")
    page.log()


@test
def search(page, pages):
    """search finds names, addresses, ports, processes and rules"""
    page.open(pages.path("300"))
    edges = pages.maps["300"]["edges"]
    cases = {
        "waf01": lambda e: "host:waf01" in (e["src"], e["dst"]),
        "198.51.": lambda e: "198.51." in e["src"] + e["dst"],
        "tcp/636": lambda e: e["proto"] == "tcp" and str(e["port"]).startswith("636"),
        "slapd.service": lambda e: e["workload"]["unit"] == "slapd.service",
        "edge-no-ssh": lambda e: e["verdict"]["live"]["rule"] == "edge-no-ssh",
        "nothing-has-this": lambda e: False,
    }
    for word, wanted in cases.items():
        page.js("document.activeElement.blur(); const s = document.getElementById('search');"
                "s.value = ''; s.dispatchEvent(new Event('input'))")
        page.keys("/", *word)
        wait_shown(page, sum(map(wanted, edges)), "search for " + word)
    equal(page.js("return document.getElementById('nothing').hidden"), False, "words for nothing found")
    page.click("#clear-all")
    wait_shown(page, len(edges), "after clearing")


@test
def filters(page, pages):
    """filters by verdict, encryption, protocol and time show what the JSON has"""
    page.open(pages.path("300"))
    edges = pages.maps["300"]["edges"]
    encrypted = [e for e in edges if any(e["encryption"].get(c) for c in SECRET)]
    for name in ("allow", "would", "deny"):
        page.click("#verdict-%s-only" % name)
        wait_shown(page, sum(state(e) == name for e in edges), "verdict " + name)
    page.click("#clear")
    page.click("#cover-encrypted-only")
    wait_shown(page, len(encrypted), "encrypted")
    page.click("#cover-encrypted-only")
    page.click("#cover-encrypted")
    wait_shown(page, sum(bool(e["encryption"]["plaintext"] or e["encryption"]["unknown"]) for e in edges),
               "plaintext and unknown")
    page.click("#clear")
    word = page.js("return document.querySelector('#protocol-1-only').parentNode.querySelector('bdi').textContent")
    page.click("#protocol-1-only")
    wait_shown(page, sum(word in e["protocols"] for e in edges), "protocol " + word)
    page.click("#clear")
    for by, key in (("last", "last_seen"), ("first", "first_seen")):
        at_ms = page.js("""document.getElementById('time-by').value = arguments[0];
            document.getElementById('time-by').dispatchEvent(new Event('change'));
            const s = document.getElementById('time-from'); s.value = 500; s.dispatchEvent(new Event('input'));
            return [Math.min(...arguments[1].map(Date.parse)), Math.max(...arguments[1].map(Date.parse))]""",
                        by, [e[k] for e in edges for k in ("first_seen", "last_seen")])
        middle = (at_ms[0] + at_ms[1]) / 2
        wanted = page.js("return arguments[0].filter((x) => Date.parse(x) >= arguments[1]).length",
                         [e[key] for e in edges], middle)
        assert 0 < wanted < len(edges)
        wait_shown(page, wanted, by + " seen in the second half")
        page.click("#clear")


@test
def collapses(page, pages):
    """3,000 edges begin as groups; a group opens and closes by mouse and by key"""
    page.open(pages.path("3000"))
    lines = page.js("return document.querySelectorAll('#map .line').length")
    assert lines < 150, "%d lines at first" % lines
    equal(page.js("return document.querySelectorAll('.card.open:not(.single)').length"), 0, "open groups")
    page.click(".card.closed .chevron")
    equal(page.js("return document.querySelectorAll('.card.open:not(.single)').length"), 1, "after a click")
    page.js("document.querySelector('.card.open .head').focus()")
    page.keys("Space")
    equal(page.js("return document.querySelectorAll('.card.open:not(.single)').length"), 0, "after Space")
    page.click("#expand-all")
    lines = page.js("return document.querySelectorAll('#map .line').length")
    left = int(page.js("return document.getElementById('draw-all').parentNode.textContent").split()[0].replace(",", ""))
    assert lines <= 160 and left > 500, (lines, left)
    page.click("#draw-all")
    equal(page.js("return document.querySelectorAll('#map .line').length"), lines + left, "all lines")
    page.open(pages.path("10"))
    equal(page.js("return document.querySelectorAll('.card .item.node').length"), 10, "nodes of a small map")


OVERLAPS = """
const boxes = (css) => [...document.querySelectorAll(css)].map((e) => [e.textContent, e.getBoundingClientRect()]);
const hit = (a, b) => a.left < b.right - 1 && b.left < a.right - 1 && a.top < b.bottom - 1.5 && b.top < a.bottom - 1.5;
const labels = boxes('#map .label'), cards = boxes('#map .box'), found = [];
labels.forEach((a, i) => {
	labels.slice(i + 1).forEach((b) => { if (hit(a[1], b[1])) found.push(a[0] + ' / ' + b[0]); });
	cards.forEach((b) => { if (hit(a[1], b[1])) found.push(a[0] + ' / card'); });
});
cards.forEach((a, i) => cards.slice(i + 1).forEach((b) => { if (hit(a[1], b[1])) found.push('two cards'); }));
return [labels.length, cards.length, found.slice(0, 5)];
"""


@test
def nothing_overlaps(page, pages):
    """no word lies on another or on a card, and cards lie apart, also with every group open"""
    for name, least in (("10", 10), ("300", 0), ("hostile", 0), ("3000", 0)):
        page.open(pages.path(name))
        for opened in (False, True) if name == "300" else (False,):
            if opened:
                page.click("#expand-all")
            labels, cards, found = page.js(OVERLAPS)
            equal(found, [], "overlaps in " + name)
            assert labels >= least and cards > 5, (name, labels, cards)


@test
def same_picture(page, pages):
    """the same map gives the same picture"""
    pictures = []
    for _ in range(2):
        page.open(pages.path("300"))
        pictures.append(page.js("return document.querySelector('.world').outerHTML"))
    assert pictures[0] == pictures[1]


@test
def hover_is_the_json(page, pages):
    """the numbers of every line of a small map, hovered, are those of its edge"""
    page.open(pages.path("10"))
    edges = pages.maps["10"]["edges"]
    names = {n["id"]: n["name"] for n in pages.maps["10"]["nodes"]}
    left = {(names[e["src"]], names[e["dst"]]): e for e in edges}
    equal(page.js("return document.querySelectorAll('#map .line').length"), 10, "lines")
    for i in range(10):
        page.js("const lines = document.querySelectorAll('#map .line'); lines.forEach((l) => l.id = '');"
                "lines[arguments[0]].id = 'this'", i)
        page.pointer(3, 400)
        page.pointer(*at(page, "#this .tip"))
        page.until("return !document.getElementById('tip').hidden")
        assert "[object" not in page.js("return document.getElementById('tip').textContent")
        title = page.js("return [...document.querySelectorAll('#tip h2 bdi')].map((b) => b.textContent)")
        e = left.pop(tuple(title))
        got, health = facts(page, "#tip"), e.get("health")
        equal(got["connections"], number(e["connections"]), "connections")
        equal(got["service"], "%s/%d" % (e["proto"], e["port"]), "service")
        assert got["live"].endswith(e["verdict"]["live"]["rule"]), got["live"]
        if e["verdict"]["live"] != e["verdict"]["candidate"]:
            assert got["staged"].endswith(e["verdict"]["candidate"]["rule"]), got["staged"]
        assert e["workload"]["command"] in got["work"], got["work"]
        for word, n in e["protocols"].items():
            assert "%s %s" % (word, number(n)) in got["protocols"], got["protocols"]
        if health:
            for key in ("refused", "unanswered", "resets", "retransmits"):
                equal(got[key], number(health[key]), key)
            if "rtt_us" in health:
                wanted = "%s / %s" % (micros(health["rtt_us"]["p50"]), micros(health["rtt_us"]["p99"]))
                assert got["rtt"].startswith(wanted), (got["rtt"], wanted)
        page.pointer(*at(page, "#this .tip"), click=True)
        full = facts(page, "#detail")
        for key, end in (("to_dst", "to_dst"), ("to_src", "to_src")):
            n = e["bytes"][end]
            assert ("(%s)" % number(n) in full[key]) if n >= 1024 else full[key] == "%d B" % n, (full[key], n)
        page.keys("Escape")
        page.until("return document.getElementById('detail').hidden")
    equal(left, {}, "edges that no line showed")


@test
def sums(page, pages):
    """a cell of the matrix and the detail of a line add up their edges"""
    page.open(pages.path("3000"))
    page.keys("m")
    seg = {n["id"]: " + ".join(n["segments"]) for n in pages.maps["3000"]["nodes"]}
    edges = [e for e in pages.maps["3000"]["edges"] if seg[e["src"]] == "app" and seg[e["dst"]] == "db + prod"]
    page.js("""[...document.querySelectorAll('.cell')].find((c) => c.getAttribute('aria-label').startsWith('app to db + prod:')).click()""")
    got = facts(page, "#detail")
    equal(got["edges"], number(len(edges)), "edges")
    equal(got["connections"], number(sum(e["connections"] for e in edges)), "connections")
    equal(got["resets"], number(sum(e["health"]["resets"] for e in edges)), "resets")
    assert "(%s)" % number(sum(e["bytes"]["to_src"] for e in edges)) in got["to_src"], got["to_src"]


@test
def neighbourhood(page, pages):
    """the neighbourhood of a node at depth 1 and 2 is what a walk over the JSON gives"""
    page.open(pages.path("300"))
    edges = pages.maps["300"]["edges"]
    page.keys("/", *"waf01")
    page.keys("Escape")
    page.js("[...document.querySelectorAll('.item.node')].find((g) => g.textContent.startsWith('waf01')).dispatchEvent(new MouseEvent('click', {bubbles: true}))")
    page.keys("n")
    near = {"host:waf01"}
    for depth in (1, 2):
        if depth == 2:
            page.click('#focus-bar [aria-label="Deeper"]')
        wanted = [e for e in edges if e["src"] in near or e["dst"] in near]
        wait_shown(page, len(wanted), "depth %d" % depth)
        near |= {e[k] for e in wanted for k in ("src", "dst")}
    page.click("#focus-off")
    wait_shown(page, len(edges), "everything again")


@test
def disagreements(page, pages):
    """what both ends of an edge do not agree on is told in the notice, in a list and at the edge"""
    page.open(pages.path("300"))
    rows = pages.maps["300"]["disagreements"]
    assert page.js("return document.getElementById('notice').textContent").startswith("%d disagreements" % len(rows))
    page.click("#disagree")
    told = page.js("return document.getElementById('detail').textContent")
    for wanted in ("%s says %s" % (rows[0]["at_dst"]["host"], number(rows[0]["at_dst"]["connections"])),
                   "not seen by %s" % rows[1]["not_seen_by"], "(lost there: 7)"):
        assert wanted in told, (wanted, told)
    page.click("#detail .link")
    said = facts(page, "#detail")["disagree"]
    assert "%s says %s" % (rows[0]["at_src"]["host"], number(rows[0]["at_src"]["connections"])) in said, said


@test
def table(page, pages):
    """the table sorts, keeps few rows in the page, and the keyboard reaches the last one"""
    page.open(pages.path("3000"))
    page.keys("t")
    order = sorted((e["connections"] for e in pages.maps["3000"]["edges"]), reverse=True)
    first = "return document.querySelector('tr[data-row=\"%d\"]').cells[5].textContent"
    equal(page.js(first % 0), number(order[0]), "most connections")
    assert page.js("return document.querySelectorAll('#table tr').length") < 120
    page.click('[data-column="connections"]')
    equal(page.js(first % 0), number(order[-1]), "fewest connections")
    equal(page.js("return document.querySelector('#table th[aria-sort=ascending]').textContent.trim()"),
          "Connections ▲", "sorted column")
    page.js("document.querySelector('tr[data-row=\"0\"]').focus()")
    page.keys("End", "Enter")
    equal(page.js(first % 2999), number(order[0]), "last row")
    equal(facts(page, "#detail")["connections"], number(order[0]), "detail of the last row")
    equal(page.js("return document.activeElement.dataset.row"), "2999", "focus")


@test
def keyboard(page, pages):
    """everything is reached by keys: Tab, arrows, /, Esc, ?, and the lines of a node"""
    page.open(pages.path("10"))
    seen = []
    for _ in range(60):
        page.keys("Tab")
        seen.append(page.js("const a = document.activeElement; return a.id || a.getAttribute('class') || a.tagName"))
        if "item" in seen[-1] or "head" in seen[-1]:
            break
    for wanted in ("tab-graph", "search", "theme", "lang", "print-open", "help-open", "verdict-allow", "group-by",
                   "time-from", "zoom-fit"):
        assert wanted in seen, (wanted, seen)
    page.js("[...document.querySelectorAll('.item.node')].find((g) => g.textContent.startsWith('core01')).focus()")
    assert "[object" not in page.js("return document.getElementById('tip').textContent")
    page.keys("Right")
    equal(page.js("return document.activeElement.textContent").startswith("db01"), True, "→ from core01")
    page.keys("[")
    label = page.js("return document.activeElement.getAttribute('aria-label')")
    assert " to db01: tcp/" in label, label
    equal(page.js(HIDE_TIP), False, "tip of the focused line")
    page.keys("Enter")
    equal(page.js("return document.getElementById('detail').hidden"), False, "detail after Enter")
    page.keys("d")
    equal(page.js("return document.activeElement.className"), "close", "d goes to the detail")
    page.keys("Escape")
    equal(page.js("return document.getElementById('detail').hidden"), True, "detail after Escape")
    page.keys("?")
    equal(page.js("return document.getElementById('help').open"), True, "help")
    page.keys("Escape")
    equal(page.js("return document.getElementById('help').open"), False, "help after Escape")
    for key, view in (("t", "table"), ("m", "matrix"), ("g", "graph")):
        page.keys(key)
        equal(page.js("return document.body.dataset.view"), view, key)
    page.keys("/")
    equal(page.js("return document.activeElement.id"), "search", "/")
    unnamed = page.js("""return [...document.querySelectorAll('button, [role=button], input, select')].filter((e) =>
        !(e.getAttribute('aria-label') || e.textContent.trim() || e.closest('label'))).map((e) => e.outerHTML)""")
    equal(unnamed, [], "controls without a name")


def words(name):
    found = {}
    for key, text in re.findall(r'^\t(\w+): "((?:[^"\\]|\\.)*)",$', open(os.path.join(WEB, "js", name),
                                                                         encoding="utf-8").read(), re.M):
        assert key not in found, key + " twice in " + name
        found[key] = text
    return found


@test
def languages(page, pages):
    """both languages have every word, with the same blanks, and the page switches whole"""
    en, zh = words("words_en.js"), words("words_zh_tw.js")
    plain = {k for k in en if not k.endswith("_1")}
    equal(sorted(zh), sorted(plain), "keys")
    for key in plain:
        equal(sorted(set(re.findall(r"{\w+}", zh[key]))), sorted(set(re.findall(r"{\w+}", en[key]))), "blanks of " + key)
    source = "".join(open(os.path.join(WEB, "js", f), encoding="utf-8").read()
                     for f in os.listdir(os.path.join(WEB, "js")) if not f.startswith("words"))
    page_html = open(os.path.join(WEB, "page.html"), encoding="utf-8").read()
    used = set(re.findall(r'\bt\("(\w+)"', source)) | set(re.findall(r'data-(?:t|l|p|title)="(\w+)"', page_html))
    equal(sorted(k for k in used if k not in en and not k.endswith("_")), [], "words that are missing")
    for prefix, keys in (("fact", r'fact\("(\w+)"'), ("col", r'(?:key: |\[)"(\w+)",? (?:width|[\d.]+,)')):
        for key in set(re.findall(keys, source)):
            assert prefix + "_" + key in en, prefix + "_" + key
    page.open(pages.path("zh"))
    equal(page.js("return document.documentElement.lang"), "zh-Hant-TW", "language of --lang zh-TW")
    equal(page.js("return document.getElementById('tab-graph').textContent"), "圖形", "tab")
    assert "將被拒絕（待生效政策）" in page.js("return document.getElementById('legend').textContent")
    page.click("#lang")
    equal(page.js("return document.getElementById('tab-graph').textContent"), "Graph", "tab after switching")
    left = page.js("return document.getElementById('app').innerText.replace(/中文（台灣）/g, '').match(/[\\u4e00-\\u9fff]+/g)")
    equal(left, None, "Chinese left after switching")


@test
def hostile(page, pages):
    """names that would be markup, script or turned text stay text, and can be read"""
    page.open(pages.path("hostile"))
    for key in ("t", "m", "g"):
        page.keys(key)
    page.click("#expand-all")
    for i in range(page.js("return document.querySelectorAll('.card [role=button]').length")):
        page.js("""const g = document.querySelectorAll('.card [role=button]')[arguments[0]];
            for (const type of ['pointerover', 'click']) g.dispatchEvent(new MouseEvent(type, {bubbles: true}))""", i)
    page.js("dispatchEvent(new Event('beforeprint'))")
    text = page.js("return document.body.textContent")
    for wanted in ("\\u{202e}gnp.exe\\u{202c}", "<img src=x onerror=", "</script><script>", "\\x1b[31mred\\x07",
                   "a\\u{200b}b\\u{feff}c", "{{js}}", "__proto__"):
        assert wanted in text, wanted
    page.js("dispatchEvent(new Event('afterprint'))")
    bare = page.js("""return (document.getElementById('app').textContent + document.title)
        .match(/[\\u0000-\\u0008\\u000e-\\u001f\\u202a-\\u202e\\u2066-\\u2069\\u200b\\u2028]/g)""")
    equal(bare, None, "characters that hide or turn")
    assert "owned" not in page.js("return document.title").replace("document.title='owned'", "")
    equal(page.js("return [document.scripts.length, document.images.length, document.querySelectorAll('iframe, object, a[href]').length]"),
          [2, 0, 1], "scripts, images, frames and links")
    equal(page.log(), [], "console")


@test
def refuses(page, pages):
    """what is no map, an unknown language and a full disk are errors"""
    render = [OUT + "/tests/web/render"]
    with open(pages.path("no", "json"), "w", encoding="utf-8") as file:
        file.write('{"edges": []}')
    for args, out, wanted in (([pages.path("no", "json")], os.devnull, errno.EINVAL),
                              ([pages.path("10", "json"), "xx"], os.devnull, errno.EINVAL),
                              ([pages.path("3000", "json")], "/dev/full", errno.EIO)):
        with open(out, "wb") as file:
            equal(subprocess.run(render + args, stdout=file, check=False, timeout=60).returncode, wanted, args)


@test
def ztctl(page, pages):
    """ztctl map FILE --html writes such a page, in the language asked for"""
    with open(pages.path("ztctl"), "wb") as file:
        subprocess.run([OUT + "/ztctl", "map", pages.path("10", "json"), "--html", "--lang=zh-TW"], stdout=file,
                       check=True, timeout=60)
    page.open(pages.path("ztctl"))
    wait_shown(page, 10, "edges")
    equal(page.js("return document.getElementById('tab-table').textContent"), "表格", "language")


@test
def empty(page, pages):
    """an empty map says so in words"""
    page.open(pages.path("empty"))
    assert "no traffic was seen" in page.js("return document.getElementById('nothing').textContent")
    for key in ("t", "m", "g", "p"):
        page.keys(key)
    equal(page.log(), [], "console")


@test
def prints(page, pages):
    """A4 both ways: title, window, filters, legend and graph on the first page, rows after it, pages numbered"""
    page.open(pages.path("300"))
    page.click("#verdict-deny")
    edges = [e for e in pages.maps["300"]["edges"] if state(e) != "deny"]
    for landscape, wanted in ((False, "595.92 x 841.92"), (True, "841.92 x 595.92")):
        pdf = pages.path("print", "pdf")
        page.pdf(pdf, landscape)
        info = subprocess.run(["pdfinfo", "-l", "-1", pdf], capture_output=True, text=True, check=True).stdout
        count = int(re.search(r"Pages: +(\d+)", info)[1])
        sizes = re.findall(r"size: +(.*?) pts", info)
        equal(sizes, [wanted] * count, "sizes of the pages")
        first = subprocess.run(["pdftotext", "-layout", "-l", "1", pdf, "-"], capture_output=True, text=True, check=True).stdout
        for text in ("Dependency map app01", "Window", "2025-11-1", "Verdict: allowed, would be denied (staged policy)",
                     "thicker: more connections", "waf01", "%d of 300 edges" % len(edges)):
            assert text in re.sub(r"\s+", " ", first), (text, first[:2500])
        assert re.search(r"\b1 ?/ ?%d\b" % count, first), first[-200:]
        rest = subprocess.run(["pdftotext", "-layout", "-f", "2", pdf, "-"], capture_output=True, text=True, check=True).stdout
        equal(len(re.findall(r"(?:tcp|udp)/\d", rest)), len(edges), "rows")
        assert re.search(r"\b%d ?/ ?%d\b" % (count, count), rest), rest[-200:]
    wait_shown(page, len(edges), "the page after printing")
    assert page.js("return document.querySelectorAll('#map .line').length") > 10


def luminance(color):
    parts = [int(color[i:i + 2], 16) / 255 for i in (1, 3, 5)]
    r, g, b = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
    return 0.2126 * r + 0.7152 * g + 0.0722 * b


def contrast(a, b):
    high, low = sorted((luminance(a), luminance(b)), reverse=True)
    return (high + 0.05) / (low + 0.05)


@test
def colours(page, pages):
    """text has a contrast of 4.5:1, lines and signs of 3:1, in light and in dark"""
    page.open(pages.path("10"))
    names = ["page", "panel", "box", "text", "soft", "focus", "edge", "chosen", "hover", "allow", "would", "deny", "encrypted",
             "partly", "plaintext", "unknown"]
    grounds = set()
    for _ in range(2):
        c = page.js("const s = getComputedStyle(document.documentElement);"
                    "return Object.fromEntries(arguments[0].map((n) => [n, s.getPropertyValue('--' + n).trim()]))", names)
        grounds.add(c["page"])
        for ground in ("page", "panel", "box", "chosen", "hover"):
            for name in ("text", "soft", "focus"):
                assert contrast(c[name], c[ground]) >= 4.5, (name, ground, contrast(c[name], c[ground]))
        for ground in ("page", "panel", "box"):
            for name in names[6:7] + names[9:]:
                assert contrast(c[name], c[ground]) >= 3, (name, ground, contrast(c[name], c[ground]))
        page.click("#theme")
    equal(len(grounds), 2, "themes")
    dashes = page.js("""document.getElementById('theme').click(); return ['allow', 'would', 'deny'].map((n) =>
        getComputedStyle(document.querySelector('.line.' + n + ' .stroke')).strokeDasharray)""")
    equal(len(set(dashes)), 3, "dashes of the three verdicts: %s" % dashes)


@test
def staged_in_either_colouring(page, pages):
    """staged denials are lines of their own with their sign, also where lines tell the encryption"""
    page.open(pages.path("10"))
    shown = page.js("return document.querySelectorAll('.line .mark.would').length")
    assert shown > 0, "no staged denial in the sample"
    page.js("const s = document.getElementById('color-by'); s.value = 'encryption'; s.dispatchEvent(new Event('change'));")
    equal(page.js("return document.querySelectorAll('.line .mark.would').length"), shown, "signs")
    assert page.js("return document.querySelectorAll('#legend .mark.would').length") == 1, "legend"


def main():
    for name in (browser.missing(), None if os.path.exists(OUT + "/tests/web/render") else OUT + "/tests/web/render"):
        if name:
            print("skip html - %s is not there" % name)
            return 77
    failed = 0
    wanted = sys.argv[1:]
    with tempfile.TemporaryDirectory(prefix="zt-web-") as directory, browser.Browser(1280, 800) as page:
        pages = Pages(directory)
        for one in tests:
            if wanted and one.__name__ not in wanted:
                continue
            try:
                one(page, pages)
                print("ok %s: %s" % (one.__name__, one.__doc__), flush=True)
            except Exception as error:  # each case stands alone
                failed += 1
                print("not ok %s - %s" % (one.__name__, str(error).replace("\n", " ")[:500]), flush=True)
                traceback.print_exc()
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
