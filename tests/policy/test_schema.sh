#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# timeout: 60
# test_schema.sh - policies/policy.schema.json, which editors use, against the reader: schema.py.
exec python3 "$(dirname "$0")/schema.py"
