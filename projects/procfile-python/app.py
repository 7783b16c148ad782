"""A Flask application whose page tells the commit it was built of.

/env/NAME answers with the SHA-256 of a variable: enough to compare, and nothing to read a secret off.
"""

import hashlib
import os

from flask import Flask

app = Flask(__name__)


@app.get("/")
def page():
    body = f"commit {os.environ['SOURCE_VERSION']}\nby Flask\n"
    return body, {"Content-Type": "text/plain; charset=utf-8"}


@app.get("/env/<name>")
def variable(name):
    value = os.environ.get(name)
    return ("unset", 404) if value is None else hashlib.sha256(value.encode()).hexdigest()
