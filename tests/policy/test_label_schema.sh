#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# timeout: 60
# label_schema - policies/labels.schema.json, for those who write label files: label_schema.py.
cd "$(dirname "$0")/../.." || exit 1
exec python3 tests/policy/label_schema.py
