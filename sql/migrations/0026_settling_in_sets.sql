-- Settling was half of what a reply costs the database: seven rows of six tables, most with a statement of their own. Replies
-- that end together are settled together now: every statement is run once for all of them, and they wait for the disk once.

-- Charges what was made, frees the holds and writes the ledger, the sound files and the exchanges, for all of these
-- reservations or for none. The arrays go together by position, and one that is null is null in every position;
-- audio_expires is in seconds since 1970. Each reservation gets the receipt that it would get if they were settled one after
-- another. Again with the same reservation: the same receipt, and nothing else happens. What was admitted under a key is
-- kept for whoever repeats the request.
create function private.settle_set(
  reservation_ids uuid[], milliseconds bigint[], kinds text[], cost_cents integer[], metas jsonb[],
  audio_ids bytea[], audio_bytes bigint[], audio_expires double precision[], user_messages text[], reply_texts text[]
) returns table (
  reservation_id uuid, outcome text, usage_id uuid, charged integer, reserved bigint, remaining bigint
)
language plpgsql volatile security definer
set search_path = ''
-- A set is a few rows, each found by its index in tables of millions, which no statistics of an array's length tell.
set plan_cache_mode = force_generic_plan set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off
as $function$
#variable_conflict use_column
begin
  -- Keys before workspaces, as admission has it, and each in one order, so that no two sets wait for each other. What is
  -- held by a workspace changes only under its lock: it is read by a statement that begins when all are had.
  perform
  from private.idempotency_keys as k
  where k.reservation_id = any (settle_set.reservation_ids)
  order by k.scope, k.key_hash
  for update;
  perform
  from public.workspaces as w
  where w.id = any (array(
    select r.workspace_id from public.usage_reservations as r where r.id = any (settle_set.reservation_ids)
  ))
  order by w.id
  for no key update;

  return query
  with made as (
    select distinct on (m.id) m.*, greatest(coalesce(m.length, 0), 0) as spoken, to_timestamp(m.expiry) as expires
    from unnest(
      settle_set.reservation_ids, settle_set.milliseconds, settle_set.kinds, settle_set.cost_cents, settle_set.metas,
      settle_set.audio_ids, settle_set.audio_bytes, settle_set.audio_expires, settle_set.user_messages,
      settle_set.reply_texts
    ) with ordinality as m (
      id, length, kind, cost, meta, audio_id, bytes, expiry, user_message, reply_text, turn
    )
    order by m.id, m.turn
  ),
  asked as (
    select m.*, r.workspace_id, r.agent_id, r.user_id, r.conversation_id, r.state,
      r.usage_id as earlier_usage, r.seconds_charged, r.reserved_after, r.remaining_after,
      coalesce(r.state in ('held', 'expired'), false) as is_due,
      case r.state when 'held' then r.seconds_held else 0 end as freed,
      least(m.spoken / 1000 + (m.spoken % 1000 > 0)::integer, 2147483647)::integer as wanted
    from made as m
    left join public.usage_reservations as r on r.id = m.id
  ),
  metered as (
    select a.*, w.minutes_quota::bigint * 60 - w.seconds_used - w.seconds_reserved as unspent,
      w.seconds_reserved - sum(a.freed) over so_far as reserved, sum(a.freed - a.wanted) over so_far as surplus
    from asked as a
    join public.workspaces as w on w.id = a.workspace_id
    where a.is_due
    window so_far as (partition by a.workspace_id order by a.turn)
  ),
  -- Nobody pays more than there is: what remains never falls below zero, and what would have been below it at its lowest
  -- so far is not owed later either.
  capped as (
    select m.*, m.unspent + m.surplus - least(m.unspent + min(m.surplus) over so_far, 0) as remaining
    from metered as m
    window so_far as (partition by m.workspace_id order by m.turn)
  ),
  settled as materialized (
    select c.*, gen_random_uuid() as usage_id,
      (coalesce(lag(c.remaining) over so_far, c.unspent) + c.freed - c.remaining)::integer as charged
    from capped as c
    window so_far as (partition by c.workspace_id order by c.turn)
  ),
  logged as (
    insert into public.usage_logs (id, workspace_id, agent_id, user_id, kind, seconds, cost_cents, meta)
    select s.usage_id, s.workspace_id, s.agent_id, s.user_id, s.kind, s.charged, coalesce(s.cost, 0),
      coalesce(s.meta, '{}') || jsonb_build_object('milliseconds', s.spoken)
    from settled as s
    order by s.turn
  ),
  charged as (
    update public.workspaces as w
    set seconds_used = w.seconds_used + s.charged,
      seconds_reserved = w.seconds_reserved - s.freed
    from (
      select s.workspace_id, sum(s.charged) as charged, sum(s.freed) as freed from settled as s group by s.workspace_id
    ) as s
    where w.id = s.workspace_id
  ),
  ended as (
    update public.usage_reservations as r
    set state = 'settled',
      usage_id = s.usage_id,
      seconds_charged = s.charged,
      reserved_after = s.reserved,
      remaining_after = s.remaining
    from settled as s
    where r.id = s.id
  ),
  recorded as (
    insert into public.audio_files (id, workspace_id, bytes, expires_at)
    select s.audio_id, s.workspace_id, coalesce(s.bytes, 0), coalesce(s.expires, now() + interval '1 day')
    from settled as s
    where s.audio_id is not null
  ),
  spoken_in as (
    insert into public.conversations (id, workspace_id, agent_id)
    select distinct on (s.conversation_id) s.conversation_id, s.workspace_id, s.agent_id
    from settled as s
    where s.conversation_id is not null
    order by s.conversation_id
    on conflict (id) do update set last_message_at = now()
  ),
  exchanged as (
    insert into public.messages (conversation_id, role, content)
    select s.conversation_id, m.role, left(m.content, 65536)
    from settled as s
    cross join lateral (
      values (1, 'user', s.user_message), (2, 'assistant', s.reply_text)
    ) as m (side, role, content)
    where s.conversation_id is not null and m.content <> ''
    order by s.turn, m.side
  ),
  answered as (
    update private.idempotency_keys as k
    set answered_at = now(),
      milliseconds = s.length,
      audio_id = s.audio_id,
      audio_expires = s.expires,
      reply_text = s.reply_text
    from settled as s
    where k.reservation_id = s.id
  )
  select s.id, 'settled', s.usage_id, s.charged, s.reserved, s.remaining
  from settled as s
  union all
  select a.id, case a.state when 'settled' then 'already_settled' else 'unknown' end, a.earlier_usage, a.seconds_charged,
    a.reserved_after, a.remaining_after
  from asked as a
  where not a.is_due;
end
$function$;

revoke all on function private.settle_set(
  uuid[], bigint[], text[], integer[], jsonb[], bytea[], bigint[], double precision[], text[], text[]
) from public, anon, authenticated, service_role;
grant execute on function private.settle_set(
  uuid[], bigint[], text[], integer[], jsonb[], bytea[], bigint[], double precision[], text[], text[]
) to callwaiting_meter;

-- A set of one, for the release before this one and for whoever looks at a single step.
create or replace function private.settle(
  reservation_id uuid, milliseconds bigint, kind text, cost_cents integer, meta jsonb,
  audio_id bytea, audio_bytes bigint, audio_expires timestamptz, user_message text, reply_text text
) returns table (outcome text, usage_id uuid, charged integer, reserved bigint, remaining bigint)
language plpgsql volatile security definer set search_path = ''
as $function$
begin
  return query
  select s.outcome, s.usage_id, s.charged, s.reserved, s.remaining
  from private.settle_set(
    array[settle.reservation_id], array[settle.milliseconds], array[settle.kind], array[settle.cost_cents],
    array[settle.meta], array[settle.audio_id], array[settle.audio_bytes],
    array[extract(epoch from settle.audio_expires)::double precision],
    array[settle.user_message], array[settle.reply_text]
  ) as s;
end
$function$;

-- The same: a set knows of its keys by itself. private.keep_exchange, which nothing calls from now on, stays for what is being
-- settled while this is applied.
create or replace function private.settle_answer(
  reservation_id uuid, milliseconds bigint, kind text, cost_cents integer, meta jsonb,
  audio_id bytea, audio_bytes bigint, audio_expires timestamptz, user_message text, reply_text text
) returns table (outcome text, usage_id uuid, charged integer, reserved bigint, remaining bigint)
language plpgsql volatile security definer set search_path = ''
as $function$
begin
  return query
  select s.*
  from private.settle(
    settle_answer.reservation_id, settle_answer.milliseconds, settle_answer.kind, settle_answer.cost_cents,
    settle_answer.meta, settle_answer.audio_id, settle_answer.audio_bytes, settle_answer.audio_expires,
    settle_answer.user_message, settle_answer.reply_text
  ) as s;
end
$function$;
