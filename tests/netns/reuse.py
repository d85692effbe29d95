# SPDX-License-Identifier: Apache-2.0
"""
reuse.py - two processes with the same number, one after the other.

usage: reuse.py CGROUP1 CGROUP2 ADDRESS PORT

The first, in CGROUP1, connects, asks once and ends. The second, in CGROUP2, runs sleep. Prints "again PID".
"""
import ctypes
import os
import socket
import sys

SYS_CLONE3 = 435  # of every architecture
SIGCHLD = 17


def clone_as(pid):
    """fork(), but the child has that number (struct clone_args, linux/sched.h)."""
    numbers = (ctypes.c_int32 * 1)(pid)
    args = (ctypes.c_uint64 * 11)()
    args[4] = SIGCHLD
    args[8], args[9] = ctypes.addressof(numbers), 1
    return ctypes.CDLL(None).syscall(SYS_CLONE3, args, ctypes.sizeof(args))


def enter(cgroup):
    with open(os.path.join(cgroup, "cgroup.procs"), "w", encoding="ascii") as procs:
        procs.write(str(os.getpid()))


first = os.fork()
if first == 0:
    enter(sys.argv[1])
    with socket.create_connection((sys.argv[3], int(sys.argv[4])), 5) as sock:
        sock.sendall(b"x")
        sock.recv(1)
    os._exit(0)
os.waitpid(first, 0)
for _ in range(100):  # somebody else may have the number just now
    second = clone_as(first)
    if second == 0:
        enter(sys.argv[2])
        os.execvp("sleep", ["sleep", "1000"])
    if second == first:
        break
print("again", second, flush=True)
os.waitpid(second, 0)
