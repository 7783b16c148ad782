"""A small web application whose page tells the commit it was built of and the host it runs on.

/env/NAME answers with the SHA-256 of a variable: enough to compare, and nothing to read a secret off.
/take/MIB takes so much memory while it answers.
"""

import hashlib
import os
import signal
import socket
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Page(BaseHTTPRequestHandler):
    def do_GET(self):
        status, text = 200, f"commit {os.environ['SOURCE_VERSION']}\nhost {socket.gethostname()}\n"
        if self.path.startswith("/env/"):
            value = os.environ.get(self.path.removeprefix("/env/"))
            status, text = (404, "unset") if value is None else (200, hashlib.sha256(value.encode()).hexdigest())
        if self.path.startswith("/take/"):
            taken = b"x" * (int(self.path.removeprefix("/take/")) << 20)
            text = f"{len(taken)} bytes taken"
        body = text.encode()
        self.send_response(status)
        self.send_header("Content-Type", "text/plain; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


if __name__ == "__main__":
    # a container's first process gets no default handlers: without this, a stop takes ten seconds
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    ThreadingHTTPServer(("", 8080), Page).serve_forever()
