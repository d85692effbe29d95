# SPDX-License-Identifier: Apache-2.0
"""schema.py - policies/policy.schema.json beside the reader: accepts what it accepts, refuses what
it refuses for the shape of it. What only the reader can see stands in SEMANTIC, which is held to."""
import glob
import json
import os
import re
import subprocess
import sys
import tempfile

import jsonschema
import yaml

SCHEMA = "policies/policy.schema.json"

# Refused by the reader alone, with the reason why no schema sees it.
SEMANTIC = {
    "anchors": "anchors",
    "clash.d": "one name in two files",
    "comment-only": "keys that must be in one of several files",
    "cycle": "what an include leads to",
    "duplicate-ids": "what must be unique over lists",
    "empty": "keys that must be in one of several files",
    "include-itself": "what an include leads to",
    "include-missing": "what an include leads to",
    "long-line": "names that are declared nowhere",
    "many-errors": "names that are declared nowhere",
    "missing-keys": "keys that must be in one of several files",
    "repeated-keys": "keys that stand twice, of which a YAML parser takes the last",
    "only-the-reader": "numbers that do not fit each other",
    "selector-without-hosts": "labels that no host has",
    "tags": "tags, which a YAML parser resolves first",
    "unresolved-names": "names that are declared nowhere",
}

# The same for single statements, hosts and segments: what the reader says of them.
SEMANTIC_MESSAGES = (
    "anchors and aliases are not part of",
    "tags are not part of",
    "there is no segment '",
    "no host of the inventory has the labels of segment '",
    "no host of the inventory has these labels at the from: end, so",
    "a deny rule with a workload at both ends",
    "the id '",  # is taken
    "' is the id of a built-in rule",
    "the id 'boundary:",  # too long
    "label '",  # stands twice
    "has bits set to the right of its prefix",
    "is an IPv4 address in IPv6 form",
    "; no host is known by it",
    "the range is upside down",
    "there is no time zone '",
    "there are no hours",
    "is not a date of the years 2000 to 2199",
    "', so this would deny nothing",
)


class Loader(yaml.SafeLoader):
    """YAML 1.2's core schema, as editors have it: dates, octal numbers and `yes` are text."""


Loader.yaml_implicit_resolvers = {}
for tag, pattern, first in (
    ("null", r"^(~|null|Null|NULL|)$", ["~", "n", "N", ""]),
    ("bool", r"^(true|True|TRUE|false|False|FALSE)$", list("tTfF")),
    ("int", r"^([-+]?[0-9]+)$", list("-+0123456789")),
    ("float", r"^([-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?)$", list("-+.0123456789")),
):
    Loader.add_implicit_resolver("tag:yaml.org,2002:" + tag, re.compile(pattern), first)


def mapping(loader, node):
    """Keys are names, however they look."""
    loader.flatten_mapping(node)
    return {key.value if isinstance(key.value, str) else str(key.value):
            loader.construct_object(value, deep=True) for key, value in node.value}


def integer(loader, node):
    return int(node.value)


Loader.add_constructor("tag:yaml.org,2002:map", mapping)
Loader.add_constructor("tag:yaml.org,2002:int", integer)


def errors(validator, path):
    """What is wrong with a file, or nothing."""
    with open(path, "rb") as f:
        return errors_in(validator, f.read())


def errors_in(validator, text):
    try:
        tree = yaml.load(text, Loader=Loader)
    except (yaml.YAMLError, ValueError) as e:
        return ["not YAML: " + str(e).splitlines()[0]]
    return [f"{'/'.join(map(str, e.absolute_path))}: {e.message[:200]}"
            for e in validator.iter_errors(tree)]


def files_of(case):
    return sorted(glob.glob(case + "/*.yaml")) if os.path.isdir(case) else [case]


def described(node, where, missing):
    """Every property has a text for an editor to show."""
    if isinstance(node, dict):
        for name, value in node.get("properties", {}).items():
            if isinstance(value, dict) and "if" not in where and "anyOf" not in where[-2:]:
                target = value.get("$ref", "").rsplit("/", 1)[-1]
                if "description" not in value and "description" not in DEFS.get(target, {}):
                    missing.append("/".join(where + [name]))
        for key, value in node.items():
            described(value, where + [key], missing)
    elif isinstance(node, list):
        for i, value in enumerate(node):
            described(value, where + [str(i)], missing)


with open(SCHEMA) as f:
    schema = json.load(f)
DEFS = schema["$defs"]
failed = 0


def result(name, why):
    global failed
    print(f"not ok {name} - {why}" if why else f"ok {name}")
    failed += bool(why)


try:
    jsonschema.Draft202012Validator.check_schema(schema)
    result("is a JSON Schema", None)
except jsonschema.SchemaError as e:
    result("is a JSON Schema", e.message)


def whole(validator, pattern, instance, _):
    """In a schema "$" is the end of the text, in Python also the place before its last newline."""
    if isinstance(instance, str) and not re.search(pattern.replace("$", r"\Z"), instance):
        yield jsonschema.ValidationError(f"{instance!r} does not match {pattern}")


validator = jsonschema.validators.extend(jsonschema.Draft202012Validator,
                                         {"pattern": whole})(schema)

missing = []
described(schema, [], missing)
result("describes every key", ", ".join(missing))

for path in sorted(glob.glob("policies/**/*.yaml", recursive=True)):
    if "/cases/" in path:
        continue
    bad = errors(validator, path)
    result(path + ": accepted", bad and bad[0])
    with open(path) as f:
        said = re.search(r"^# yaml-language-server: \$schema=(\S+)$", f.read(), re.M)
    target = said and os.path.normpath(os.path.join(os.path.dirname(path), said.group(1)))
    result(path + ": names its schema", None if target == SCHEMA else f"names {target}")

seen = set()
for expect in sorted(glob.glob("tests/policy/*.expect")):
    name = os.path.basename(expect)[:-len(".expect")]
    case = expect[:-len(".expect")]
    case += ".d" if os.path.isdir(case + ".d") else ".yaml"
    if case.endswith(".d"):
        name += ".d"
    with open(expect) as f:
        accepted = "\nok\n" in "\n" + f.read()
    bad = [e for path in files_of(case) for e in errors(validator, path)]
    if accepted:
        result(name + ": accepted", bad and bad[0])
    elif name in SEMANTIC:
        seen.add(name)
        result(name + ": not for a schema: " + SEMANTIC[name],
               bad and f"yet refused: {bad[0]}: take it from the list")
    else:
        result(name + ": refused", None if bad else "accepted, and not in the list of exceptions")
result("the list of exceptions has no others", ", ".join(sorted(set(SEMANTIC) - seen)))

# Each statement, host and segment of all cases by itself: one wrong one does not hide another.
HEAD = "version: 1\npolicy: p\nrevision: 1\n"


def sections(root, text):
    """The file's own hosts and segments, when their shape is right: statements name them."""
    if not isinstance(root, yaml.MappingNode):
        return ""
    found = "".join(text[key.start_mark.index:value.end_mark.index].rstrip() + "\n"
                    for key, value in root.value if key.value in ("hosts", "segments"))
    return "" if errors_in(validator, found) else found


def elements(path):
    """Policies of one element each, as text, for what stands in braces."""
    with open(path, "rb") as f:
        raw = f.read()
    try:
        text = raw.decode()
        root = yaml.compose(text, Loader=Loader)
    except (yaml.YAMLError, ValueError):
        return
    around = sections(root, text)
    for key, section in root.value if isinstance(root, yaml.MappingNode) else ():
        if key.value in ("hosts", "segments") and isinstance(section, yaml.MappingNode):
            for name, value in section.value:
                if value.start_mark.line == value.end_mark.line:
                    yield (f"{HEAD}{key.value}:\n  "
                           f"{text[name.start_mark.index:value.end_mark.index]}\n")
        elif isinstance(section, yaml.SequenceNode):
            for value in section.value:
                if getattr(value, "flow_style", False):
                    yield (f"{HEAD}{around}{key.value}:\n  - "
                           f"{text[value.start_mark.index:value.end_mark.index]}\n")


def said_of(diagnostics):
    return [d["message"] + " = " + (d["remedy"] or "") for d in diagnostics
            if d["severity"] == "error"]


with tempfile.TemporaryDirectory() as tmp:
    texts = {}
    for path in sorted(glob.glob("tests/policy/*.yaml")):
        for text in elements(path):
            texts.setdefault(text, path)
    names = []
    for i, text in enumerate(texts):
        names.append(f"{tmp}/{i}.yaml")
        with open(names[-1], "w") as f:
            f.write(text)
    ztctl = os.environ.get("OUT", "build") + "/ztctl"
    out = subprocess.run([ztctl, "policy", "check", "--json"] + names, stdout=subprocess.PIPE,
                         check=False).stdout
    used, counts, wrong = set(), [0, 0, 0], []
    for name, (text, path), report in zip(names, texts.items(), json.loads(out)["files"]):
        bad = errors(validator, name)
        line = f"{path}: {text.splitlines()[-1].strip()}"
        if report["ok"]:
            counts[0] += 1
            if bad:
                wrong.append(f"{line}: the reader accepts it, the schema says {bad[0]}")
        elif bad:
            counts[1] += 1
        else:
            counts[2] += 1
            said = said_of(report["diagnostics"])
            if any("' stands twice in " in m for m in said):
                continue  # of two values a YAML parser shows the last
            for message in said:
                why = [m for m in SEMANTIC_MESSAGES if m in message]
                used.update(why)
                if not why:
                    wrong.append(f"{line}: the schema accepts it, the reader says {message}")
result(f"{counts[0]} single elements accepted by both, {counts[1]} refused by both, "
       f"{counts[2]} by the reader for what no schema sees", "\n# ".join(wrong))
result("all of the reader's other reasons occur",
       ", ".join(m for m in SEMANTIC_MESSAGES if m not in used))
result("there are enough of them", None if min(counts) > 40 else str(counts))
sys.exit(failed > 0)
