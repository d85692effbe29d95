# SPDX-License-Identifier: Apache-2.0
"""wire.py - a cable with a length, and with faults: for kernels that have no netem."""
import heapq
import select
import socket
import threading
import time

from core import command

PACKET_IGNORE_OUTGOING = 23  # linux/if_packet.h; the socket module has no name for it
ETH_P_ALL = 3


class Wire(threading.Thread):
    """Frames of either interface go out by the other one, later; those of one may be lost."""

    def __init__(self, one, other, delay):
        super().__init__(daemon=True)
        self.delay, self.lose = delay, None
        self.ends = {}
        for name in (one, other):
            sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ALL))
            sock.setsockopt(263, PACKET_IGNORE_OUTGOING, 1)  # SOL_PACKET
            sock.bind((name, ETH_P_ALL))
            self.ends[name] = sock
        self.other = {self.ends[one]: self.ends[other], self.ends[other]: self.ends[one]}
        self.waiting, self.count = [], 0
        self.start()

    def run(self):
        while True:
            left = max(0, self.waiting[0][0] - time.monotonic()) if self.waiting else None
            ready, _, _ = select.select(list(self.other), [], [], left)
            now = time.monotonic()
            for sock in ready:
                frame = sock.recv(65536)
                if sock is not self.ends.get(self.lose):
                    self.count += 1
                    heapq.heappush(self.waiting, (now + self.delay, self.count, sock, frame))
            while self.waiting and self.waiting[0][0] <= time.monotonic():
                _, _, sock, frame = heapq.heappop(self.waiting)
                self.other[sock].send(frame)


WIRES = {}


@command
def wire(name, one, other, milliseconds):
    """wire NAME IF IF MS: what comes in by one interface goes out by the other so much later"""
    WIRES[name] = Wire(one, other, float(milliseconds) / 1000)


@command
def wiredelay(name, milliseconds):
    """wiredelay NAME MS: from now on"""
    WIRES[name].delay = float(milliseconds) / 1000


@command
def wirelose(name, ifname=""):
    """wirelose NAME [IF]: what comes in by it is lost from now on; without one, nothing is"""
    WIRES[name].lose = ifname or None
