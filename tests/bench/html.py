#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""
html.py - how long the HTML map takes to be usable in Chromium; prints one JSON object per sample.

usage: html.py PAGE ROUNDS

A fresh browser for every round. From the moment the page is asked for until what is typed into its
search is answered: the first round warms the disk's cache and is not printed.
"""
import json
import os
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "web"))
import browser  # noqa: E402


def sample(name, ns):
    print(json.dumps({"kind": "html", "name": name, "ops": 1, "ns": int(ns)}), flush=True)


def main():
    path, rounds = sys.argv[1], int(sys.argv[2])
    absent = browser.missing()
    if absent:
        sys.exit("html: %s is not installed" % absent)
    for i in range(rounds + 1):
        with browser.Browser() as page:
            began = time.monotonic_ns()
            own_ms = page.open(path)
            before = page.js("document.getElementById('search').focus();"
                             "return document.getElementById('count').textContent")
            page.keys("d", "b")
            page.until("return document.getElementById('count').textContent !== arguments[0]", before)
            took = time.monotonic_ns() - began
            if i:
                sample("ready", took)
                sample("own", own_ms * 1000000)


main()
