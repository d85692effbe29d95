#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""assess_facts.py - one file of facts from those of made-up hosts, moved to today.

usage: assess_facts.py [NAME=]ID/STATE-NAME...    from tests/assess; a fact is taken from the first that has it
"""
import datetime
import json
import re
import sys
import time

DELTA = int(time.time()) - 1795334400  # the made-up hosts' now: 2026-11-22T08:00:00Z
TIME = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z"


def shift(value):
    if isinstance(value, dict):
        return {key: shift(member) for key, member in value.items()}
    if isinstance(value, list):
        return [shift(member) for member in value]
    if isinstance(value, str) and re.fullmatch(TIME, value):
        then = datetime.datetime.fromisoformat(value[:19]) + datetime.timedelta(seconds=DELTA)
        return then.strftime("%Y-%m-%dT%H:%M:%SZ")
    if isinstance(value, int) and not isinstance(value, bool) and 1.7e9 < value < 1.9e9:
        return value + DELTA
    return value


facts = {}
for arg in sys.argv[1:]:
    want, _, path = arg.rpartition("=")
    # They live in several networks: here all are host 10.0.0.5 of one.
    text = open(f"tests/assess/{path}.json").read().replace("10.1.0.7", "10.0.0.5").replace("10.1.0.", "10.0.0.")
    for name, fact in json.loads(text)["facts"].items():
        if not want or name == want:
            facts.setdefault(name, fact)
facts = shift(facts)
now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
for fact in facts.values():
    fact.setdefault("collected_at", now)
json.dump({"format": "ztseg.facts/1", "host": "app01", "collected_at": now, "observed_s": 0, "probe": True,
           "facts": facts}, sys.stdout)
