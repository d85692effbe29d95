# SPDX-License-Identifier: Apache-2.0
"""
cross_check.py - what the kernel says of its sockets, held against what an agent says of its flows.

usage: cross_check.py SS FLOWS MAP

SS is what `ss -Htunap` printed, FLOWS and MAP are the agent's answers, taken after it. A socket with a
peer is one end of a conversation; it is found when a flow has both its ends with the socket's process
as the owner of this one, and the map an edge between the addresses with that unit. Prints sockets,
found, and each one that is not.
"""
import json
import re
import sys


def end(text):
    """ADDRESS%DEVICE:PORT of ss as (address, port)."""
    address, _, port = text.rpartition(":")
    address = address.strip("[]").split("%")[0]
    if address.startswith("::ffff:"):
        address = address[7:]
    return address, int(port) if port.isdigit() else 0


def unit_of(pid):
    try:
        with open(f"/proc/{pid}/cgroup", encoding="utf-8") as file:
            path = file.read().strip().rpartition("::")[2]
    except OSError:
        return None
    return next((part for part in path.split("/") if part.endswith(".service")), None)


def sockets(path):
    """Conversations with a process of their own: (proto, local, peer, unit, line)."""
    with open(path, encoding="utf-8") as file:
        for line in file:
            words = line.split()
            pid = re.search(r"pid=(\d+)", line)
            if words[1] not in ("ESTAB", "CLOSE-WAIT", "FIN-WAIT-1", "FIN-WAIT-2") or not pid:
                continue
            unit = unit_of(pid.group(1))
            if unit:  # else it has ended since
                yield words[0], end(words[4]), end(words[5]), unit, line.strip()


def unit_at(place):
    return place.get("workload", {}).get("unit")


def main():
    with open(sys.argv[2], encoding="utf-8") as file:
        flows = json.load(file)["flows"]
    with open(sys.argv[3], encoding="utf-8") as file:
        edges = json.load(file)["edges"]
    seen, mapped = {}, set()
    for flow in flows:
        src, dst = flow["src"], flow["dst"]
        ends = (src["address"], src["port"]), (dst["address"], dst["port"])
        seen.setdefault((flow["proto"], ends[0], ends[1]), []).append((unit_at(src), dst["port"]))
        seen.setdefault((flow["proto"], ends[1], ends[0]), []).append((unit_at(dst), dst["port"]))
    for edge in edges:
        for unit in unit_at(edge), edge.get("dst_workload", {}).get("unit"):
            mapped.add((edge["proto"], edge["src"][8:], edge["dst"][8:], edge["port"], unit))
    count = found = 0
    for proto, local, peer, unit, line in sockets(sys.argv[1]):
        count += 1
        hit = any(u == unit and ((proto, local[0], peer[0], port, unit) in mapped or
                                 (proto, peer[0], local[0], port, unit) in mapped)
                  for u, port in seen.get((proto, local, peer), []) +
                  # A UDP socket inside the host is heard of when it connects, before it has a port.
                  (seen.get((proto, (local[0], 0), peer), []) if proto == "udp" else []))
        found += hit
        if not hit:
            print("missing:", unit, line, seen.get((proto, local, peer)), file=sys.stderr)
    print(count, found)


main()
