"""A small web application whose page tells its commit and how often it was asked, which its database keeps.

/env/NAME answers with the SHA-256 of a variable: enough to compare, and nothing to read a secret off.
"""

import hashlib
import os
import signal
import socket
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

HOST, PORT = os.environ["DATABASE"].rsplit(":", 1)


def increment(key):
    with socket.create_connection((HOST, int(PORT)), timeout=5) as connection:
        connection.sendall(f"INCR {key}\r\n".encode())
        answer = connection.makefile().readline()
    if not answer.startswith(":"):
        raise OSError(f"the database said {answer!r}")
    return int(answer[1:])


def variable(name):
    value = os.environ.get(name)
    return (404, "unset") if value is None else (200, hashlib.sha256(value.encode()).hexdigest())


def page():
    try:
        return 200, f"commit {os.environ['SOURCE_VERSION']}\nvisits {increment('visits')}\n"
    except OSError as error:
        return 503, f"the database does not answer: {error}\n"


class Page(BaseHTTPRequestHandler):
    def do_GET(self):
        status, text = variable(self.path.removeprefix("/env/")) if self.path.startswith("/env/") else page()
        body = text.encode()
        self.send_response(status)
        self.send_header("Content-Type", "text/plain; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


class Server(ThreadingHTTPServer):
    # with the library's five, a moment without a processor makes the kernel try again after pauses that double
    request_queue_size = 128


if __name__ == "__main__":
    # a container's first process gets no default handlers: without this, a stop takes ten seconds
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    Server(("", 8080), Page).serve_forever()
