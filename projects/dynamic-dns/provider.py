"""A provider of dynamic DNS: the dyndns2 protocol over HTTP, as clients speak it.

provider.py PORT ACCOUNTS    ACCOUNTS is a JSON file: {login: {"password": ..., "names": [...]}}

/ip            the address that the asker is seen at
/nic/update    ?hostname=a,b&myip=ADDRESS with basic authentication: a line for each name
/updates       all that has been asked for, as JSON, the oldest first
"""

import base64
import json
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

with open(sys.argv[2]) as file:
    ACCOUNTS = json.load(file)
ADDRESSES, UPDATES = {}, []


class Provider(BaseHTTPRequestHandler):
    def names(self):
        """The names that whoever asks may change; nothing without a valid login."""
        kind, _, given = self.headers.get("Authorization", "").partition(" ")
        login, _, password = base64.b64decode(given).decode().partition(":") if kind == "Basic" else ("", "", "")
        account = ACCOUNTS.get(login)
        return account["names"] if account and account["password"] == password else None

    def update(self, query):
        allowed = self.names()
        if allowed is None:
            return 401, "badauth"
        address = query["myip"][0] if "myip" in query else self.client_address[0]
        lines = []
        for name in query.get("hostname", [""])[0].split(","):
            if name not in allowed:
                answer = "nohost"
            else:
                answer = f"nochg {address}" if ADDRESSES.get(name) == address else f"good {address}"
                ADDRESSES[name] = address
            UPDATES.append({"name": name, "address": address, "from": self.client_address[0], "answer": answer})
            lines.append(answer)
        return 200, "\n".join(lines)

    def do_GET(self):
        url = urlsplit(self.path)
        status, text = 404, "not found"
        if url.path == "/ip":
            status, text = 200, self.client_address[0]
        elif url.path == "/nic/update":
            status, text = self.update(parse_qs(url.query))
        elif url.path == "/updates":
            status, text = 200, json.dumps(UPDATES)
        body = f"{text}\n".encode()
        self.send_response(status)
        self.send_header("Content-Type", "text/plain")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


ThreadingHTTPServer(("", int(sys.argv[1])), Provider).serve_forever()
