"""A Flask application whose page tells the commit it was built of."""

import os

from flask import Flask

app = Flask(__name__)


@app.get("/")
def page():
    body = f"commit {os.environ['SOURCE_VERSION']}\nby Flask\n"
    return body, {"Content-Type": "text/plain; charset=utf-8"}
