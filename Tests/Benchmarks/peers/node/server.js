// Express and node-postgres, one process a core: the plain answer and the usage report.
'use strict';

const cluster = require('node:cluster');
const { createHmac, timingSafeEqual } = require('node:crypto');
const { availableParallelism } = require('node:os');
const express = require('express');
const { Pool } = require('pg');

if (cluster.isPrimary) {
  for (let i = 0; i < availableParallelism(); i++) cluster.fork();
} else {
  serve();
}

// HS256 alone, so a dozen lines rather than a package; throws for a token that is not good.
function verify(token, secret) {
  const [header, payload, signature] = token.split('.');
  const expected = createHmac('sha256', secret).update(`${header}.${payload}`).digest();
  const given = Buffer.from(signature, 'base64url');
  if (given.length !== expected.length || !timingSafeEqual(given, expected)) throw new Error('signature');
  if (JSON.parse(Buffer.from(header, 'base64url')).alg !== 'HS256') throw new Error('algorithm');
  const claims = JSON.parse(Buffer.from(payload, 'base64url'));
  if (claims.exp <= Date.now() / 1000 || claims.aud !== 'authenticated') throw new Error('claims');
  return claims;
}

function authenticate(request, response, next) {
  try {
    const [scheme, token] = (request.get('authorization') ?? '').split(' ');
    if (scheme.toLowerCase() !== 'bearer') return response.sendStatus(401);
    request.claims = verify(token, process.env.SUPABASE_JWT_SECRET);
    next();
  } catch {
    response.sendStatus(401);
  }
}

async function usageReport(pool, claims) {
  const client = await pool.connect();
  try {
    await client.query('begin');
    await client.query({
      name: 'claims',
      text: "select set_config('role', 'authenticated', true), set_config('request.jwt.claims', $1, true)",
      values: [JSON.stringify({ sub: claims.sub, role: 'authenticated' })],
    });
    const { rows } = await client.query({ name: 'report', text: 'select * from private.usage_report(null)' });
    await client.query('commit');
    return rows[0];
  } catch (error) {
    await client.query('rollback');
    throw error;
  } finally {
    client.release();
  }
}

function serve() {
  const pool = new Pool({ max: 8, host: process.env.PGHOST, user: process.env.PGUSER, database: process.env.PGDATABASE });
  const app = express();
  app.disable('x-powered-by');
  app.disable('etag');

  app.get('/healthz', (request, response) => response.json({ status: 'ok' }));

  app.get('/api/usage-report', authenticate, async (request, response, next) => {
    try {
      const row = await usageReport(pool, request.claims);
      if (row.outcome !== 'ok') return response.sendStatus(403);
      const used = Number(row.seconds_used);
      const reserved = Number(row.seconds_reserved);
      const minutesUsed = Math.ceil(used / 60);
      response.json({
        minutesUsed,
        minutesQuota: row.minutes_quota,
        remaining: Math.max(0, row.minutes_quota - minutesUsed),
        plan: row.plan,
        secondsUsed: used,
        secondsReserved: reserved,
        secondsRemaining: 60 * row.minutes_quota - used - reserved,
        periodEnd: row.period_end ?? undefined,
      });
    } catch (error) {
      next(error);
    }
  });

  // nginx keeps its connections for a minute.
  app.listen(process.env.SOCKET).keepAliveTimeout = 75_000;
}
