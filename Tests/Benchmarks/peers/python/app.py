"""FastAPI and asyncpg: the plain answer and the usage report."""

import json
import os
from contextlib import asynccontextmanager
from typing import Annotated

import asyncpg
import jwt
from fastapi import Depends, FastAPI, Header, HTTPException
from fastapi.responses import JSONResponse

SECRET = os.environ["SUPABASE_JWT_SECRET"]


class Connection(asyncpg.Connection):
    """Goes back into the pool as it is: a transaction leaves nothing behind here, and the reset is one more round trip,
    with a function that this role may not call."""

    def get_reset_query(self) -> str:
        return ""


@asynccontextmanager
async def lifespan(app: FastAPI):
    async with asyncpg.create_pool(
        os.environ["DATABASE_URL"], min_size=4, max_size=8, connection_class=Connection
    ) as pool:
        app.state.pool = pool
        yield


app = FastAPI(lifespan=lifespan, openapi_url=None)


async def claims(authorization: Annotated[str, Header()] = "") -> dict:
    scheme, _, token = authorization.partition(" ")
    if scheme.lower() != "bearer":
        raise HTTPException(401)
    try:
        return jwt.decode(token, SECRET, algorithms=["HS256"], audience="authenticated")
    except jwt.InvalidTokenError:
        raise HTTPException(401)


@app.get("/healthz")
async def healthz():
    return JSONResponse({"status": "ok"})


@app.get("/api/usage-report")
async def usage_report(claims: Annotated[dict, Depends(claims)]):
    async with app.state.pool.acquire() as connection, connection.transaction():
        await connection.execute(
            "select set_config('role', 'authenticated', true), set_config('request.jwt.claims', $1, true)",
            json.dumps({"sub": claims["sub"], "role": "authenticated"}),
        )
        row = await connection.fetchrow("select * from private.usage_report(null)")
    if row["outcome"] != "ok":
        raise HTTPException(403)
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
    return JSONResponse(report)
