# SPDX-License-Identifier: Apache-2.0
"""sockets.py - commands on ordinary sockets: servers, clients, sequences."""
import errno
import os
import select
import socket
import struct
import threading
import time

from core import (SOCKS, Refused, command, errname, family, options, pick, read_exactly, seconds,
                  sockaddr)

SERVERS = {}


# --- servers ---------------------------------------------------------------


SO_RCVBUFFORCE = 33  # past net.core.rmem_max; the socket module has no name for it


class Server:
    """A listening socket with its thread; counts what arrives."""

    def __init__(self, proto, address, port, mode):
        self.mode = mode
        self.closed = False
        self.bytes = 0
        self.peers = []
        self.numbers = {}
        self.conns = []
        self.changed = threading.Condition()
        kind = socket.SOCK_DGRAM if proto == "udp" else socket.SOCK_STREAM
        self.sock = socket.socket(family(address), kind, 132 if proto == "sctp" else 0)
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family(address) == socket.AF_INET6:
            self.sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        if proto == "udp":
            self.sock.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 64 << 20)
        if port != "auto":  # else listen() finds a port by itself
            self.sock.bind(sockaddr(address, port))
        if proto != "udp":
            self.sock.listen(512)
        self.thread = threading.Thread(target=self.udp if proto == "udp" else self.tcp, daemon=True)
        self.thread.start()

    def note(self, peer, size):
        with self.changed:
            self.bytes += size
            if peer and len(self.peers) < 10000:
                self.peers.append(peer)
            self.changed.notify_all()

    def tcp(self):
        while True:
            try:
                conn, peer = self.sock.accept()
            except OSError:
                return
            self.conns.append(conn)
            self.note(peer[0], 0)
            threading.Thread(target=self.serve, args=(conn,), daemon=True).start()

    def serve(self, conn):
        try:
            while True:
                data = conn.recv(262144)
                if not data:
                    break
                self.note(None, len(data))
                if self.mode == "echo":
                    conn.sendall(data)
        except OSError:
            pass
        conn.close()

    def udp(self):
        while True:
            try:
                data, peer = self.sock.recvfrom(65536)
            except OSError:
                return
            if self.closed:
                return
            if self.mode == "seq" and len(data) >= 8:
                number = struct.unpack_from("!Q", data)[0]
                with self.changed:
                    self.numbers[number] = self.numbers.get(number, 0) + 1
                    self.changed.notify_all()
                continue
            self.note(peer[0], len(data))
            try:
                if self.mode == "echo":
                    self.sock.sendto(data, peer)
            except OSError:
                pass

    def wait(self, done, limit):
        with self.changed:
            return self.changed.wait_for(done, seconds(limit))


@command
def listen(name, proto, address, port, mode="echo"):
    """listen NAME tcp|udp|sctp ADDR PORT|auto [echo|sink|seq]"""
    SERVERS[name] = Server(proto, address, port, mode)
    return str(SERVERS[name].sock.getsockname()[1])


@command
def unlisten(name):
    """unlisten NAME: closes the server and its connections"""
    server = SERVERS.pop(name)
    server.closed = True
    try:
        server.sock.shutdown(socket.SHUT_RDWR)  # wakes the thread, which holds the socket
    except OSError:
        pass
    server.thread.join()
    server.sock.close()
    for conn in server.conns:
        conn.close()


@command
def peers(name, count=0, timeout=0):
    """peers NAME [COUNT TIMEOUT]: who came, after waiting for COUNT of them"""
    server = SERVERS[name]
    server.wait(lambda: len(server.peers) >= int(count), timeout)
    return " ".join([str(len(server.peers))] + sorted(set(server.peers)))


@command
def got(name, count=0, timeout=0):
    """got NAME [BYTES TIMEOUT]: payload bytes received so far"""
    server = SERVERS[name]
    server.wait(lambda: server.bytes >= int(count), timeout)
    return str(server.bytes)


@command
def seqgot(name, count=0, timeout=0):
    """seqgot NAME [COUNT TIMEOUT]: distinct numbers, lowest, highest, duplicates"""
    server = SERVERS[name]
    server.wait(lambda: len(server.numbers) >= int(count), timeout)
    with server.changed:
        numbers = server.numbers
        if not numbers:
            return "0 0 0 0"
        twice = sum(v - 1 for v in numbers.values())
        return f"{len(numbers)} {min(numbers)} {max(numbers)} {twice}"


# --- clients ---------------------------------------------------------------


@command
def connect(*words):
    """connect NAME ADDR PORT [timeout=2] [from=ADDR] [sport=N] [proto=tcp|sctp]: answers with ms"""
    (name, address, port), opt = options(words, timeout="2", sport="0", proto="tcp", **{"from": ""})
    sock = socket.socket(family(address), socket.SOCK_STREAM, 132 if opt["proto"] == "sctp" else 0)
    if opt["proto"] == "tcp":
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    if opt["from"] or opt["sport"] != "0":
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        wild = "::" if family(address) == socket.AF_INET6 else "0.0.0.0"
        sock.bind(sockaddr(opt["from"] or wild, opt["sport"]))
    sock.settimeout(seconds(opt["timeout"]))
    began = time.monotonic()
    try:
        sock.connect(sockaddr(address, port))
    except OSError as error:
        sock.close()
        raise Refused(f"{errname(error)} {(time.monotonic() - began) * 1000:.0f}") from None
    SOCKS[name] = sock
    return f"{(time.monotonic() - began) * 1000:.0f}"


@command
def many(address, port_, count):
    """many ADDR PORT COUNT: connects, asks and resets, one after the other; how many answered"""
    good = 0
    for _ in range(int(count)):
        with socket.socket(family(address), socket.SOCK_STREAM) as sock:
            sock.settimeout(2)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            try:
                sock.connect(sockaddr(address, port_))
                sock.sendall(b"x")
                good += sock.recv(1) == b"x"
            except OSError:
                pass
    return str(good)


@command
def manyudp(address, port_, count):
    """manyudp ADDR PORT COUNT: asks by a socket of its own each time; how many were answered"""
    good = 0
    for _ in range(int(count)):
        with socket.socket(family(address), socket.SOCK_DGRAM) as sock:
            sock.settimeout(2)
            try:
                sock.connect(sockaddr(address, port_))
                sock.send(b"x")
                good += sock.recv(1) == b"x"
            except OSError:
                pass
    return str(good)


HELD = {}


@command
def hold(name, proto, address, port_, count):
    """hold NAME tcp|udp ADDR PORT COUNT: as many connected sockets, each asked once, kept open"""
    kind = socket.SOCK_DGRAM if proto == "udp" else socket.SOCK_STREAM
    for _ in range(int(count)):
        sock = socket.socket(family(address), kind)
        sock.settimeout(seconds(5))
        sock.connect(sockaddr(address, port_))
        HELD.setdefault(name, []).append(sock)
    return askheld(name)


@command
def askheld(name):
    """askheld NAME: asks each of them again; how many"""
    for sock in HELD[name]:
        sock.sendall(b"x")
        if sock.recv(1) != b"x":
            raise Refused("EOF")
    return str(len(HELD[name]))


CHURNS = {}


class Churn(threading.Thread):
    """Connections one after the other, each asked once, until told to stop."""

    def __init__(self, address, port_):
        super().__init__(daemon=True)
        self.address, self.port = address, port_
        self.good, self.bad, self.why, self.halt = 0, 0, "", threading.Event()
        self.start()

    def run(self):
        while not self.halt.is_set():
            with socket.socket(family(self.address), socket.SOCK_STREAM) as sock:
                sock.settimeout(seconds(2))
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                try:
                    sock.connect(sockaddr(self.address, self.port))
                    sock.sendall(b"x")
                    if sock.recv(1) != b"x":
                        raise ConnectionError(0)
                    self.good += 1
                except OSError as error:
                    self.bad, self.why = self.bad + 1, errname(error)
            self.halt.wait(0.001)


@command
def churnstart(name, address, port_):
    """churnstart NAME ADDR PORT: connects, asks and resets again and again"""
    CHURNS[name] = Churn(address, port_)


@command
def churnstop(name):
    """churnstop NAME: how many connections were answered, how many were not, and why"""
    churn = CHURNS.pop(name)
    churn.halt.set()
    churn.join()
    return f"{churn.good} {churn.bad} {churn.why}".rstrip()


@command
def udp(*words):
    """udp NAME v4|v6 [from=ADDR] [sport=N] [to=ADDR] [port=N]: a UDP socket"""
    (name, version), opt = options(words, sport="0", to="", port="0", **{"from": ""})
    af = socket.AF_INET6 if version == "v6" else socket.AF_INET
    sock = socket.socket(af, socket.SOCK_DGRAM)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
    if opt["from"] or opt["sport"] != "0":
        sock.bind(sockaddr(opt["from"] or ("::" if version == "v6" else "0.0.0.0"), opt["sport"]))
    if opt["to"]:
        sock.connect(sockaddr(opt["to"], opt["port"]))
    SOCKS[name] = sock
    return str(sock.getsockname()[1])


@command
def ask(name, text="ping", timeout=2):
    """ask NAME [TEXT] [TIMEOUT]: sends on a connected socket, waits for the echo"""
    sock = pick(name)
    deadline = time.monotonic() + seconds(timeout)
    sock.settimeout(seconds(timeout))
    if sock.type == socket.SOCK_STREAM:
        sock.sendall(text.encode())
        back = read_exactly(sock, len(text.encode()), deadline)
    else:
        sock.send(text.encode())
        back = sock.recv(65536)
    if back != text.encode():
        raise Refused("EBADMSG " + repr(back))


@command
def revive(name, text, timeout=3):
    """revive NAME TEXT [TIMEOUT]: sends, reads until TEXT is the end of what was echoed"""
    sock, seen = pick(name), b""
    deadline = time.monotonic() + seconds(timeout)
    sock.settimeout(seconds(timeout))
    sock.sendall(text.encode())
    while not seen.endswith(text.encode()):
        seen += read_exactly(sock, 1, deadline)


@command
def askto(name, address, port, text="ping", timeout=2):
    """askto NAME ADDR PORT [TEXT|@BYTES] [TIMEOUT]: UDP request and echo; who answered"""
    sock = pick(name)
    data = os.urandom(int(text[1:])) if text.startswith("@") else text.encode()
    sock.settimeout(seconds(timeout))
    sock.sendto(data, sockaddr(address, port))
    deadline = time.monotonic() + seconds(timeout)
    while True:
        sock.settimeout(max(0.001, deadline - time.monotonic()))
        back, peer = sock.recvfrom(65536)
        if back == data:
            return peer[0]


@command
def sendto(name, address, port, text="ping"):
    """sendto NAME ADDR PORT [TEXT|@BYTES]: one datagram, no answer expected"""
    data = os.urandom(int(text[1:])) if text.startswith("@") else text.encode()
    pick(name).sendto(data, sockaddr(address, port))


@command
def push(name, count, shut=""):
    """push NAME BYTES [shut]: writes them all, then shuts the sending side"""
    sock = pick(name)
    sock.settimeout(60)
    left, block = int(count), b"z" * 262144
    while left > 0:
        left -= sock.send(block[:min(left, len(block))])
    if shut:
        sock.shutdown(socket.SHUT_WR)


@command
def drained(name, timeout=5):
    """drained NAME [TIMEOUT]: after push NAME N shut: waits for the other end's FIN"""
    sock = pick(name)
    sock.settimeout(seconds(timeout))
    while sock.recv(65536):
        pass


@command
def close(name):
    """close NAME"""
    sock = SOCKS.pop(name, None)
    if sock:
        sock.close()


@command
def abort(name):
    """abort NAME: closes with a RST"""
    sock = SOCKS.pop(name)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    sock.close()


@command
def ended(name, timeout=2):
    """ended NAME [TIMEOUT]: waits for the connection to end; says how"""
    sock = pick(name)
    sock.settimeout(seconds(timeout))
    try:
        data = sock.recv(1)
    except (socket.timeout, TimeoutError):
        raise Refused("ALIVE") from None
    except OSError as error:
        return errname(error)
    return "EOF" if not data else "DATA"


@command
def port(name):
    """port NAME: the local port"""
    return str(pick(name).getsockname()[1])


@command
def scan(address, ports, timeout="0.5"):
    """scan ADDR P,P,.. [TIMEOUT]: how many ports answered, and with what"""
    seen, polls = {}, []
    for one in ports.split(","):
        sock = socket.socket(family(address), socket.SOCK_STREAM)
        sock.setblocking(False)
        code = sock.connect_ex(sockaddr(address, one))
        if code not in (0, errno.EINPROGRESS):
            seen[errno.errorcode[code]] = seen.get(errno.errorcode[code], 0) + 1
            sock.close()
            continue
        polls.append(sock)
    deadline = time.monotonic() + seconds(timeout)
    while polls and time.monotonic() < deadline:
        _, ready, _ = select.select([], polls, [], max(0, deadline - time.monotonic()))
        for sock in ready:
            code = sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
            what = "open" if code == 0 else errno.errorcode[code]
            seen[what] = seen.get(what, 0) + 1
            polls.remove(sock)
            sock.close()
    seen["silent"] = len(polls)
    for sock in polls:
        sock.close()
    return " ".join(f"{k}={v}" for k, v in sorted(seen.items()))


# --- sequences: what was sent and what came ----------------------------------

SEQS = {}


class Sequence(threading.Thread):
    """Numbered datagrams at a pace, until told to stop."""

    def __init__(self, sock, target, pps):
        super().__init__(daemon=True)
        self.sock, self.target, self.pps = sock, target, float(pps)
        self.sent, self.failed, self.halt = 0, 0, threading.Event()
        self.start()

    def run(self):
        began = time.monotonic()
        while not self.halt.is_set():
            due = int((time.monotonic() - began) * self.pps) + 1
            while self.sent + self.failed < due and not self.halt.is_set():
                try:
                    self.sock.sendto(struct.pack("!Q", self.sent + self.failed), self.target)
                    self.sent += 1
                except OSError:
                    self.failed += 1
            self.halt.wait(1 / self.pps)


@command
def seqstart(name, address, port_, pps):
    """seqstart NAME ADDR PORT PPS: numbered datagrams from the UDP socket NAME"""
    SEQS[name] = Sequence(pick(name), sockaddr(address, port_), pps)


@command
def seqstop(name):
    """seqstop NAME: how many left, how many the kernel refused"""
    seq = SEQS.pop(name)
    seq.halt.set()
    seq.join()
    return f"{seq.sent} {seq.failed}"


# --- helpers of the test itself ----------------------------------------------------


@command
def notifybind(path):
    """notifybind PATH: receives what a daemon tells its NOTIFY_SOCKET"""
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    sock.bind(path)
    SOCKS[path] = sock


@command
def notifywait(path, what, timeout, pid="0"):
    """notifywait PATH READY=1 TIMEOUT [PID]: waits for that line; stops early when PID is gone"""
    sock = pick(path)
    deadline = time.monotonic() + float(timeout)
    pidfd = os.pidfd_open(int(pid)) if pid != "0" else None
    while True:
        left = deadline - time.monotonic()
        if left <= 0:
            raise Refused("TIMEOUT")
        ready = select.select([sock] + ([pidfd] if pidfd is not None else []), [], [], left)[0]
        if sock in ready:
            if what in sock.recv(4096).decode(errors="replace").split("\n"):
                return ""
        elif ready:
            raise Refused("EXITED")


@command
def now():
    """now: CLOCK_MONOTONIC in ms"""
    return f"{time.monotonic() * 1000:.0f}"


@command
def cgroup(path):
    """cgroup DIR: moves this process there"""
    with open(os.path.join(path, "cgroup.procs"), "w", encoding="ascii") as procs:
        procs.write(str(os.getpid()))


@command
def setuid(uid):
    """setuid UID: gives up root"""
    os.setgroups([])
    os.setresgid(int(uid), int(uid), int(uid))
    os.setresuid(int(uid), int(uid), int(uid))
