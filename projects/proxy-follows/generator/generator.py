"""Writes a route for every container that asks for one with VIRTUAL_HOST, anew whenever a container starts or ends."""

import http.client
import json
import os
import re
import signal
import socket
import sys
import time
import urllib.parse

SOCKET = "/engine/docker.sock"
ROUTES, CHANGED, HEALTHY = "/routes/routes.conf", "/routes/changed", "/routes/healthy"
NETWORK = "followed"
# what comes from a container goes into nginx's settings
NAME, PORT = re.compile(r"[A-Za-z0-9][A-Za-z0-9.-]*"), re.compile(r"[0-9]{1,5}")


class Engine(http.client.HTTPConnection):
    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        while True:
            try:
                return self.sock.connect(SOCKET)
            except (FileNotFoundError, ConnectionRefusedError):
                # the filter is about to start
                time.sleep(0.1)


def get(path):
    connection = Engine("engine")
    connection.request("GET", path)
    return connection.getresponse()


def document(path):
    answer = get(path)
    text = answer.read()
    if answer.status == 404:
        return None
    if answer.status != 200:
        sys.exit(f"GET {path}: HTTP {answer.status}: {text}")
    return json.loads(text)


def servers():
    """The addresses of each name."""
    found = {}
    for listed in document("/containers/json"):
        container = document(f"/containers/{listed['Id']}/json")
        if container is None:
            continue
        variables = dict(pair.split("=", 1) for pair in container["Config"]["Env"] or [] if "=" in pair)
        name, port = variables.get("VIRTUAL_HOST", ""), variables.get("VIRTUAL_PORT", "80")
        address = container["NetworkSettings"]["Networks"].get(NETWORK, {}).get("IPAddress")
        if address and NAME.fullmatch(name) and PORT.fullmatch(port):
            found.setdefault(name, []).append(f"{address}:{port}")
    return found


def settings(found):
    text = ""
    for name, addresses in sorted(found.items()):
        # one that does not listen yet is not left out for long
        lines = "".join(f"    server {address} max_fails=0;\n" for address in sorted(addresses))
        text += f"upstream {name} {{\n{lines}}}\n"
        text += f"server {{\n    listen 80;\n    server_name {name};\n"
        text += f"    location / {{\n        proxy_pass http://{name};\n    }}\n}}\n"
    return text


def write(path, text):
    with open(path + ".new", "w") as file:
        file.write(text)
    os.replace(path + ".new", path)


def follow():
    try:
        os.mkfifo(CHANGED)
    except FileExistsError:
        pass
    # a container's first process gets no default handlers: without this, a stop takes ten seconds
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    filters = urllib.parse.quote(json.dumps({"type": ["container"], "event": ["start", "die"]}))
    # the engine tells again what happened a moment ago, so that nothing is lost between its answer and the first look
    events = get(f"/events?since={int(time.time()) - 2}&filters={filters}")
    if events.status != 200:
        sys.exit(f"GET /events: HTTP {events.status}: {events.read()}")
    known = None
    while True:
        text = settings(servers())
        if text != known:
            write(ROUTES, text)
            with open(CHANGED, "w") as changed:
                changed.write("\n")
            known = text
        write(HEALTHY, "the routes follow the containers\n")
        if not events.readline():
            sys.exit("the engine's events have ended")


if __name__ == "__main__":
    follow()
