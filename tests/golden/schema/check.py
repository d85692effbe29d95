#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""check.py - does JSON on standard input hold what a schema of this directory asks?

usage: check.py NAME <json     NAME as in NAME.json; exit 0, or 1 with what did not hold.
The part of JSON Schema that the schemas here use; any other keyword is an error.
"""
import json
import os
import re
import sys

TYPES = {
    "object": dict, "array": list, "string": str, "boolean": bool, "null": type(None),
    "integer": int, "number": (int, float),
}


def is_type(value, name):
    if isinstance(value, bool) and name != "boolean":
        return False
    return isinstance(value, TYPES[name])


def check(root, schema, value, path):
    for word, rule in schema.items():
        if word in ("$schema", "title", "$defs", "properties"):
            continue
        if word == "type":
            if not is_type(value, rule):
                yield f"{path}: not {rule}: {value!r}"
                return
        elif word == "$ref":
            yield from check(root, root["$defs"][rule.rsplit("/", 1)[1]], value, path)
        elif word == "enum":
            if value not in rule:
                yield f"{path}: {value!r} is none of {rule}"
        elif word == "anyOf":
            trials = [list(check(root, one, value, path)) for one in rule]
            if all(trials):
                yield min(trials, key=len)[0]
        elif word == "required":
            yield from (f"{path}: no '{key}'" for key in rule if key not in value)
        elif word == "additionalProperties":
            known = schema.get("properties", {})
            for key, member in value.items():
                if key in known:
                    yield from check(root, known[key], member, f"{path}.{key}")
                elif rule is False:
                    yield f"{path}.{key}: is not in the schema"
                else:
                    yield from check(root, rule, member, f"{path}.{key}")
        elif word == "items":
            for i, item in enumerate(value):
                yield from check(root, rule, item, f"{path}[{i}]")
        elif word == "pattern":
            if not re.search(rule, value):
                yield f"{path}: {value!r} is not like {rule}"
        elif word == "minimum":
            if value < rule:
                yield f"{path}: {value} is below {rule}"
        else:
            yield f"{path}: the schema uses '{word}', which is not checked"


def main():
    here = os.path.dirname(os.path.abspath(__file__))
    with open(os.path.join(here, sys.argv[1] + ".json"), encoding="utf-8") as f:
        schema = json.load(f)
    bad = list(check(schema, schema, json.load(sys.stdin), sys.argv[1]))
    for line in bad[:10]:
        print(line)
    return 1 if bad else 0


sys.exit(main())
