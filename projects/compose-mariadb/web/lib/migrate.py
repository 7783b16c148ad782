"""Brings the schema up to date: each file of migrations/ runs once, in the order of the numbers that they begin with."""

import sys
import time
from pathlib import Path

import pymysql

from database import connect

DEADLINE = 60


def connected():
    end = time.monotonic() + DEADLINE
    while True:
        try:
            return connect()
        except pymysql.OperationalError as error:
            if time.monotonic() > end:
                sys.exit(f"the database does not answer: {error}")
            time.sleep(0.1)


with connected() as connection, connection.cursor() as cursor:
    cursor.execute("CREATE TABLE IF NOT EXISTS migrations (version INT PRIMARY KEY)")
    cursor.execute("SELECT COALESCE(MAX(version), 0) FROM migrations")
    (current,) = cursor.fetchone()
    for file in sorted(Path("migrations").glob("*.sql")):
        version = int(file.name.split("-")[0])
        if version <= current:
            continue
        print(f"migration {file.name}", flush=True)
        for statement in filter(str.strip, file.read_text().split(";")):
            cursor.execute(statement)
        cursor.execute("INSERT INTO migrations VALUES (%s)", (version,))
