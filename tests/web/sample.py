#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""sample.py - maps of a made-up bank, as `ztctl --json map` prints them, for the HTML map.

usage: sample.py EDGES | hostile | empty     (10, 300, 3000, or any number up to 20000)

The same number always gives the same map. Addresses are of the documentation ranges and
10/8, names are invented. `hostile` has in every field that comes from outside what a process
name, a unit, a label or a DNS answer could hold to break out of a page.
"""
import json
import random
import sys

START = 1763164800  # 2025-11-15T00:00:00Z, the window's beginning
DAYS = 7

# segment: share of hosts, name pattern, tier label, site
SEGMENTS = {
    "edge": (4, "waf%02d", "dmz", "taipei"),
    "web": (12, "web%02d", "dmz", "taipei"),
    "mobile-api": (8, "mapi%02d", "dmz", "taipei"),
    "app": (20, "app%02d", "app", "taipei"),
    "core": (8, "core%02d", "app", "taipei"),
    "payments": (6, "pay%02d", "app", "taipei"),
    "db": (10, "db%02d", "data", "taipei"),
    "cache": (4, "redis%02d", "data", "taipei"),
    "mq": (4, "mq%02d", "data", "taipei"),
    "branch": (60, "branch-%03d", "edge", "branches"),
    "atm": (40, "atm-%03d", "edge", "branches"),
    "directory": (3, "ad%02d", "infra", "taipei"),
    "monitoring": (3, "mon%02d", "infra", "taipei"),
    "siem": (2, "siem%02d", "infra", "taichung"),
    "backup": (2, "backup%02d", "infra", "taichung"),
    "admin": (4, "jump%02d", "infra", "taipei"),
    "batch": (4, "etl%02d", "app", "taichung"),
    "partner": (6, None, None, None),
    "internet": (30, None, None, None),
}

# src, dst, proto, port, protocol words (first is usual), unit of the serving end, executable,
# edges wanted of 100, connections a day, live rule, candidate rule ("!" before it: denies)
SERVICES = [
    ("internet", "edge", "tcp", 443, ["tls1.3", "tls1.2"], "nginx.service", "/usr/sbin/nginx", 9, 4000, "edge-in", "edge-in"),
    ("edge", "web", "tcp", 8443, ["tls1.3"], "nginx.service", "/usr/sbin/nginx", 5, 9000, "edge-web", "edge-web"),
    ("edge", "mobile-api", "tcp", 8443, ["tls1.3"], "mapi.service", "/opt/mapi/bin/mapi", 4, 7000, "edge-web", "edge-web"),
    ("web", "app", "tcp", 8080, ["http", "http2"], "bankapp.service", "/usr/lib/jvm/bin/java", 9, 12000, "web-app", "web-app"),
    ("mobile-api", "app", "tcp", 8443, ["tls1.3"], "bankapp.service", "/usr/lib/jvm/bin/java", 6, 9000, "web-app", "web-app"),
    ("app", "db", "tcp", 5432, ["postgresql+tls1.3", "postgresql"], "postgresql@15-main.service", "/usr/lib/postgresql/15/bin/postgres", 9, 2500, "app-db", "app-db"),
    ("app", "cache", "tcp", 6379, ["redis"], "redis-server.service", "/usr/bin/redis-server", 6, 30000, "app-cache", "app-cache"),
    ("app", "mq", "tcp", 5671, ["tls1.2", "amqp"], "rabbitmq.service", "/usr/lib/erlang/bin/beam.smp", 5, 800, "app-mq", "app-mq"),
    ("app", "core", "tcp", 9443, ["tls1.3"], "core-gw.service", "/opt/core/bin/gw", 5, 6000, "app-core", "app-core"),
    ("core", "db", "tcp", 1521, ["oracle"], "oracle.service", "/u01/app/oracle/bin/oracle", 3, 1500, "core-db", "core-db"),
    ("core", "payments", "tcp", 9500, ["tls1.2"], "fisc-gw.service", "/opt/fisc/bin/gateway", 3, 400, "core-pay", "core-pay"),
    ("payments", "partner", "tcp", 443, ["tls1.2"], "swift-agent.service", "/opt/swift/agent", 2, 120, "pay-out", "pay-out"),
    ("branch", "web", "tcp", 443, ["tls1.2", "tls1.3"], "nginx.service", "/usr/sbin/nginx", 8, 300, "branch-web", "branch-web"),
    ("branch", "db", "tcp", 5432, ["postgresql"], "postgresql@15-main.service", "/usr/lib/postgresql/15/bin/postgres", 2, 12, "default-allow", "!db-closed"),
    ("atm", "payments", "tcp", 9600, ["unknown"], "iso8583d.service", "/opt/atm/iso8583d", 6, 800, "atm-pay", "atm-pay"),
    ("atm", "admin", "tcp", 23, ["telnet"], "telnetd.service", "/usr/sbin/telnetd", 1, 3, "!no-telnet", "!no-telnet"),
    ("monitoring", "*", "tcp", 9100, ["http"], "node_exporter.service", "/usr/bin/node_exporter", 8, 5760, "mon-scrape", "mon-scrape"),
    ("*", "directory", "udp", 53, ["dns"], "named.service", "/usr/sbin/named", 5, 8000, "dns", "dns"),
    ("*", "directory", "tcp", 636, ["tls1.2"], "slapd.service", "/usr/sbin/slapd", 3, 60, "ldap", "ldap"),
    ("*", "siem", "tcp", 6514, ["syslog+tls1.2", "syslog"], "rsyslog.service", "/usr/sbin/rsyslogd", 4, 24, "log", "log"),
    ("backup", "*", "tcp", 22, ["ssh"], "ssh.service", "/usr/sbin/sshd", 3, 4, "backup-ssh", "backup-ssh"),
    ("admin", "*", "tcp", 22, ["ssh"], "ssh.service", "/usr/sbin/sshd", 4, 20, "admin-ssh", "admin-ssh"),
    ("batch", "db", "tcp", 3306, ["mysql+tls1.2", "mysql"], "mariadb.service", "/usr/sbin/mariadbd", 2, 48, "batch-db", "batch-db"),
    ("batch", "core", "tcp", 2049, ["nfs"], "nfs-server.service", "kernel", 1, 24, "default-allow", "!core-closed"),
    ("web", "db", "tcp", 5432, ["postgresql"], "postgresql@15-main.service", "/usr/lib/postgresql/15/bin/postgres", 1, 5, "!web-no-db", "!web-no-db"),
    ("branch", "branch", "tcp", 445, ["smb"], "smbd.service", "/usr/sbin/smbd", 2, 30, "default-allow", "!branch-isolated"),
    ("internet", "edge", "tcp", 22, ["unknown"], "ssh.service", "/usr/sbin/sshd", 2, 900, "!edge-no-ssh", "!edge-no-ssh"),
    ("db", "db", "tcp", 5432, ["postgresql+tls1.3"], "postgresql@15-main.service", "/usr/lib/postgresql/15/bin/postgres", 1, 2, "db-repl", "db-repl"),
]


def when(seconds):
    import datetime
    at = datetime.datetime.fromtimestamp(seconds, datetime.timezone.utc)
    return at.strftime("%Y-%m-%dT%H:%M:%S.000Z")


def cover(word):
    last = word.split("+")[-1]
    for name in ("tls", "dtls", "ssh", "quic", "wireguard"):
        if last.startswith(name):
            return name
    return "unknown" if last == "unknown" else "plaintext"


def make_nodes(rng, edges):
    scale = max(0.05, min(4.0, edges / 900))
    nodes, by_segment = [], {}
    for number, (segment, (share, pattern, tier, site)) in enumerate(SEGMENTS.items()):
        members = by_segment[segment] = []
        for i in range(max(1, round(share * scale))):
            if pattern:
                name = pattern % (i + 1)
                node = {"id": "host:" + name, "kind": "host", "name": name,
                        "segments": [segment] + (["prod"] if tier == "data" else []),
                        "labels": {"role": segment, "tier": tier, "site": site},
                        "near": i < 2 and segment in ("app", "db")}
            else:
                addr = "203.0.113.%d" % (i + 1) if segment == "partner" else \
                    "198.51.%d.%d" % (100 + i % 7, rng.randrange(1, 255))
                if any(n["id"] == "address:" + addr for n in nodes):
                    continue
                node = {"id": "address:" + addr, "kind": "address", "name": addr,
                        "segments": [segment] if segment == "partner" else [], "labels": {},
                        "near": False}
                if rng.random() < 0.4 or segment == "partner":
                    node["hints"] = [{"name": "host%d.%s.example" % (number * 7 + i, segment),
                                      "source": "dns"}]
            members.append(node)
            nodes.append(node)
    return nodes, by_segment


def health(rng, proto, denied, connections):
    if proto != "tcp":
        return None
    if denied:
        return {"refused": 0, "unanswered": connections, "resets": 0,
                "retransmits": connections * 3}
    p50 = rng.choice([180, 240, 420, 900, 2400, 11000])
    ret = {"refused": rng.randrange(3) if rng.random() < 0.1 else 0,
           "unanswered": rng.randrange(9) if rng.random() < 0.1 else 0,
           "resets": rng.randrange(40) if rng.random() < 0.2 else 0,
           "retransmits": rng.randrange(400) if rng.random() < 0.3 else 0}
    if connections > 3:
        ret["rtt_us"] = {"p50": p50, "p99": p50 * rng.choice([3, 6, 12]), "samples": connections}
        ret["rtt"] = [[8 + i, max(1, connections // (i + 2))] for i in range(6)]
    return ret


def make_edge(rng, service, src, dst):
    _, _, proto, port, words, unit, exe, _, rate, live, candidate = service
    denied = live.startswith("!")
    connections = max(1, int(rng.lognormvariate(0, 1) * rate * DAYS / 10))
    first = START + int(rng.random() ** 3 * DAYS * 86400)
    last = max(first, START + DAYS * 86400 - int(rng.random() ** 4 * DAYS * 86400))
    word = words[0] if rng.random() < 0.8 else words[-1]
    protocols, encryption = {}, {"plaintext": 0, "unknown": 0}
    if denied:
        encryption["unknown"] = connections
    else:
        few = connections // 10 if len(words) > 1 and rng.random() < 0.15 else 0
        for w, n in ((word, connections - few), (words[0] if word != words[0] else words[-1], few)):
            if n:
                protocols[w] = protocols.get(w, 0) + n
                encryption[cover(w)] = encryption.get(cover(w), 0) + n
    per = rng.choice([900, 4200, 22000, 160000])
    action = {False: "allow", True: "deny"}
    edge = {
        "src": src["id"], "dst": dst["id"], "proto": proto, "port": port,
        "workload": {"unit": unit, "cgroup": "/system.slice/" + unit, "user": unit.split(".")[0][:8],
                     "uid": 100 + port % 700, "exe": exe, "pid": 700 + port % 4000,
                     "command": "%s --config /etc/%s.conf" % (exe, unit.split(".")[0])},
        "verdict": {"live": {"action": action[denied], "rule": live.lstrip("!")},
                    "candidate": {"action": action[candidate.startswith("!")],
                                  "rule": candidate.lstrip("!")}},
        "connections": connections,
        "bytes": {"to_dst": connections * (74 if denied else per // 3),
                  "to_src": 0 if denied else connections * per},
        "packets": {"to_dst": connections * 5, "to_src": 0 if denied else connections * 6},
        "encryption": encryption, "protocols": protocols, "kind": "local",
        "first_seen": when(first), "last_seen": when(last),
        "seen_by": sorted({e["name"] for e in (src, dst) if e["kind"] == "host"}),
    }
    told = health(rng, proto, denied, connections)
    if told:
        edge["health"] = told
    return edge


def make_map(count):
    rng = random.Random(count)
    nodes, by_segment = make_nodes(rng, count)
    inner = [n for n in nodes if n["kind"] == "host"]
    weights = [s[7] for s in SERVICES]
    chosen, edges = set(), []
    turn = 0
    while len(edges) < count and turn < count * 60:
        # The first ones in order, so that even ten edges show a whole chain of dependencies.
        service = SERVICES[turn] if count > 20 and turn < len(SERVICES) else \
            rng.choices(SERVICES, weights)[0]
        if count <= 20:
            service = SERVICES[(0, 1, 3, 5, 6, 8, 9, 13, 24, 16)[turn % 10]]
        turn += 1
        src = rng.choice(inner if service[0] == "*" else by_segment[service[0]])
        dst = rng.choice(inner if service[1] == "*" else by_segment[service[1]])
        key = (src["id"], dst["id"], service[2], service[3])
        if src is dst or key in chosen:
            continue
        chosen.add(key)
        edges.append(make_edge(rng, service, src, dst))
    used = {e["src"] for e in edges} | {e["dst"] for e in edges}
    ret = wrap([n for n in nodes if n["id"] in used], edges)
    if count >= 100:
        ret["disagreements"] = disagreements(nodes, edges)
    return ret


def disagreements(nodes, edges):
    """Of the first edge that both ends saw: less at the destination; and one that only one saw."""
    by_id = {n["id"]: n for n in nodes}
    both = [e for e in edges if len(e["seen_by"]) == 2]
    rows = []
    for edge, kind in zip(both, ("connections", "one-end")):
        src, dst = by_id[edge["src"]]["name"], by_id[edge["dst"]]["name"]
        side = {"host": src, "connections": edge["connections"], "bytes": edge["bytes"]["to_dst"],
                "live": "allow", "candidate": "allow", "encryption": "unknown"}
        row = {"kind": kind, "src": {"address": "10.0.0.1", "host": src},
               "dst": {"address": "10.0.0.2", "host": dst}, "proto": edge["proto"],
               "port": edge["port"], "at_src": side, "at_dst": None}
        if kind == "one-end":
            edge["seen_by"] = [src]
            row.update(not_seen_by=dst, its_losses=7)
        else:
            row["at_dst"] = dict(side, host=dst, connections=edge["connections"] // 2)
        rows.append(row)
    return rows


def wrap(nodes, edges):
    return {
        "by": "host", "view": {"host": "app01", "started": when(START), "source": "merged"},
        "window": {"from": when(START), "to": when(START + DAYS * 86400)},
        "nodes": nodes, "edges": edges, "matched": len(edges),
        "losses": {"flows_evicted": 0, "ring_full": 0, "edges_over_cap": 0},
    }


BAD = [
    "</script><script>document.title='owned'</script>",
    "<img src=x onerror=\"document.title='owned'\">",
    "<!--<script>", "]]>", "&lt;b&gt;", "'\"`${alert(1)}",
    "\u202egnp.exe\u202c", "a\u200bb\ufeffc", "\u2028document.title='owned'\u2029",
    "\x1b[31mred\x07", "\\xff\\xfe not UTF-8", "javascript:document.title='owned'",
    "__proto__", "constructor", "toString", "x" * 255, "\u0639\u0631\u0628\u064a",
    "\U0001f4a3", "\u5fae\u5206\u6bb5" * 40, "", " ", "\n\n\t", "{{js}}",
]


def hostile_map():
    rng = random.Random(1)
    nodes = []
    for i, bad in enumerate(BAD):
        nodes.append({"id": "address:" + bad, "kind": bad, "name": bad, "segments": [bad],
                      "labels": {bad: bad, "role": bad}, "near": i == 0,
                      "hints": [{"name": bad, "source": bad}]})
    edges = []
    for i, bad in enumerate(BAD):
        edge = make_edge(rng, SERVICES[i], nodes[i], nodes[(i + 1) % len(nodes)])
        edge["workload"] = {k: bad for k in ("unit", "cgroup", "container", "user", "exe",
                                             "exe_path", "command")}
        edge["verdict"]["live"]["rule"] = edge["verdict"]["candidate"]["rule"] = bad
        edge["protocols"] = {bad: 3}
        edge["encryption"][bad] = 1
        edge["seen_by"] = [bad]
        edges.append(edge)
    edges[0]["proto"] = edges[1]["kind"] = BAD[0]
    edges[2]["first_seen"] = BAD[1]
    edges[3]["bytes"] = None
    edges[4]["health"] = {"resets": BAD[0], "rtt_us": BAD[1]}
    edges[5]["port"] = BAD[1]
    edges[6]["src"] = "host:of no node"
    ret = wrap(nodes, edges)
    ret["view"]["host"] = BAD[0]
    ret["losses"] = {BAD[0]: 7}
    ret["disagreements"] = [{"kind": "verdict", "src": {"address": bad, "host": bad}, "proto": bad, "port": bad,
                             "dst": {"address": bad}, "at_src": {"host": bad, "live": bad, "candidate": bad},
                             "at_dst": None} for bad in BAD] + [BAD[0], None, 3]
    return ret


def main():
    what = sys.argv[1] if len(sys.argv) == 2 else ""
    if what == "hostile":
        ret = hostile_map()
    elif what == "empty":
        ret = wrap([], [])
    elif what.isdigit() and 0 < int(what) <= 20000:
        ret = make_map(int(what))
    else:
        sys.exit(__doc__)
    json.dump(ret, sys.stdout, ensure_ascii=False, separators=(",", ":"))


if __name__ == "__main__":
    main()
