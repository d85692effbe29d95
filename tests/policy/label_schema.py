# SPDX-License-Identifier: Apache-2.0
"""label_schema.py - policies/labels.schema.json on the files of tests/policy/labels, which the unit
test of the reader takes too: good-* holds, bad-* does not, reader-* only the reader can refuse, and
text-* is no JSON, or none that the agent takes."""
import glob
import json
import os
import sys

import jsonschema

with open("policies/labels.schema.json", encoding="utf-8") as f:
    VALIDATOR = jsonschema.Draft202012Validator(json.load(f))
VALIDATOR.check_schema(VALIDATOR.schema)
failed = 0
paths = sorted(glob.glob("tests/policy/labels/*.json")) + sorted(glob.glob("policies/labels.d/*.json"))
for path in paths:
    name = os.path.basename(path)
    if name.startswith("text-"):
        continue
    with open(path, encoding="utf-8") as f:
        errors = [e.message for e in VALIDATOR.iter_errors(json.load(f))]
    if bool(errors) == name.startswith("bad-"):
        print(f"ok {name}")
    else:
        print(f"not ok {name} - {errors or 'the schema accepts it'}")
        failed = 1
sys.exit(failed)
