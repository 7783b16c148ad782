"""A small web application whose page tells its commit, its schema, and since when its database remembers visits."""

import os
import signal
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pymysql

sys.path.insert(0, "lib")
from database import connect


def page():
    with connect() as connection, connection.cursor() as cursor:
        cursor.execute("INSERT INTO visits () VALUES ()")
        cursor.execute("SELECT MIN(at) FROM visits")
        (since,) = cursor.fetchone()
        cursor.execute("SELECT MAX(version) FROM migrations")
        (schema,) = cursor.fetchone()
        cursor.execute("SHOW COLUMNS FROM visits")
        columns = " ".join(column[0] for column in cursor.fetchall())
    return f"commit {os.environ['SOURCE_VERSION']}\nschema {schema}\nsince {since}\ncolumns {columns}\n"


class Page(BaseHTTPRequestHandler):
    def do_GET(self):
        try:
            status, text = 200, page()
        except pymysql.Error as error:
            status, text = 503, f"the database does not answer: {error}\n"
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
