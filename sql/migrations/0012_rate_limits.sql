-- Rate limits that hold over all processes and cost no round trip: the first function of a request takes from the bucket
-- of its caller before it does its work. Each is a second form of a function, with the limits as further arguments, so
-- that a server which does not know of limits goes on as before. A limit is so many a minute, all of them at once if need
-- be; null or 0 is none. What is limited is the caller that could be found out: an agent's key once it is right, a person
-- who is signed in, an address and an account where somebody wants to sign in. A wrong key costs us one look into an
-- index, and writing that down would cost more.

-- rate_limits: a bucket each, by the time at which it is full again. Unlogged: after a crash everybody begins anew.
create unlogged table private.rate_limits (
  bucket text not null
    constraint rate_limits_bucket_check check (char_length(bucket) between 1 and 200),
  full_at timestamptz not null,
  constraint rate_limits_pkey primary key (bucket)
) with (fillfactor = 50); -- nothing but updates, which stay on their page since full_at is in no index
alter table private.rate_limits enable row level security;
alter table private.rate_limits force row level security;
revoke all on table private.rate_limits from public, anon, authenticated, service_role;
-- No policy and no grant: only functions read and write it.
comment on table private.rate_limits is
  'What has been asked of late: one row for each key, person or address. Kept for minutes; see purge_rate_limits().';

-- Takes one from a bucket that holds per_minute and fills at that rate. With nothing in it: in how many seconds there is.
create function private.take(bucket text, per_minute integer, out allowed boolean, out retry_after integer)
language plpgsql volatile security definer set search_path = ''
as $function$
declare
  minute constant interval := interval '1 minute';
  one interval;
  until timestamptz;
begin
  allowed := true;
  if coalesce(take.per_minute, 0) < 1 or take.bucket is null then
    return;
  end if;
  one := minute / take.per_minute;
  -- After the wait for the row, so by the clock. A time further off than a minute is one that a clock set back has left.
  insert into private.rate_limits as r (bucket, full_at)
  values (left(take.bucket, 200), clock_timestamp() + one)
  on conflict on constraint rate_limits_pkey do update
  set full_at = one + case
    when r.full_at between clock_timestamp() and clock_timestamp() + minute then r.full_at
    else clock_timestamp()
  end
  where r.full_at not between clock_timestamp() + minute - one and clock_timestamp() + minute + interval '1 second';
  if not found then
    allowed := false;
    select r.full_at into until from private.rate_limits as r where r.bucket = left(take.bucket, 200);
    retry_after := greatest(ceil(extract(epoch from until - (minute - one) - clock_timestamp())), 1);
  end if;
end
$function$;

-- The bucket of an address. Whoever has an IPv6 address has 2^64 of them.
create function private.address_bucket(action text, address inet) returns text
language sql immutable strict set search_path = ''
as $function$
  select address_bucket.action || ' ' || case
    when family(address) = 6 and not address <<= '::ffff:0.0.0.0/96'::inet
      then network(set_masklen(address, 64))::text
    else host(address)
  end
$function$;

-- POST /api/agent/{id}/webhook, per key.
create function private.admit_agent(
  agent_id uuid, key_hash bytea, estimate_seconds integer, lease_seconds integer, conversation uuid,
  history_limit integer, per_minute integer
) returns table (
  outcome text, reservation_id uuid, held integer, name text, system_prompt text, voice_id text,
  conversation_id uuid, history text, remaining bigint, retry_after integer
)
language plpgsql volatile security definer set search_path = ''
as $function$
declare
  taken record;
begin
  select t.allowed, t.retry_after into taken
  from public.api_keys as k, private.take('key ' || k.id, admit_agent.per_minute) as t
  where k.agent_id = admit_agent.agent_id and k.key_hash = admit_agent.key_hash;
  if not taken.allowed then
    outcome := 'rate_limited';
    retry_after := taken.retry_after;
    return next;
    return;
  end if;
  return query
    select a.*, null::integer
    from private.admit_agent(
      admit_agent.agent_id, admit_agent.key_hash, admit_agent.estimate_seconds, admit_agent.lease_seconds,
      admit_agent.conversation, admit_agent.history_limit
    ) as a;
end
$function$;

-- POST /api/generate-voice, per person.
create function private.admit_user(
  workspace uuid, estimate_seconds integer, lease_seconds integer, per_minute integer
) returns table (outcome text, reservation_id uuid, held integer, remaining bigint, retry_after integer)
language plpgsql volatile security definer set search_path = ''
as $function$
declare
  taken record := private.take('speech ' || auth.uid(), admit_user.per_minute);
begin
  if not taken.allowed then
    outcome := 'rate_limited';
    retry_after := taken.retry_after;
    return next;
    return;
  end if;
  return query
    select a.*, null::integer
    from private.admit_user(admit_user.workspace, admit_user.estimate_seconds, admit_user.lease_seconds) as a;
end
$function$;

-- POST /api/create-agent, per person.
create function private.create_agent(
  workspace uuid, name text, system_prompt text, voice_id text, key_hash bytea, key_hint text, per_minute integer
) returns table (outcome text, agent_id uuid, retry_after integer)
language plpgsql volatile security definer set search_path = ''
as $function$
declare
  taken record := private.take('create-agent ' || auth.uid(), create_agent.per_minute);
begin
  if not taken.allowed then
    outcome := 'rate_limited';
    retry_after := taken.retry_after;
    return next;
    return;
  end if;
  return query
    select a.*, null::integer
    from private.create_agent(
      create_agent.workspace, create_agent.name, create_agent.system_prompt, create_agent.voice_id,
      create_agent.key_hash, create_agent.key_hint
    ) as a;
end
$function$;

-- POST /api/create-payment-link, per person: each asks the provider.
create function private.create_payment(
  workspace uuid, plan text, minutes integer, amount_minor bigint, currency text, tx_ref text, per_minute integer
) returns table (outcome text, email text, full_name text, retry_after integer)
language plpgsql volatile security definer set search_path = ''
as $function$
declare
  taken record := private.take('payment ' || auth.uid(), create_payment.per_minute);
begin
  if not taken.allowed then
    outcome := 'rate_limited';
    retry_after := taken.retry_after;
    return next;
    return;
  end if;
  return query
    select a.*, null::integer
    from private.create_payment(
      create_payment.workspace, create_payment.plan, create_payment.minutes, create_payment.amount_minor,
      create_payment.currency, create_payment.tx_ref
    ) as a;
end
$function$;

-- Signing up, per address.
create function private.sign_up(
  email text, password text, data jsonb, bcrypt_cost integer, confirm boolean, refresh_hash bytea,
  address inet, address_per_minute integer
) returns table (outcome text, user_json text, session_id uuid, retry_after integer)
language plpgsql volatile security definer set search_path = ''
as $function$
declare
  taken record := private.take(private.address_bucket('sign-up', sign_up.address), sign_up.address_per_minute);
begin
  if not taken.allowed then
    outcome := 'rate_limited';
    retry_after := taken.retry_after;
    return next;
    return;
  end if;
  return query
    select a.*, null::integer
    from private.sign_up(
      sign_up.email, sign_up.password, sign_up.data, sign_up.bcrypt_cost, sign_up.confirm, sign_up.refresh_hash
    ) as a;
end
$function$;

-- Signing in, per address and per account, known or not: before a password is looked at, and whether it is right or not,
-- or many guesses at once would all be let in.
create function private.sign_in(
  email text, password text, bcrypt_cost integer, refresh_hash bytea,
  address inet, address_per_minute integer, account_per_minute integer
) returns table (outcome text, user_json text, session_id uuid, retry_after integer)
language plpgsql volatile security definer set search_path = ''
as $function$
declare
  taken record := private.take(private.address_bucket('sign-in', sign_in.address), sign_in.address_per_minute);
begin
  if taken.allowed then
    taken := private.take(
      'account ' || encode(sha256(convert_to(lower(btrim(sign_in.email)), 'UTF8')), 'hex'), sign_in.account_per_minute
    );
  end if;
  if not taken.allowed then
    outcome := 'rate_limited';
    retry_after := taken.retry_after;
    return next;
    return;
  end if;
  return query
    select a.*, null::integer
    from private.sign_in(sign_in.email, sign_in.password, sign_in.bcrypt_cost, sign_in.refresh_hash) as a;
end
$function$;

create function private.refresh_session(
  refresh_hash bytea, new_refresh_hash bytea, reuse_seconds integer, address inet, address_per_minute integer
) returns table (outcome text, user_json text, session_id uuid, retry_after integer)
language plpgsql volatile security definer set search_path = ''
as $function$
declare
  taken record := private.take(private.address_bucket('refresh', refresh_session.address), refresh_session.address_per_minute);
begin
  if not taken.allowed then
    outcome := 'rate_limited';
    retry_after := taken.retry_after;
    return next;
    return;
  end if;
  return query
    select a.*, null::integer
    from private.refresh_session(
      refresh_session.refresh_hash, refresh_session.new_refresh_hash, refresh_session.reuse_seconds
    ) as a;
end
$function$;

-- The worker forgets buckets that are full, ten thousand at a time; call again while the count is not 0.
create function private.purge_rate_limits() returns table (count integer)
language plpgsql volatile security definer set search_path = ''
as $function$
begin
  delete from private.rate_limits as r
  where r.bucket in (
    select d.bucket
    from private.rate_limits as d
    where d.full_at not between now() and now() + interval '2 minutes'
    limit 10000
    for update skip locked
  );
  get diagnostics count = row_count;
  return next;
end
$function$;

revoke all on function
  private.take(text, integer),
  private.address_bucket(text, inet),
  private.admit_agent(uuid, bytea, integer, integer, uuid, integer, integer),
  private.admit_user(uuid, integer, integer, integer),
  private.create_agent(uuid, text, text, text, bytea, text, integer),
  private.create_payment(uuid, text, integer, bigint, text, text, integer),
  private.sign_up(text, text, jsonb, integer, boolean, bytea, inet, integer),
  private.sign_in(text, text, integer, bytea, inet, integer, integer),
  private.refresh_session(bytea, bytea, integer, inet, integer),
  private.purge_rate_limits()
  from public, anon, authenticated, service_role;
grant execute on function private.admit_agent(uuid, bytea, integer, integer, uuid, integer, integer) to callwaiting_agent;
grant execute on function private.admit_user(uuid, integer, integer, integer) to callwaiting_meter;
grant execute on function private.create_agent(uuid, text, text, text, bytea, text, integer) to authenticated;
grant execute on function private.create_payment(uuid, text, integer, bigint, text, text, integer) to callwaiting_payments;
grant execute on function
  private.sign_up(text, text, jsonb, integer, boolean, bytea, inet, integer),
  private.sign_in(text, text, integer, bytea, inet, integer, integer),
  private.refresh_session(bytea, bytea, integer, inet, integer)
  to callwaiting_auth;
grant execute on function private.purge_rate_limits() to callwaiting_worker;
