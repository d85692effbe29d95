#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""test_assess_catalogue.py - the catalogue of checks says everything in both languages, and what it advises exists.

Every `ztctl …` in it, in either language, is held against the program's own help: the command, and
each option of it with or without a value.
"""
import json
import os
import re
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
TOP = os.path.join(HERE, "..", "..")
ZTCTL = os.environ.get("ZTCTL", os.path.join(os.environ.get("OUT", "build"), "ztctl"))
TEXTS = ("title", "evidence", "pass", "partial", "fail", "notapplicable", "remediation")
CHECKS = {"3.1": 8, "3.4": 7, "3.2": 8, "3.3": 7, "3.5": 7, "3.6": 8, "3.7": 8}
GATES = 26
failed = False


def is_(name, got, wanted):
    global failed
    if got == wanted:
        print("ok " + name)
    else:
        failed = True
        print("not ok %s - got %r, wanted %r" % (name, got, wanted))


def load(name):
    with open(os.path.join(TOP, "ctl", "catalogue", name), encoding="utf-8") as file:
        return json.load(file)


def commands():
    """Every command by its name, from the generated completion."""
    with open(os.path.join(TOP, "packaging", "ztctl.bash-completion"), encoding="utf-8") as file:
        return set(re.findall(r"^\t'(.*?)'(?:\\ \*)?\) words='", file.read(), re.M))


def options(command, known={}):
    """{option: whether it takes a value} of a command, from its help."""
    if command not in known:
        text = subprocess.run([ZTCTL] + command.split() + ["--help"], capture_output=True, text=True,
                              env=dict(os.environ, LC_ALL="C.UTF-8", LANGUAGE=""), timeout=20).stdout
        known[command] = {m[0]: bool(m[1]) for m in re.findall(r"--([a-z][a-z-]*)(=?)", text)}
    return known[command]


def wrong(line, names):
    """What is wrong with one command line, or None."""
    words = line.split()[1:]
    name = next((" ".join(words[:n]) for n in (2, 1) if " ".join(words[:n]) in names), None)
    if name is None:
        return "no such command"
    rest = words[len(name.split()):]
    while rest:
        word = rest.pop(0)
        if not word.startswith("--"):
            continue
        key = word[2:].split("=")[0]
        if key not in options(name):
            return "%s has no option --%s" % (name, key)
        if options(name)[key] and "=" not in word and (not rest or rest.pop(0).startswith("--")):
            return "%s --%s takes a value" % (name, key)
    return None


def main():
    checks, items, names = load("checks.json"), load("items.json"), commands()
    ids = [c["id"] for c in checks]
    is_("checks by item", {k: sum(i[4:7] == k for i in ids) for k in CHECKS}, CHECKS)
    is_("no check twice", len(set(ids)), len(ids))
    is_("gates", sum(c["gate"] for c in checks), GATES)
    is_("items in the order of levels", [(i["id"], i["level"]) for i in items["items"]],
        [("3-1", 1), ("3-4", 1), ("3-2", 2), ("3-3", 2), ("3-5", 3), ("3-6", 3), ("3-7", 4)])
    is_("texts in both languages", [c["id"] + " " + t for c in checks for t in TEXTS
                                    if not c.get(t) or not re.search("[\u4e00-\u9fff]|[0-9]", c.get(t + "_zh", ""))], [])
    is_("titles and advice are Chinese", [c["id"] for c in checks for t in ("title", "evidence", "remediation")
                                          if len(re.findall("[\u4e00-\u9fff]", c[t + "_zh"])) < 2], [])
    is_("items in both languages", [i["id"] for i in items["items"] for t in ("title", "definition")
                                    if not i[t] or not re.search("[\u4e00-\u9fff]", i[t + "_zh"])], [])
    is_("principles", [p["id"] for p in items["principles"] if p["text"] and p["text_zh"]], list(range(1, 8)))
    named = sorted({m for c in checks for v in c.values() if isinstance(v, str)
                    for m in re.findall("`(ztctl [^`]*)`", v)})
    is_("commands are named", len(named) > 30, True)
    is_("commands that are advised exist", [(n, wrong(n, names)) for n in named if wrong(n, names)], [])
    is_("and the same in both languages",
        [c["id"] for c in checks if set(re.findall("`(ztctl [a-z]+)", c["remediation"])) !=
         set(re.findall("`(ztctl [a-z]+)", c["remediation_zh"]))], [])
    return failed


sys.exit(main())
