#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""assess.py - runs a command some times; how long it took, and how much memory all of its processes had.

usage: assess.py TIMES COMMAND...

Memory is proportional (Pss: what processes share is counted once), added up over the command's session
while it runs, every five milliseconds; beside it the largest resident set that any of them ever had.
Prints one JSON object per sample.
"""
import json
import os
import resource
import subprocess
import sys
import time


def session_pss(session):
    total = 0
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/stat", "rb") as f:
                fields = f.read().rsplit(b")", 1)[1].split()
            if int(fields[3]) != session:
                continue
            with open(f"/proc/{pid}/smaps_rollup", "rb") as f:
                for line in f:
                    if line.startswith(b"Pss:"):
                        total += int(line.split()[1]) * 1024
        except (OSError, IndexError, ValueError):
            continue  # it ended meanwhile
    return total


def run_once(command, watched):
    begin = time.monotonic_ns()
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, start_new_session=True) as child:
        peak = 0
        while watched and child.poll() is None:
            peak = max(peak, session_pss(child.pid))
            time.sleep(0.005)
        code = child.wait()
    if code not in (0, 2, 3):  # what assess says of a level; others are failures
        sys.exit(f"assess.py: {command[0]} ended with {code}")
    return time.monotonic_ns() - begin, peak


def sample(name, **value):
    print(json.dumps({"kind": "assess", "name": name, "ops": 1, **value}), flush=True)


def main():
    times, command = int(sys.argv[1]), sys.argv[2:]
    for _ in range(times):
        sample("time", ns=run_once(command, False)[0])  # watching takes time from it
        sample("memory", bytes=run_once(command, True)[1])
    sample("largest", bytes=resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024)


if __name__ == "__main__":
    main()
