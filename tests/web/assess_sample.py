#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""assess_sample.py - assessments made up for tests, in the shape that docs/assess.md describes.

usage: assess_sample.py NAME >FILE     NAME: see SAMPLES
Titles, severities and advice are the catalogue's; results, numbers and names are invented. Nothing
is random, so that a file made twice is the same.
"""
import hashlib
import json
import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
ASSESS = os.path.join(HERE, "..", "..", "ctl", "catalogue")
EVIL = ("<script>alert(1)</script>", "\"onmouseover=\"x", "=cmd|'/c calc'!A0", "+1+1", "-2", "@SUM(1)",
        "</style></svg>]]>&amp;", "\\u202e\\x1b[31m", "'; drop", "${jndi:ldap://x}", "名稱-ünïcode",
        "\uff1dHYPERLINK(1)", "{host=\"x\"} 1\\n", "--><!--", "%s%n%n")


def load(name):
    with open(os.path.join(ASSESS, name), encoding="utf-8") as file:
        return json.load(file)


CATALOGUE = load("checks.json")
ITEMS = load("items.json")


def say(en, zh=None):
    return {"en": en, "zh_TW": zh or en}


def digest(text):
    return "sha256:" + hashlib.sha256(text.encode()).hexdigest()


REASONS = {
    "pass": ("everything that was asked for was seen", "所要求之事項均已觀察到"),
    "partial": ("8 of 10 (80.0%)", "8／10（80.0%）"),
    "fail": ("2 of 10 (20.0%)", "2／10（20.0%）"),
    "notapplicable": ("there is no listener that can be reached", "無可被存取之監聽服務"),
    "unknown": ("no privilege to read listeners; CAP_NET_ADMIN would answer",
                "權限不足，無法讀取 listeners；具備 CAP_NET_ADMIN 即可取得"),
    "error": ("filter failed: nft ended with status 1", "filter 失敗：nft 結束代碼為 1"),
}


def mapping(check):
    item = next(i for i in ITEMS["items"] if i["id"] == check["item"])
    cisa = ITEMS["checks"].get(check["id"], item)["cisa"]
    return {"cisa": ["%s @ %s" % (c["function"], c["stage"]) for c in cisa], "dod": item["dod"],
            "nist": item["nist"], "nsa": item["nsa"]}


def advice(check):
    zh = check.get("remediation_zh")
    return say(check["remediation"], zh)


def make_check(check, result, offenders=0):
    numbers = {"partial": (8, 10), "fail": (2, 10), "pass": (10, 10)}.get(result)
    one = {
        "id": check["id"], "item": check["item"], "severity": check["severity"], "gate": check["gate"],
        "kind": check["kind"], "title": say(check["title"], check["title_zh"]), "result": result,
        "reason": say(*REASONS[result]), "observed": say("8 rules of 10", "10 條規則中之 8 條"),
        "expected": say(check["pass"], check.get("pass_zh")), "method": "measure", "grade": "B",
        "collectors": ["listeners", "filter"], "collected_at": "2026-11-22T07:00:01.000Z",
        "valid_until": "2026-11-23T07:00:01.000Z", "digest": digest(check["id"] + result),
        "offenders": [{"resource": "tcp/10.0.0.1:%d" % (9000 + i),
                       "text": say("open to %d addresses" % (i + 2), "開放予 %d 個位址" % (i + 2))}
                      for i in range(min(offenders, 20))],
        "offenders_total": offenders, "remediation": advice(check), "mapping": mapping(check),
    }
    if numbers:
        one["numerator"], one["denominator"] = numbers
    return one


def status_of(checks):
    results = [(c["gate"], c["severity"], c["result"]) for c in checks]
    if any(g and r == "fail" for g, _, r in results):
        return "not_met"
    if any(g and r in ("unknown", "error") for g, _, r in results):
        return "unknown"
    if any(g and r == "partial" for g, _, r in results):
        return "partial"
    if any(not g and r == "fail" and s in ("high", "critical") for g, s, r in results):
        return "partial"
    return "met"


def make_items(checks, na):
    items = []
    for item in ITEMS["items"]:
        mine = [c for c in checks if c["item"] == item["id"]]
        status = "na" if item["id"] in na else status_of(mine)
        one = {"id": item["id"], "level": item["level"], "title": say(item["title"], item["title_zh"]),
               "definition": say(item["definition"], item["definition_zh"]),
               "applicable": item["id"] not in na, "status": status, "status_attested": status,
               "status_waived": status, "cisa": item["cisa"][0],
               "counts": {r: sum(c["result"] == r for c in mine) for r in REASONS}}
        if item["id"] in na:
            one["note"] = say("N/A (provider): PaaS", "不適用（由服務商負責）：PaaS")
        items.append(one)
    return items


def level_of(items, key):
    need = {1: ("3-1", "3-4"), 2: ("3-2", "3-3"), 3: ("3-5", "3-6"), 4: ("3-7",)}
    level, held = 0, []
    for number in (1, 2, 3, 4):
        mine = [i for i in items if i["id"] in need[number] and i["status"] != "na"]
        if any(i[key] != "met" for i in mine):
            break
        level = number
        held += [i["id"] for i in mine]
    text = ("0", "I", "II", "III", "IV")[level]
    partly = level >= 1 and any(i["status"] == "na" for i in items if i["level"] <= level)
    if partly:
        text += " (%s only)" % ", ".join(h for h in held)
    return {"level": level, "text": text, "vacuous": False, "items": held}


def make(name="app01", results=None, default="pass", offenders=None, na=(), notes=()):
    results, offenders = results or {}, offenders or {}
    checks = [make_check(c, "notapplicable" if c["item"] in na else results.get(c["id"], default),
                         offenders.get(c["id"], 0)) for c in CATALOGUE]
    items = make_items(checks, na)
    levels = {"measured": level_of(items, "status"), "attested": level_of(items, "status_attested"),
              "waived": level_of(items, "status_waived")}
    met = levels["measured"]["level"] >= 1
    blockers = [{"basis": "measured", "level": i["level"], "item": i["id"], "check": c["id"],
                 "reason": c["reason"]} for i in items for c in checks
                if c["item"] == i["id"] and c["gate"] and c["result"] in ("fail", "unknown", "error")][:3]
    return {
        "format": "ztseg.assessment/1", "tool": {"name": "ztctl", "version": "0.1.0"},
        "statement": say("Host evidence for items of the guideline; not a statement of compliance. "
                         "Thresholds are from the ztseg profile.",
                         "本報告為指引項次之主機佐證，非遵循性聲明；門檻值為 ztseg 設定檔所訂。"),
        "host": {"name": name, "machine": "a" * 64, "kernel": "6.12.0-amd64", "os": "Debian GNU/Linux 12",
                 "boot_id": "4d1c6f0e-0000-4000-8000-000000000001"},
        "profile": {"name": "fsc-2024-net", "version": "1.0", "digest": digest("profile")},
        "scope": {"fields": ["system_ops"], "contradictions": [],
                  "notes": []},
        "window": {"from": "2026-11-15T07:00:00.000Z", "to": "2026-11-22T07:00:00.000Z",
                   "seconds": 604800, "wanted_seconds": 604800},
        "clock": {"synchronised": True, "maxerror_us": 1200},
        "started": "2026-11-22T07:00:00.000Z", "ended": "2026-11-22T07:00:01.500Z",
        "valid_until": "2026-11-23T07:00:01.500Z", "privileged": True,
        "agent": {"present": True, "version": "0.1.0", "mode": "enforced"},
        "options": {"probe": False, "observe_s": 0, "target": 1}, "levels": levels,
        "also_met": [i["id"] for i in items if i["status"] == "met" and i["level"] > levels["measured"]["level"]],
        "target": {"level": 1, "basis": "measured", "status": "met" if met else "not_met",
                   "exit": 0 if met else 2},
        "blockers": blockers, "items": items, "checks": checks,
        "collectors": [
            {"name": "listeners", "status": "ok", "method": "netlink SOCK_DIAG_BY_FAMILY",
             "collected_at": "2026-11-22T07:00:00.200Z", "elapsed_ms": 12, "digest": digest("listeners")},
            {"name": "filter", "status": "denied", "needs": "CAP_NET_ADMIN", "reason": "Operation not permitted",
             "method": "nft -j list ruleset", "collected_at": "2026-11-22T07:00:00.300Z", "elapsed_ms": 3,
             "digest": digest("filter")}],
        "waivers": [], "attestations": [], "notes": list(notes),
    }


def small():
    return make()


def check_of(doc, check):
    return next(c for c in doc["checks"] if c["id"] == check)


# State in the register of a disposition.
REGISTER = {"waived": "in-force", "waiver-expired": "expired", "waiver-suspended": "suspended",
            "waiver-invalid": "not-honoured"}


def mixed():
    """One of everything: each result, waivers in each state, an attestation."""
    doc = make("db01", {"ZTS-3.1-01": "fail", "ZTS-3.1-04": "partial", "ZTS-3.4-01": "unknown",
                        "ZTS-3.4-03": "error", "ZTS-3.4-04": "notapplicable", "ZTS-3.2-02": "fail",
                        "ZTS-3.3-05": "fail", "ZTS-3.6-01": "fail", "ZTS-3.6-05": "partial"},
               offenders={"ZTS-3.1-01": 2, "ZTS-3.1-04": 3, "ZTS-3.2-02": 34}, notes=[
                   say("Levels of 3-7 by cloud service are not stated in the source; it is taken to apply.",
                       "原文未載明 3-7 於各雲端服務模式之適用性，視為適用。")])
    for check, state, days in (("ZTS-3.1-01", "waived", 9), ("ZTS-3.2-02", "waiver-expired", -3),
                               ("ZTS-3.3-05", "waiver-suspended", 40), ("ZTS-3.6-01", "waiver-invalid", 70)):
        number = "W-%d" % (len(doc["waivers"]) + 12)
        expires = "2026-12-01T00:00:00Z" if days > 0 else "2026-11-19T00:00:00Z"
        check_of(doc, check)["disposition"] = {"state": state, "waiver": number, "expires_at": expires,
                                               "days_left": days}
        doc["waivers"].append({
            "id": number, "check_id": check, "state": REGISTER[state], "why": say("as it says", "如所述"), "scope": {"hosts": ["db01"], "resource": "tcp/10.0.0.1:9000"},
            "raw_result_at_grant": "fail", "reason": "the vendor's console needs it until the migration",
            "compensating": [{"check": "ZTS-3.1-07", "result": "pass"}], "owner": "db-team", "approver": "ciso", "ticket": "CHG-1001",
            "granted_at": "2026-09-01T00:00:00Z", "expires_at": expires, "days_left": days})
    doc["attestations"].append({
        "id": "A-7", "check_id": "ZTS-3.6-05", "state": "valid", "result": "pass", "method": "EXAMINE",
        "statement": "Retention of the platform was examined: 400 days.", "assessor": "internal-audit",
        "files": [{"name": "retention.pdf", "sha256": "b" * 64, "size": 81234}],
        "collected_at": "2026-11-01T03:00:00Z", "valid_until": "2027-04-30T03:00:00Z"})
    check_of(doc, "ZTS-3.6-05")["attestation"] = {"id": "A-7", "result": "pass",
                                                  "valid_until": "2027-04-30T03:00:00Z"}
    doc["items"][0]["status_waived"] = "met"
    check_of(doc, "ZTS-3.4-03")["extra"] = {"snippets": [
        {"program": "nginx", "file": "/etc/nginx/conf.d/tls.conf",
         "text": "ssl_protocols TLSv1.2 TLSv1.3;\nssl_prefer_server_ciphers on;"}]}
    return doc


def nothing():
    """Without privilege, nothing can be told."""
    doc = make("guest", default="unknown")
    doc["privileged"] = False
    doc["agent"] = {"present": False}
    doc["clock"] = {"synchronised": False, "maxerror_us": 16000000}
    doc["target"] = {"level": 1, "basis": "measured", "status": "undetermined", "exit": 3}
    return doc


def provider():
    return make("paas01", na=("3-1", "3-2"))


def many():
    """Every check fails, each with thousands that offend."""
    return make("busy", default="fail", offenders={c["id"]: 5000 for c in CATALOGUE})


def hostile():
    """Names and texts that attack the language they are written in."""
    doc = mixed()
    doc["host"].update(name=EVIL[0], os=EVIL[6], kernel=EVIL[1])
    doc["profile"]["name"] = EVIL[2]
    doc["scope"]["system"] = EVIL[3]
    for i, check in enumerate(doc["checks"]):
        evil = EVIL[i % len(EVIL)]
        check["reason"] = say(evil, evil + "（" + evil + "）")
        check["observed"] = say(evil)
        check["offenders"] = [{"resource": "tcp/" + e, "text": say(e)} for e in EVIL]
        check["offenders_total"] = 10 ** 12
    for waiver in doc["waivers"]:
        waiver.update(reason=EVIL[0], owner=EVIL[1], approver=EVIL[6], ticket=EVIL[2])
    doc["attestations"][0].update(statement=EVIL[0] + EVIL[6], assessor=EVIL[5])
    doc["collectors"][1]["reason"] = EVIL[6]
    check_of(doc, "ZTS-3.4-03")["extra"]["snippets"][0].update(program=EVIL[0], file=EVIL[1], text="</pre>" + EVIL[0])
    doc["notes"] = [say(e) for e in EVIL]
    return doc


def fleet():
    """Four hosts that answered and two that did not."""
    # A host may call itself what another is called: its name is that of the list.
    hosts = [{"name": n, "status": "ok", "assessment": d}
             for n, d in (("app01", small()), ("db01", mixed()), ("paas01", provider()), ("app02", small()))]
    for host in hosts:
        host["assessment"]["host"]["machine"] = digest(host["name"])
    hosts += [{"name": "lost", "status": "timeout", "why": "no answer in 60 s"},
              {"name": "=evil", "status": "bad", "why": "<b>not JSON</b>"}]
    return {"format": "ztseg.assessment-set/1", "hosts": hosts,
            "statement": hosts[0]["assessment"]["statement"],
            "started": "2026-11-22T07:00:00.000Z", "ended": "2026-11-22T07:01:30.000Z",
            "system": {"levels": {b: {"level": 0, "text": "0"} for b in ("measured", "attested", "waived")},
                       "distribution": {"0": 1, "I": 0, "II": 0, "III": 0, "IV": 3, "unknown": 2}}}


SAMPLES = {f.__name__: f for f in (small, mixed, nothing, provider, many, hostile, fleet)}

if __name__ == "__main__":
    json.dump(SAMPLES[sys.argv[1]](), sys.stdout, ensure_ascii=False, indent=1)
    print()
