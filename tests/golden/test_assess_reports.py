#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# timeout: 120
"""test_assess_reports.py - every output of an assessment, in both languages, by the rules of its own format.

The writers run under the sanitizers (tests/web/report.c) on assessments that are made up
(tests/web/assess_sample.py), the hostile one included. What a file says is counted from the
assessment here, not asked of the program. ZT_GOLDEN_UPDATE=1 writes the golden files of assess/ anew.
"""
import csv
import io
import json
import os
import random
import re
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as xml
from html.parser import HTMLParser

import jsonschema

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "web"))
import assess_sample as sample  # noqa: E402

REPORT = os.path.join(os.environ.get("OUT", "build"), "tests", "web", "report")
FORMATS = ("csv", "prometheus", "junit", "sarif", "sarif-all", "oscal", "html")
LANGS = ("en", "zh-TW")
STATEMENT = {"en": "not a statement of compliance", "zh-TW": "非遵循性聲明"}
UUID5 = re.compile(r"^[0-9a-f]{8}-[0-9a-f]{4}-5[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$")
failed = 0
tmp = tempfile.TemporaryDirectory()
docs = {name: make() for name, make in sample.SAMPLES.items()}


def mini():
    """Small enough to be read: three checks of two items."""
    doc = sample.mixed()
    keep = ("ZTS-3.1-01", "ZTS-3.1-07", "ZTS-3.4-01")
    doc["items"] = [i for i in doc["items"] if i["id"] in ("3-1", "3-4")]
    doc["checks"] = [c for c in doc["checks"] if c["id"] in keep]
    doc["waivers"], doc["attestations"] = doc["waivers"][:1], []
    # The catalogue's words may change without these files.
    for number, check in enumerate(doc["checks"]):
        check.update(title=sample.say("title %d" % number, "標題 %d" % number),
                     expected=sample.say("expected %d" % number, "預期 %d" % number),
                     remediation=sample.say("do %d" % number, "改善 %d" % number),
                     mapping={k: v[:1] for k, v in check["mapping"].items()})
    return doc


def is_(name, got, wanted):
    global failed
    if got == wanted:
        print("ok " + name)
    else:
        failed = 1
        print("not ok %s - got %s, wanted %s" % (name, repr(got)[:300], repr(wanted)[:300]))


def write(doc, form, lang):
    path = os.path.join(tmp.name, "doc.json")
    with open(path, "w", encoding="utf-8") as file:
        json.dump(doc, file, ensure_ascii=False)
    done = subprocess.run([REPORT, form, lang, path], capture_output=True, timeout=60,
                          env=dict(os.environ, LC_ALL="C.UTF-8"))
    if done.returncode or done.stderr:
        is_("%s, %s is written" % (form, lang), (done.returncode, done.stderr[:300]), (0, b""))
    return done.stdout.decode("utf-8")


def assessments(doc):
    return [h["assessment"] for h in doc["hosts"] if "assessment" in h] if "hosts" in doc else [doc]


def checks(doc):
    return [(d, c) for d in assessments(doc) for c in d["checks"]]


def waived(check):
    return check.get("disposition", {}).get("state") == "waived"


def key(lang):
    return lang.replace("-", "_")


# --- CSV ---

def test_csv(name, doc, lang, text):
    rows = list(csv.reader(io.StringIO(text, newline="")))
    table = [dict(zip(rows[0], r)) for r in rows[1:]]
    is_("rows", (len(table), {len(r) for r in rows}), (len(checks(doc)), {len(rows[0])}))
    is_("lines end with CR LF", text.count("\n"), text.count("\r\n"))
    is_("no control characters", re.findall("[\x00-\x09\x0b\x0c\x0e-\x1f]", text), [])
    risky = [c for r in rows for c in r if re.match(r"[ ]*[=+\-@\uff1d\uff0b\uff0d\uff20\t\r]", c)
             and not re.fullmatch(r"-?\d+", c)]
    is_("no cell is a formula", risky, [])
    is_("results", [r["result"] for r in table], [c["result"] for _, c in checks(doc)])
    is_("waivers", [r["check"] for r in table if r["disposition"] == "waived"],
        [c["id"] for _, c in checks(doc) if waived(c)])
    is_("numbers", [r["numerator"] for r in table], [str(c.get("numerator", "")) for _, c in checks(doc)])
    is_("titles in this language", [r["check_title"] for r in table],
        [c["title"][key(lang)] for _, c in checks(doc)])


# --- Prometheus: the text format 0.0.4 ---

SAMPLE = re.compile(r'([a-zA-Z_:][a-zA-Z0-9_:]*)\{((?:[a-zA-Z_][a-zA-Z0-9_]*="(?:[^"\\\n]|\\[\\"n])*",?)*)\} (-?\d+)')


def test_prometheus(name, doc, lang, text):
    seen, kinds, values, wrong = [], {}, {}, []
    for line in text.split("\n")[:-1]:
        if line.startswith("# "):
            word, metric = line.split(" ")[1:3]
            if word == "TYPE":
                kinds[metric] = line.split(" ")[3]
                seen.append(metric)
            elif word != "HELP":
                wrong.append(line)
            continue
        match = SAMPLE.fullmatch(line)
        if not match or match[1] != seen[-1] or (match[1], match[2]) in values:
            wrong.append(line)
            continue
        values[match[1], match[2]] = int(match[3])
    is_("every line is of the format, each metric together, no sample twice", wrong, [])
    is_("ends with a line feed", text[-1], "\n")
    is_("each metric once", (len(seen), set(kinds.values())), (len(set(seen)), {"gauge"}))
    levels = [d["levels"][b]["level"] for d in assessments(doc) for b in ("measured", "attested", "waived")]
    is_("levels", [v for (m, _), v in values.items() if m == "ztseg_assess_level"], levels)
    is_("checks that pass", sum(v for (m, _), v in values.items() if m == "ztseg_assess_check_pass"),
        sum(c["result"] == "pass" for _, c in checks(doc)))


# --- JUnit ---

def test_junit(name, doc, lang, text):
    path = os.path.join(tmp.name, "junit.xml")
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)
    said = subprocess.run(["xmllint", "--noout", "--nonet", "--schema", os.path.join(HERE, "schema", "junit.xsd"),
                           path], capture_output=True, text=True, timeout=60)
    is_("fits the schema", (said.returncode, said.stderr[:200] if said.returncode else ""), (0, ""))
    want = {"failure": 0, "error": 0, "skipped": 0}
    for _, check in checks(doc):
        if check["result"] in ("unknown", "error"):
            want["error"] += 1
        elif check["result"] == "notapplicable" or waived(check):
            want["skipped"] += 1
        elif check["result"] in ("fail", "partial"):
            want["failure"] += 1
    suites = xml.fromstring(text)
    is_("outcomes", {k: len(list(suites.iter(k))) for k in want}, want)
    is_("counts of suites", {k: sum(int(s.get(a)) for s in suites) for k, a in
                             (("failure", "failures"), ("error", "errors"), ("skipped", "skipped"))}, want)
    is_("cases", len(list(suites.iter("testcase"))), len(checks(doc)))


# --- SARIF ---

def fits(schema, value):
    with open(os.path.join(HERE, "schema", schema + ".json"), encoding="utf-8") as file:
        validator = jsonschema.Draft202012Validator(json.load(file))
    return [("/".join(map(str, e.path)), e.message[:120]) for e in validator.iter_errors(value)][:3]


def test_sarif(name, doc, lang, text, everything=False):
    log = json.loads(text)
    is_("fits the schema", fits("sarif", log), [])
    results = [(run, r) for run in log["runs"] for r in run["results"]]
    want = [c for _, c in checks(doc) if everything or c["result"] in ("fail", "partial")]
    is_("results", [r["ruleId"] for _, r in results], [c["id"] for c in want])
    is_("what is no alert has level none", {r["level"] for _, r in results if r["kind"] != "fail"} <= {"none"}, True)
    is_("suppressed is what is waived", [r["ruleId"] for _, r in results if r.get("suppressions")],
        [c["id"] for c in want if waived(c)])
    is_("rules by index", [r["ruleId"] for run, r in results
                           if run["tool"]["driver"]["rules"][r["ruleIndex"]]["id"] != r["ruleId"]], [])
    is_("taxa by index", [t for run, r in results for t in r["taxa"] if
                          run["taxonomies"][t["toolComponent"]["index"]]["taxa"][t["index"]]["id"] != t["id"]], [])
    is_("every result has taxa", all(r["taxa"] for _, r in results), True)
    prints = [tuple(r["partialFingerprints"].values()) for _, r in results]
    is_("fingerprints are distinct", len(set(prints)), len(prints))


# --- OSCAL ---

def uuids(value):
    if isinstance(value, dict):
        if "uuid" in value:
            yield value["uuid"]
        for member in value.values():
            yield from uuids(member)
    elif isinstance(value, list):
        for member in value:
            yield from uuids(member)


def test_oscal(name, doc, lang, text):
    root = json.loads(text)
    is_("fits the schema", fits("oscal-assessment-results", root), [])
    top = root["assessment-results"]
    made = list(uuids(root))
    is_("identifiers are distinct and of version 5", (len(made), all(map(UUID5.match, made))), (len(set(made)), True))
    is_("the same document, the same text", write(doc, "oscal", lang) == text, True)
    is_("the plan is in the back matter", top["import-ap"]["href"][1:] in made, True)
    lost = [u for r in top["results"] for f in r["findings"] for u in
            [o["observation-uuid"] for o in f.get("related-observations", [])] +
            [o["risk-uuid"] for o in f.get("related-risks", [])] if u not in made]
    is_("what findings refer to is there", lost, [])
    for host, result in zip(assessments(doc), top["results"]):
        items = {"fsc-" + i["id"] + ".obj": i["status"] for i in host["items"] if i["status"] != "na"}
        is_("findings", {f["target"]["target-id"]: f["target"]["status"]["state"] for f in result["findings"]},
            {i: "satisfied" if s == "met" else "not-satisfied" for i, s in items.items()})
        chosen = result["reviewed-controls"]["control-selections"][0]
        is_("what does not apply is excluded", [c["control-id"] for c in chosen.get("exclude-controls", [])],
            ["fsc-" + i["id"] for i in host["items"] if i["status"] == "na"])
        is_("risks", [r["status"] for r in result.get("risks", [])],
            ["deviation-approved" if waived(c) else "open" for c in host["checks"]
             if c["result"] in ("fail", "partial")])
        is_("observations", len(result["observations"]), len(host["checks"]) + len(host["attestations"]))


# --- HTML ---

class Page(HTMLParser):
    ALLOWED = set("html head meta title style body input label main article section h1 h2 h3 h4 p ul ol li table thead "
                  "tbody tr th td span strong small code br a div footer pre svg defs marker path g rect text".split())
    VOID = ("meta", "input", "br")

    def __init__(self):
        super().__init__(convert_charrefs=True)
        self.wrong, self.open, self.words, self.ids, self.links, self.policy = [], [], [], [], [], None
        self.lang = {"en": 0, "zh-TW": 0}

    def handle_starttag(self, tag, attrs):
        attrs = dict(attrs)
        if tag not in self.ALLOWED:
            self.wrong.append(tag)
        self.wrong += ["%s %s" % (tag, a) for a in attrs if a.startswith("on") or a in ("style", "src", "srcdoc")]
        if attrs.get("http-equiv") == "Content-Security-Policy":
            self.policy = attrs["content"]
        if "href" in attrs:
            self.links.append(attrs["href"])
        if "id" in attrs:
            self.ids.append(attrs["id"])
        if tag == "span" and "lang" in attrs:
            self.lang[attrs["lang"]] += 1
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.handle_starttag(tag, attrs)
        self.open.pop()

    def handle_endtag(self, tag):
        if not self.open or self.open.pop() != tag:
            self.wrong.append("/" + tag)

    def handle_data(self, data):
        if self.open and self.open[-1] != "style":
            self.words.append(data)


def test_html(name, doc, lang, text):
    page = Page()
    page.feed(text)
    page.close()
    words = "".join(page.words)
    is_("only elements and attributes that are known, all closed", (page.wrong, page.open), ([], []))
    is_("its policy admits one style sheet", bool(re.fullmatch(
        r"default-src 'none'; style-src 'sha256-[A-Za-z0-9+/=]{44}'; base-uri 'none'; form-action 'none'",
        page.policy)), True)
    is_("links stay in the page and arrive", [x for x in page.links if x[:1] != "#" or x[1:] not in page.ids], [])
    is_("anchors are distinct", len(page.ids), len(set(page.ids)))
    is_("every digest", [c["id"] for _, c in checks(doc) if c["digest"] not in words], [])
    is_("both languages", page.lang["en"] == page.lang["zh-TW"] > 100, True)
    is_("which opens in this one", re.findall(r'id="l-(\w+)" checked', text), [{"en": "en", "zh-TW": "zh"}[lang]])
    is_("waivers, attestations and collectors are listed",
        [e for d in assessments(doc) for e in [w["id"] for w in d["waivers"]] + [a["id"] for a in d["attestations"]] +
         [c["name"] for c in d["collectors"]] if e not in words], [])
    if name == "hostile":
        is_("hostile text is text", [e for e in sample.EVIL if "\\" not in e and e not in words], [])


TESTS = {"csv": test_csv, "prometheus": test_prometheus, "junit": test_junit, "sarif": test_sarif,
         "sarif-all": lambda *a: test_sarif(*a, everything=True), "oscal": test_oscal, "html": test_html}


def golden(form, lang, text):
    path = os.path.join(HERE, "assess", "mini.%s.%s" % (lang, form))
    if os.environ.get("ZT_GOLDEN_UPDATE"):
        with open(path, "w", encoding="utf-8", newline="") as file:
            file.write(text)
    with open(path, encoding="utf-8", newline="") as file:
        is_("mini, %s, %s: byte by byte" % (form, lang), text, file.read())


# --- documents that lack members, or have others ---

def spoiled(number):
    """The same for the same number: some members gone, some of another type."""
    rnd = random.Random(number)
    # By way of JSON: parts of a sample are the catalogue's own lists.
    doc = json.loads(json.dumps(sample.fleet() if number % 2 else sample.mixed()))
    for one in assessments(doc):
        one["checks"] = one["checks"][:6]
    places = []

    def walk(value):
        keys = value if isinstance(value, dict) else range(min(len(value), 3)) if isinstance(value, list) else ()
        for k in keys:
            places.append((value, k))
            walk(value[k])
    walk(doc)
    for holder, k in rnd.sample(places, 4):
        holder[k] = rnd.choice((None, True, -1, 10 ** 18, "", [], {}, "x" * 5000, [None], {"en": 3}, [[]]))
    return doc


def test_spoiled():
    wrong = []
    with tempfile.NamedTemporaryFile("w", suffix=".json", encoding="utf-8") as file:
        for number in range(8):
            file.seek(0)
            file.truncate()
            json.dump(spoiled(number), file, ensure_ascii=False)
            file.flush()
            for form in FORMATS:
                done = subprocess.run([REPORT, form, "en", file.name], capture_output=True, timeout=60)
                if done.returncode < 0 or done.stderr:
                    wrong.append((number, form, done.stderr[:200]))
    is_("members that lack or are of another type harm no output", wrong, [])


# --- by the program itself, which judges saved results anew as time goes by ---

ZTCTL = os.environ.get("ZTCTL", os.path.join(os.environ.get("OUT", "build"), "ztctl"))


def test_program():
    maps = os.path.join(HERE, "map")
    for name in ("mixed", "hostile", "fleet"):
        path = os.path.join(tmp.name, name + ".json")
        with open(path, "w", encoding="utf-8") as file:
            json.dump(docs[name], file, ensure_ascii=False)
        for form in FORMATS:
            more = ["--map", os.path.join(maps, "db1.json")] if form == "html" else []
            out = os.path.join(tmp.name, "out")
            done = subprocess.run([ZTCTL, "assess", "show", path, "--" + form, "--lang", "zh-TW", "--out", out, *more],
                                  capture_output=True, timeout=60)
            is_("%s, %s by ztctl assess show" % (name, form), (done.returncode in (0, 2, 3), done.stderr), (True, b""))
            with open(out, encoding="utf-8") as file:
                text = file.read()
            if form == "oscal":
                is_("%s: OSCAL by it fits" % name, fits("oscal-assessment-results", json.loads(text)), [])
            elif form.startswith("sarif"):
                is_("%s: SARIF by it fits" % name, fits("sarif", json.loads(text)), [])
            elif form == "html":
                is_("%s: with the picture" % name, ("class=\"map\"" in text, STATEMENT["zh-TW"] in text), (True, True))


def main():
    global is_
    plain = is_
    for name, doc in docs.items():
        for form in FORMATS:
            for lang in LANGS:
                text = write(doc, form, lang)

                def is_(what, got, wanted, where="%s, %s, %s: " % (name, form, lang)):
                    plain(where + what, got, wanted)
                TESTS[form](name, doc, lang, text)
                if form == "prometheus":
                    is_("says what it is not", "Not a statement of compliance" in text, True)
                else:
                    is_("says what it is not", STATEMENT[lang] in text, True)
                is_("no raw escape", re.findall("[\x00-\x08\x0b\x0c\x0e-\x1f\u202a-\u202e]", text), [])
    is_ = plain
    test_spoiled()
    test_program()
    for form in FORMATS[:-1]:
        for lang in LANGS:
            golden(form, lang, write(mini(), form, lang))
    return failed


sys.exit(main())
