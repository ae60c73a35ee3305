#!/usr/bin/python3
"""Python and psycopg2 as a CGI program: the usage report."""

import json
import os

import jwt
import psycopg2
from psycopg2.extras import RealDictCursor


def answer(status, body):
    print(f"Status: {status}\r\nContent-Type: application/json\r\n\r\n{json.dumps(body)}", end="")
    raise SystemExit


def claims():
    scheme, _, token = os.environ.get("HTTP_AUTHORIZATION", "").partition(" ")
    if scheme.lower() != "bearer":
        answer(401, {"code": "unauthorized"})
    try:
        return jwt.decode(token, os.environ["SUPABASE_JWT_SECRET"], algorithms=["HS256"], audience="authenticated")
    except jwt.InvalidTokenError:
        answer(401, {"code": "unauthorized"})


def main():
    caller = claims()
    connection = psycopg2.connect("")
    with connection, connection.cursor(cursor_factory=RealDictCursor) as cursor:
        cursor.execute(
            "select set_config('role', 'authenticated', true), set_config('request.jwt.claims', %s, true)",
            [json.dumps({"sub": caller["sub"], "role": "authenticated"})],
        )
        cursor.execute("select * from private.usage_report(null)")
        row = cursor.fetchone()
    connection.close()
    if row["outcome"] != "ok":
        answer(403, {"code": "forbidden"})
    minutes = (row["seconds_used"] + 59) // 60
    report = {
        "minutesUsed": minutes,
        "minutesQuota": row["minutes_quota"],
        "remaining": max(0, row["minutes_quota"] - minutes),
        "plan": row["plan"],
        "secondsUsed": row["seconds_used"],
        "secondsReserved": row["seconds_reserved"],
        "secondsRemaining": 60 * row["minutes_quota"] - row["seconds_used"] - row["seconds_reserved"],
    }
    if row["period_end"] is not None:
        report["periodEnd"] = row["period_end"]
    answer(200, report)


main()
