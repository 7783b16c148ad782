"""The way to the database."""

import os

import pymysql

HOST, PORT = os.environ["DATABASE"].rsplit(":", 1)


def connect():
    return pymysql.connect(host=HOST, port=int(PORT), user="app", database="app", autocommit=True, connect_timeout=5)
