"""A small web application as they were before containers: it binds its port, goes into the background, tells its process.

Whoever starts it learns from its exit status whether it serves. Its page tells the commit that it was started with.
"""

import os
import sys
from http.server import BaseHTTPRequestHandler, HTTPServer
from socketserver import ThreadingMixIn

HERE = os.path.dirname(os.path.abspath(__file__))
PID_FILE = "/run/legacy/legacy.pid"


class Server(ThreadingMixIn, HTTPServer):
    daemon_threads = True
    request_queue_size = 128


class Page(BaseHTTPRequestHandler):
    def do_GET(self):
        body = "commit {}\n".format(COMMIT).encode()
        self.send_response(200)
        self.send_header("Content-Type", "text/plain; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


if __name__ == "__main__":
    with open(os.path.join(HERE, "REVISION")) as file:
        COMMIT = file.read().strip()
    server = Server(("", 8080), Page)
    child = os.fork()
    if child:
        with open(PID_FILE, "w") as file:
            file.write("{}\n".format(child))
        sys.exit(0)
    os.setsid()
    # whoever started it may wait for the end of these
    nowhere = os.open(os.devnull, os.O_RDWR)
    for stream in range(3):
        os.dup2(nowhere, stream)
    server.serve_forever()
