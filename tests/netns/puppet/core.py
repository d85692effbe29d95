# SPDX-License-Identifier: Apache-2.0
"""core.py - the table of commands, and what every command uses."""
import errno
import os
import socket
import time

COMMANDS = {}
SOCKS = {}
# Emulated machines are slow; what is waited for without coming costs this much more as well.
SCALE = max(1.0, float(os.environ.get("ZT_TIME_SCALE", "1")) / 4)


class Refused(Exception):
    """An answer of "err", with the text after it."""


def command(function):
    COMMANDS[function.__name__.rstrip("_")] = function
    return function


def family(address):
    return socket.AF_INET6 if ":" in address else socket.AF_INET


def sockaddr(address, port):
    """The tuple bind and connect take; ADDR%IF gives the scope of a link-local."""
    if ":" not in address:
        return (address, int(port))
    host, _, scope = address.partition("%")
    return (host, int(port), 0, socket.if_nametoindex(scope) if scope else 0)


def options(words, **defaults):
    """Splits "name=value" words off; returns (rest, values)."""
    rest, values = [], dict(defaults)
    for word in words:
        name, sep, value = word.partition("=")
        if sep and name in values:
            values[name] = value
        else:
            rest.append(word)
    return rest, values


def seconds(text):
    """A time limit that the test gave."""
    return float(text) * SCALE


def errname(error):
    if isinstance(error, (socket.timeout, TimeoutError)) and not error.errno:
        return "TIMEOUT"
    return errno.errorcode.get(error.errno, str(error.errno))


def pick(name):
    if name not in SOCKS:
        raise Refused(f"ENOENT no socket {name}")
    return SOCKS[name]


def read_exactly(sock, count, deadline):
    data = b""
    while len(data) < count:
        left = deadline - time.monotonic()
        if left <= 0:
            raise Refused("TIMEOUT")
        sock.settimeout(left)
        part = sock.recv(min(65536, count - len(data)))
        if not part:
            raise Refused("EOF")
        data += part
    return data
