#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""
shop.py - the demo's application tier: HTTP in, Redis behind.

usage: shop.py REDIS-ADDRESS. Each GET counts one more order in Redis and says
how many there are; without an answer from Redis it is a 503.
"""
import http.server
import socket
import sys

REDIS = (sys.argv[1], 6379)


def redis(*words):
    """One request, one reply line, on a connection of its own."""
    request = b"*%d\r\n" % len(words)
    for word in words:
        request += b"$%d\r\n%s\r\n" % (len(word), word)
    with socket.create_connection(REDIS, timeout=1) as sock:
        sock.sendall(request)
        return sock.makefile("rb").readline().decode().strip()


class Handler(http.server.BaseHTTPRequestHandler):
    """GET /: the number of orders so far."""

    def do_GET(self):
        try:
            status, text = 200, f"order {redis(b'INCR', b'orders').lstrip(':')} taken\n"
        except OSError as error:
            status, text = 503, f"no database: {error.strerror or error}\n"
        self.send_response(status)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text.encode())

    def log_message(self, *_):
        pass


class Server(http.server.ThreadingHTTPServer):
    address_family = socket.AF_INET6


Server(("::", 8080), Handler).serve_forever()
