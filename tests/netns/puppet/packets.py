# SPDX-License-Identifier: Apache-2.0
"""packets.py - commands on packets made by hand: ICMP, fragments, tags, TUN."""
import array
import errno
import fcntl
import os
import select
import socket
import struct
import sys
import threading
import time

from core import SOCKS, Refused, command, family, options, pick, seconds, sockaddr

IP_RECVERR, IPV6_RECVERR = 11, 25
IP_MTU_DISCOVER, IPV6_MTU_DISCOVER = 10, 23


# --- ICMP and raw packets ------------------------------------------------------


def checksum(data):
    if len(data) % 2:
        data += b"\0"
    total = sum(array.array("H", data))
    total = (total & 0xFFFF) + (total >> 16)
    total = (total & 0xFFFF) + (total >> 16)
    return (~total & 0xFFFF).to_bytes(2, sys.byteorder)


@command
def ping(*words):
    """ping ADDR [size=56] [timeout=1] [from=ADDR] [df=0]: echo request; ms, or the error"""
    (address,), opt = options(words, size="56", timeout="1", df="0", **{"from": ""})
    six = family(address) == socket.AF_INET6
    proto = socket.IPPROTO_ICMPV6 if six else socket.IPPROTO_ICMP
    sock = socket.socket(family(address), socket.SOCK_RAW, proto)
    if opt["from"]:
        sock.bind(sockaddr(opt["from"], 0))
    level, recverr, discover = ((socket.IPPROTO_IPV6, IPV6_RECVERR, IPV6_MTU_DISCOVER) if six else
                                (socket.IPPROTO_IP, IP_RECVERR, IP_MTU_DISCOVER))
    sock.setsockopt(level, recverr, 1)
    sock.setsockopt(level, discover, 2 if opt["df"] == "1" else 0)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
    ident = int.from_bytes(os.urandom(2), "big")
    body = os.urandom(8) + b"p" * (int(opt["size"]) - 8)
    packet = struct.pack("!BBHHH", 128 if six else 8, 0, 0, ident, 1) + body
    if not six:
        packet = packet[:2] + checksum(packet) + packet[4:]
    began = time.monotonic()
    deadline = began + seconds(opt["timeout"])
    sock.sendto(packet, sockaddr(address, 0))
    while True:
        sock.settimeout(max(0.001, deadline - time.monotonic()))
        data = sock.recvfrom(65536)[0]
        data = data if six else data[(data[0] & 15) * 4:]
        if data[0] == (129 if six else 0) and data[8:] == body:
            return f"{(time.monotonic() - began) * 1000:.1f}"


@command
def uprobe(*words):
    """uprobe ADDR PORT [ttl=64] [size=8] [timeout=1] [df=0]: UDP; the ICMP error that came back"""
    (address, port_), opt = options(words, ttl="64", size="8", timeout="1", df="0")
    six = family(address) == socket.AF_INET6
    sock = socket.socket(family(address), socket.SOCK_DGRAM)
    level = socket.IPPROTO_IPV6 if six else socket.IPPROTO_IP
    sock.setsockopt(level, IPV6_RECVERR if six else IP_RECVERR, 1)
    sock.setsockopt(level, IPV6_MTU_DISCOVER if six else IP_MTU_DISCOVER, 2 if opt["df"] == "1" else 0)
    sock.setsockopt(level, socket.IPV6_UNICAST_HOPS if six else socket.IP_TTL, int(opt["ttl"]))
    sock.sendto(b"u" * int(opt["size"]), sockaddr(address, port_))
    poll = select.poll()
    poll.register(sock, select.POLLIN | select.POLLERR)
    if not poll.poll(seconds(opt["timeout"]) * 1000):
        raise Refused("TIMEOUT")
    try:
        _, ancillary, _, _ = sock.recvmsg(2048, 2048, 0x2000)  # MSG_ERRQUEUE
    except BlockingIOError:
        return f"answer {sock.recvfrom(65536)[1][0]}"
    for lvl, kind, data in ancillary:
        if lvl == level and kind in (IP_RECVERR, IPV6_RECVERR):
            code, _, icmp_type, icmp_code, _, info = struct.unpack_from("=IBBBBI", data)
            offender = data[16:]
            where = (socket.inet_ntop(socket.AF_INET6, offender[8:24]) if six else
                     socket.inet_ntoa(offender[4:8]))
            return f"{errno.errorcode[code]} type={icmp_type} code={icmp_code} from={where} info={info}"
    raise Refused("EIO")


@command
def ra(ifname, hops="255"):
    """ra IF [HOPS]: a router advertisement to all nodes, from here"""
    sock = socket.socket(socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_ICMPV6)
    sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_HOPS, int(hops))
    index = socket.if_nametoindex(ifname)
    sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_IF, index)
    sock.sendto(struct.pack("!BBHBBHII", 134, 0, 0, 64, 0, 1800, 0, 0), ("ff02::1", 0, 0, index))


def ipv4_header(src, dst, proto, length, ident=1, frag=0, opts=b"", ttl=64):
    words = 5 + len(opts) // 4
    head = struct.pack("!BBHHHBBH4s4s", 0x40 | words, 0, words * 4 + length, ident, frag, ttl, proto,
                       0, socket.inet_aton(src), socket.inet_aton(dst)) + opts
    return head[:10] + checksum(head) + head[12:]


def ipv6_header(src, dst, nexthdr, length, hops=64):
    return struct.pack("!IHBB16s16s", 6 << 28, length, nexthdr, hops,
                       socket.inet_pton(socket.AF_INET6, src), socket.inet_pton(socket.AF_INET6, dst))


def udp_packet(src, dst, sport, dport, payload):
    """A UDP header with its checksum, as the receiver will check it."""
    af = family(src)
    length = 8 + len(payload)
    head = struct.pack("!HHHH", sport, dport, length, 0)
    pseudo = socket.inet_pton(af, src) + socket.inet_pton(af, dst)
    pseudo += struct.pack("!IxxxB", length, 17) if af == socket.AF_INET6 else struct.pack("!BBH", 0, 17, length)
    total = checksum(pseudo + head + payload)
    return head[:6] + (total if total != b"\0\0" else b"\xff\xff") + payload


def raw_out(address):
    sock = socket.socket(family(address), socket.SOCK_RAW, socket.IPPROTO_RAW)
    return sock


@command
def frags(*words):
    """frags SRC DST SPORT DPORT BYTES [order=0,1,2] [mtu=1448] [id=7]: a UDP datagram in fragments"""
    (src, dst, sport, dport, size), opt = options(words, order="", mtu="1448", id="7")
    step = int(opt["mtu"]) & ~7
    whole = udp_packet(src, dst, int(sport), int(dport), b"f" * int(size))
    parts = [(at, whole[at:at + step]) for at in range(0, len(whole), step)]
    order = [int(i) for i in opt["order"].split(",")] if opt["order"] else range(len(parts))
    sock = raw_out(dst)
    for i in order:
        at, data = parts[i]
        more = at + len(data) < len(whole)
        if family(dst) == socket.AF_INET:
            packet = ipv4_header(src, dst, 17, len(data), int(opt["id"]), (0x2000 if more else 0) | at >> 3) + data
        else:
            head = struct.pack("!BBHI", 17, 0, at | (1 if more else 0), int(opt["id"]))
            packet = ipv6_header(src, dst, 44, len(data) + 8) + head + data
        sock.sendto(packet, sockaddr(dst, 0))
    return str(len(parts))


@command
def ipraw(src, dst, proto, payload="", opts=""):
    """ipraw SRC DST PROTO [HEX] [HEX IPv4 options]: one packet, header and all"""
    data = bytes.fromhex(payload)
    if family(dst) == socket.AF_INET:
        packet = ipv4_header(src, dst, int(proto), len(data), opts=bytes.fromhex(opts)) + data
    else:
        packet = ipv6_header(src, dst, int(proto), len(data)) + data
    raw_out(dst).sendto(packet, sockaddr(dst, 0))


@command
def udpraw(*words):
    """udpraw SRC DST SPORT DPORT TEXT [opts=HEX] [ext=HEX] [eh=N]: UDP with options or extension headers"""
    (src, dst, sport, dport, text), opt = options(words, opts="", ext="", eh="0")
    data = udp_packet(src, dst, int(sport), int(dport), text.encode())
    if family(dst) == socket.AF_INET:
        packet = ipv4_header(src, dst, 17, len(data), opts=bytes.fromhex(opt["opts"])) + data
    else:
        ext = bytes.fromhex(opt["ext"])
        packet = ipv6_header(src, dst, int(opt["eh"]) if ext else 17, len(ext) + len(data)) + ext + data
    raw_out(dst).sendto(packet, sockaddr(dst, 0))


@command
def tcpraw(src, dst, sport, dport, flags, seq="1", ack="0", payload=""):
    """tcpraw SRC DST SPORT DPORT FLAGS(hex) [SEQ ACK TEXT]: one TCP segment"""
    head = struct.pack("!HHIIBBHHH", int(sport), int(dport), int(seq), int(ack), 0x50, int(flags, 16), 1024, 0, 0)
    data = head + payload.encode()
    af = family(src)
    pseudo = socket.inet_pton(af, src) + socket.inet_pton(af, dst)
    pseudo += struct.pack("!IxxxB", len(data), 6) if af == socket.AF_INET6 else struct.pack("!BBH", 0, 6, len(data))
    data = data[:16] + checksum(pseudo + data) + data[18:]
    head = (ipv6_header(src, dst, 6, len(data)) if af == socket.AF_INET6 else
            ipv4_header(src, dst, 6, len(data)))
    raw_out(dst).sendto(head + data, sockaddr(dst, 0))


@command
def synflood(dst, dport, count, prefix="198.18"):
    """synflood DST DPORT COUNT [PREFIX]: SYNs from COUNT spoofed addresses PREFIX.x.y"""
    sock = raw_out(dst)
    for i in range(int(count)):
        src = f"{prefix}.{(i >> 8) & 255}.{i & 255}"
        head = struct.pack("!HHIIBBHHH", 1024 + (i >> 16), int(dport), i, 0, 0x50, 2, 1024, 0, 0)
        pseudo = socket.inet_aton(src) + socket.inet_aton(dst) + struct.pack("!BBH", 0, 6, len(head))
        head = head[:16] + checksum(pseudo + head) + head[18:]
        sock.sendto(ipv4_header(src, dst, 6, len(head), i & 0xFFFF) + head, (dst, 0))


@command
def frame(ifname, text):
    """frame IF HEX: one link-layer frame as it stands"""
    sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
    sock.bind((ifname, 0))
    sock.send(bytes.fromhex(text))


@command
def vlanudp(ifname, dmac, tags, src, dst, sport, dport, text):
    """vlanudp IF DMAC TPID:TCI[,..] SRC DST SPORT DPORT TEXT: UDP over IPv4 behind inline VLAN tags"""
    sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
    sock.bind((ifname, 0))
    smac = sock.getsockname()[4]
    data = udp_packet(src, dst, int(sport), int(dport), text.encode())
    out = bytes.fromhex(dmac.replace(":", "")) + smac
    for tag in tags.split(","):
        tpid, tci = tag.split(":")
        out += struct.pack("!HH", int(tpid, 16), int(tci))
    sock.send(out + b"\x08\x00" + ipv4_header(src, dst, 17, len(data)) + data)


def bad_packet(kind, src, dst):
    """The packet KIND stands for: (EtherType, bytes)."""
    six = ":" in dst
    udp = udp_packet(src, dst, 999, 53, b"bad")

    def ip4(payload, proto=17, source=src, **more):
        return 0x0800, ipv4_header(source, dst, proto, len(payload), **more) + payload

    def ip6(payload, nexthdr=17, source=src):
        return 0x86DD, ipv6_header(source, dst, nexthdr, len(payload)) + payload

    if kind == "header-cut":
        ethertype, data = ip6(udp) if six else ip4(udp)
        return ethertype, data[:14]
    if kind == "length-beyond":
        ethertype, data = ip6(udp) if six else ip4(udp)
        at = 4 if six else 2
        return ethertype, data[:at] + struct.pack("!H", 1400) + data[at + 2:]
    if kind == "header-words":
        return 0x0800, b"\x42" + ip4(udp)[1][1:]
    if kind == "ports-cut":
        return ip6(udp[:4]) if six else ip4(udp[:4])
    if kind in ("source-self", "source-loopback", "source-multicast"):
        source = {"source-self": dst, "source-loopback": "::1" if six else "127.0.0.1",
                  "source-multicast": "ff02::9" if six else "239.1.1.1"}[kind]
        data = udp_packet(source, dst, 999, 53, b"bad")
        return ip6(data, source=source) if six else ip4(data, source=source)
    if kind == "v4-mapped":
        return ip6(udp, source="::ffff:10.77.0.11")
    if kind == "source-route":
        if six:  # routing header type 0 with one address to go
            return ip6(bytes([17, 2, 0, 1, 0, 0, 0, 0]) + socket.inet_pton(socket.AF_INET6, dst) + udp, 43)
        return ip4(udp, opts=bytes([131, 7, 8]) + socket.inet_aton(src) + b"\0")
    if kind == "many-headers":
        ext = b"".join(bytes([60, 0, 1, 4, 0, 0, 0, 0]) for _ in range(23))
        return ip6(ext + bytes([17, 0, 1, 4, 0, 0, 0, 0]) + udp, 60)
    if kind == "first-fragment-short":
        if six:
            return ip6(struct.pack("!BBHI", 17, 0, 1, 9) + udp[:2], 44)
        return ip4(udp[:2], frag=0x2000)
    if kind == "first-fragment-tcp":
        tcp = struct.pack("!HHI", 999, 80, 1)
        return ip6(struct.pack("!BBHI", 6, 0, 1, 9) + tcp, 44) if six else ip4(tcp, proto=6, frag=0x2000)
    if kind == "later-fragment":
        return ip6(struct.pack("!BBHI", 17, 0, 8, 9) + udp, 44) if six else ip4(udp, frag=0x0001)
    if kind == "not-ip":
        return 0x88CC, bytes(40)
    raise Refused("EINVAL no such packet")


@command
def vlanbad(ifname, dmac, tags, kind, src, dst):
    """vlanbad IF DMAC TPID:TCI[,..] KIND SRC DST: a malformed packet behind inline VLAN tags"""
    ethertype, data = bad_packet(kind, src, dst)
    out = b"".join(struct.pack("!HH", int(t.split(":")[0], 16), int(t.split(":")[1])) for t in tags.split(","))
    sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
    sock.bind((ifname, 0))
    sock.send(bytes.fromhex(dmac.replace(":", "")) + sock.getsockname()[4] + out +
              struct.pack("!H", ethertype) + data)


@command
def bad(ifname, dmac, kind, src, dst, count="1"):
    """bad IF DMAC KIND SRC DST [COUNT]: a malformed packet, by its name in bad_packet()"""
    sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
    sock.bind((ifname, 0))
    ethertype, data = bad_packet(kind, src, dst)
    head = bytes.fromhex(dmac.replace(":", "")) + sock.getsockname()[4] + struct.pack("!H", ethertype)
    for _ in range(int(count)):
        sock.send(head + data)


@command
def rawlisten(name, version, proto):
    """rawlisten NAME v4|v6 PROTO: a raw socket for an IP protocol"""
    af = socket.AF_INET6 if version == "v6" else socket.AF_INET
    SOCKS[name] = socket.socket(af, socket.SOCK_RAW, int(proto))


@command
def rawgot(name, timeout=1):
    """rawgot NAME [TIMEOUT]: waits for one packet; its sender"""
    sock = pick(name)
    sock.settimeout(seconds(timeout))
    return sock.recvfrom(65536)[1][0]


@command
def join(name, group, port_, ifname):
    """join NAME GROUP PORT IF: a UDP socket in a multicast group"""
    af = family(group)
    sock = socket.socket(af, socket.SOCK_DGRAM)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    index = socket.if_nametoindex(ifname)
    if af == socket.AF_INET6:
        sock.bind(("::", int(port_)))
        sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_JOIN_GROUP,
                        socket.inet_pton(af, group) + struct.pack("@I", index))
    else:
        sock.bind(("0.0.0.0", int(port_)))
        sock.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP,
                        struct.pack("=4s4si", socket.inet_aton(group), b"\0" * 4, index))
    SOCKS[name] = sock


# --- TUN: a device without a link-layer header ------------------------------------


def answer_tun(packet):
    """The echo a routed host behind the device would give, or None."""
    if packet[0] >> 4 == 4:
        head, data = packet[:20], packet[20:]
        back = ipv4_header(socket.inet_ntoa(head[16:20]), socket.inet_ntoa(head[12:16]), head[9], len(data))
    else:
        head, data = packet[:40], packet[40:]
        src, dst = head[8:24], head[24:40]
        back = head[:8] + dst + src
    proto = head[9] if packet[0] >> 4 == 4 else head[6]
    if proto == 17:
        return back + data[2:4] + data[0:2] + data[4:]
    if proto in (1, 58) and data[0] in (8, 128):
        reply = bytes([0 if proto == 1 else 129]) + data[1:2] + b"\0\0" + data[4:]
        pseudo = b"" if proto == 1 else back[8:40] + struct.pack("!IxxxB", len(reply), 58)
        return back + reply[:2] + checksum(pseudo + reply) + reply[4:]
    return None


@command
def tun(ifname):
    """tun IF: opens (makes) the TUN device and answers echo requests and UDP on it"""
    fd = os.open("/dev/net/tun", os.O_RDWR)
    fcntl.ioctl(fd, 0x400454CA, struct.pack("16sH22x", ifname.encode(), 0x1001))
    SOCKS["tun:" + ifname] = os.fdopen(fd, "rb", buffering=0)

    def loop():
        while True:
            try:
                reply = answer_tun(os.read(fd, 65536))
                if reply:
                    os.write(fd, reply)
            except OSError:
                return

    threading.Thread(target=loop, daemon=True).start()


@command
def tunsend(ifname, src, dst, sport, dport, text):
    """tunsend IF SRC DST SPORT DPORT TEXT: UDP that arrives on the TUN device"""
    data = udp_packet(src, dst, int(sport), int(dport), text.encode())
    head = ipv6_header(src, dst, 17, len(data)) if ":" in src else ipv4_header(src, dst, 17, len(data))
    os.write(SOCKS["tun:" + ifname].fileno(), head + data)
