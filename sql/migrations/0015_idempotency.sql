-- Idempotency-Key: a request that is repeated under its key has effect once. The key is claimed by the function that
-- admits and answered by the one that settles, so it costs no round trip; a request without one goes through the forms
-- of before and costs nothing.
--
--   (none) ──▶ running ──▶ answered, for 24 hours
--                │ the request failed: nothing was charged, and the key is forgotten
--                │ the process died: after claimed_until whoever repeats it takes it over, and what the dead one may
--                ▼ still settle is taken from it first
--
-- Whoever needs a key's row and a workspace's locks the key first.

-- idempotency_keys: what was asked under a key, and what came of it.
create table private.idempotency_keys (
  scope text not null
    constraint idempotency_keys_scope_check check (char_length(scope) between 1 and 100),
  key_hash bytea not null
    constraint idempotency_keys_key_hash_check check (octet_length(key_hash) = 32),
  fingerprint bytea not null
    constraint idempotency_keys_fingerprint_check check (octet_length(fingerprint) = 32),
  created_at timestamptz not null default now(),
  claimed_until timestamptz not null,
  reservation_id uuid,
  tx_ref text,
  answered_at timestamptz,
  milliseconds bigint,
  audio_id bytea,
  audio_expires timestamptz,
  reply_text text,
  constraint idempotency_keys_pkey primary key (scope, key_hash),
  constraint idempotency_keys_reservation_id_key unique (reservation_id),
  constraint idempotency_keys_tx_ref_key unique (tx_ref),
  constraint idempotency_keys_effect_check check (num_nonnulls(reservation_id, tx_ref) <= 1)
);
create index idempotency_keys_created_at_idx on private.idempotency_keys (created_at);
alter table private.idempotency_keys enable row level security;
alter table private.idempotency_keys force row level security;
revoke all on table private.idempotency_keys from public, anon, authenticated, service_role;
-- No policy and no grant: only functions read and write it.
comment on table private.idempotency_keys is
  'Requests with an Idempotency-Key: SHA-256 of the key, per agent or person, and of what was asked. For 24 hours.';
comment on column private.idempotency_keys.reservation_id is
  'Of a reply: its receipt is there. No foreign key: reservations are cleared away later than keys.';
comment on column private.idempotency_keys.tx_ref is 'Of a payment link: the link is in subscriptions.';

-- Takes what a dead request might still settle from it: after this a late settle finds nothing.
create function private.abandon_hold(reservation_id uuid) returns void
language plpgsql volatile security definer set search_path = ''
as $function$
declare
  hold record;
begin
  perform from public.workspaces as w
  where w.id = (select r.workspace_id from public.usage_reservations as r where r.id = abandon_hold.reservation_id)
  for no key update;
  select r.workspace_id, r.state, r.seconds_held into hold
  from public.usage_reservations as r
  where r.id = abandon_hold.reservation_id
  for update;
  if hold.state in ('held', 'expired') then
    update public.usage_reservations as r set state = 'released' where r.id = abandon_hold.reservation_id;
  end if;
  if hold.state = 'held' then
    update public.workspaces as w
    set seconds_reserved = w.seconds_reserved - hold.seconds_held
    where w.id = hold.workspace_id;
  end if;
end
$function$;

-- Claims a key for a request. outcome: claimed, replayed (known is its answer), idempotency_conflict (it was another
-- request's) or idempotency_running (it is this request's, and somebody is at it).
create function private.claim_key(
  scope text, key_hash bytea, fingerprint bytea, lease_seconds integer,
  out outcome text, out known private.idempotency_keys
)
language plpgsql volatile security definer set search_path = ''
as $function$
declare
  until timestamptz := clock_timestamp()
    + make_interval(secs => least(greatest(coalesce(claim_key.lease_seconds, 1), 1), 86400));
begin
  insert into private.idempotency_keys as k (scope, key_hash, fingerprint, claimed_until)
  values (claim_key.scope, claim_key.key_hash, claim_key.fingerprint, until)
  on conflict on constraint idempotency_keys_pkey do nothing;
  if found then
    outcome := 'claimed';
    return;
  end if;

  select k.* into known
  from private.idempotency_keys as k
  where k.scope = claim_key.scope and k.key_hash = claim_key.key_hash
  for update;
  outcome := case
    when known.scope is null then 'idempotency_running' -- forgotten just now
    when known.created_at <= now() - interval '24 hours' and known.claimed_until <= clock_timestamp() then 'claimed'
    when known.fingerprint <> claim_key.fingerprint then 'idempotency_conflict'
    when known.answered_at is not null then 'replayed'
    when known.claimed_until > clock_timestamp() then 'idempotency_running'
    else 'claimed'
  end;
  if outcome = 'claimed' then
    if known.answered_at is null and known.reservation_id is not null then
      perform private.abandon_hold(known.reservation_id);
    end if;
    update private.idempotency_keys as k
    set fingerprint = claim_key.fingerprint, created_at = now(), claimed_until = until, reservation_id = null,
      tx_ref = null, answered_at = null, milliseconds = null, audio_id = null, audio_expires = null, reply_text = null
    where k.scope = claim_key.scope and k.key_hash = claim_key.key_hash;
  end if;
end
$function$;

create function private.forget_key(scope text, key_hash bytea) returns void
language plpgsql volatile security definer set search_path = ''
as $function$
begin
  delete from private.idempotency_keys as k where k.scope = forget_key.scope and k.key_hash = forget_key.key_hash;
end
$function$;

-- POST /api/generate-voice with an Idempotency-Key.
create function private.admit_user(
  workspace uuid, estimate_seconds integer, lease_seconds integer, per_minute integer, idempotency_key bytea,
  fingerprint bytea
) returns table (
  outcome text, reservation_id uuid, held integer, remaining bigint, retry_after integer,
  usage_id uuid, charged integer, reserved bigint, milliseconds bigint, audio_id bytea, audio_expires bigint
)
language plpgsql volatile security definer set search_path = ''
as $function$
declare
  owner constant text := 'user ' || auth.uid();
  taken record := private.take('speech ' || auth.uid(), admit_user.per_minute);
  claim record;
begin
  if not taken.allowed then
    outcome := 'rate_limited';
    retry_after := taken.retry_after;
    return next;
    return;
  end if;
  if private.acting_workspace(admit_user.workspace, array['owner', 'admin', 'member']) is null then
    outcome := 'forbidden';
    return next;
    return;
  end if;

  claim := private.claim_key(
    owner, admit_user.idempotency_key, admit_user.fingerprint, admit_user.lease_seconds
  );
  if claim.outcome = 'replayed' then
    select r.usage_id, r.seconds_charged, r.reserved_after, r.remaining_after
    into admit_user.usage_id, charged, reserved, admit_user.remaining
    from public.usage_reservations as r
    where r.id = (claim.known).reservation_id;
    milliseconds := (claim.known).milliseconds;
    audio_id := (claim.known).audio_id;
    audio_expires := extract(epoch from (claim.known).audio_expires);
  end if;
  if claim.outcome <> 'claimed' then
    outcome := claim.outcome;
    return next;
    return;
  end if;

  select a.outcome, a.reservation_id, a.held, a.remaining
  into admit_user.outcome, admit_user.reservation_id, admit_user.held, admit_user.remaining
  from private.admit_user(admit_user.workspace, admit_user.estimate_seconds, admit_user.lease_seconds) as a;
  if outcome = 'ok' then
    update private.idempotency_keys as k
    set reservation_id = admit_user.reservation_id
    where k.scope = owner and k.key_hash = admit_user.idempotency_key;
  else
    perform private.forget_key(owner, admit_user.idempotency_key);
  end if;
  return next;
end
$function$;

-- Settles what was admitted under a key, and keeps the answer for whoever repeats the request.
create function private.settle_answer(
  reservation_id uuid, milliseconds bigint, kind text, cost_cents integer, meta jsonb,
  audio_id bytea, audio_bytes bigint, audio_expires timestamptz, user_message text, reply_text text
) returns table (outcome text, usage_id uuid, charged integer, reserved bigint, remaining bigint)
language plpgsql volatile security definer set search_path = ''
as $function$
begin
  perform from private.idempotency_keys as k where k.reservation_id = settle_answer.reservation_id for update;
  select s.* into settle_answer.outcome, settle_answer.usage_id, charged, reserved, remaining
  from private.settle(
    settle_answer.reservation_id, settle_answer.milliseconds, settle_answer.kind, settle_answer.cost_cents,
    settle_answer.meta, settle_answer.audio_id, settle_answer.audio_bytes, settle_answer.audio_expires,
    settle_answer.user_message, settle_answer.reply_text
  ) as s;
  if outcome = 'settled' then
    update private.idempotency_keys as k
    set answered_at = now(),
      milliseconds = settle_answer.milliseconds,
      audio_id = settle_answer.audio_id,
      audio_expires = settle_answer.audio_expires,
      reply_text = settle_answer.reply_text
    where k.reservation_id = settle_answer.reservation_id;
  end if;
  return next;
end
$function$;

-- Releases what was admitted under a key, and forgets the key: the request may be repeated at once.
create function private.release_answer(reservation_id uuid) returns table (outcome text)
language plpgsql volatile security definer set search_path = ''
as $function$
begin
  delete from private.idempotency_keys as k
  where k.reservation_id = release_answer.reservation_id and k.answered_at is null;
  return query select r.outcome from private.release(release_answer.reservation_id) as r;
end
$function$;

-- POST /api/create-payment-link with an Idempotency-Key. What was taken over begins anew, with a reference of its own: nobody has the link of
-- the one before.
create function private.create_payment(
  workspace uuid, plan text, minutes integer, amount_minor bigint, currency text, tx_ref text, per_minute integer,
  lease_seconds integer, idempotency_key bytea, fingerprint bytea
) returns table (
  outcome text, email text, full_name text, retry_after integer, known_tx_ref text, payment_link text
)
language plpgsql volatile security definer set search_path = ''
as $function$
declare
  owner constant text := 'user ' || auth.uid();
  taken record := private.take('payment ' || auth.uid(), create_payment.per_minute);
  claim record;
begin
  if not taken.allowed then
    outcome := 'rate_limited';
    retry_after := taken.retry_after;
    return next;
    return;
  end if;
  if private.acting_workspace(create_payment.workspace, array['owner', 'admin']) is null then
    outcome := 'forbidden';
    return next;
    return;
  end if;
  claim := private.claim_key(
    owner, create_payment.idempotency_key, create_payment.fingerprint, create_payment.lease_seconds
  );
  if claim.outcome = 'replayed' then
    select s.tx_ref, s.payment_link into known_tx_ref, create_payment.payment_link
    from public.subscriptions as s
    where s.tx_ref = (claim.known).tx_ref;
  end if;
  if claim.outcome <> 'claimed' then
    outcome := claim.outcome;
    return next;
    return;
  end if;
  select c.outcome, c.email, c.full_name
  into create_payment.outcome, create_payment.email, create_payment.full_name
  from private.create_payment(
    create_payment.workspace, create_payment.plan, create_payment.minutes, create_payment.amount_minor,
    create_payment.currency, create_payment.tx_ref
  ) as c;
  if outcome = 'created' then
    update private.idempotency_keys as k
    set tx_ref = create_payment.tx_ref
    where k.scope = owner and k.key_hash = create_payment.idempotency_key;
  else
    perform private.forget_key(owner, create_payment.idempotency_key);
  end if;
  return next;
end
$function$;

create or replace function private.payment_link_made(tx_ref text, link text) returns table (outcome text)
language plpgsql volatile security definer set search_path = ''
as $function$
begin
  update private.idempotency_keys as k set answered_at = now() where k.tx_ref = payment_link_made.tx_ref;
  update public.subscriptions as s
  set payment_link = payment_link_made.link
  where s.tx_ref = payment_link_made.tx_ref;
  outcome := case when found then 'ok' else 'unknown' end;
  return next;
end
$function$;

-- Nobody knows whether there is a link: the payment stays pending, and the request may be repeated at once.
create function private.payment_link_unknown(tx_ref text) returns table (outcome text)
language plpgsql volatile security definer set search_path = ''
as $function$
begin
  delete from private.idempotency_keys as k where k.tx_ref = payment_link_unknown.tx_ref and k.answered_at is null;
  outcome := case when found then 'ok' else 'unknown' end;
  return next;
end
$function$;

-- The worker forgets keys after their 24 hours, ten thousand at a time; call again while the count is not 0.
create function private.purge_idempotency_keys() returns table (count integer)
language plpgsql volatile security definer set search_path = ''
as $function$
begin
  delete from private.idempotency_keys as k
  where (k.scope, k.key_hash) in (
    select d.scope, d.key_hash
    from private.idempotency_keys as d
    where d.created_at <= now() - interval '24 hours' and d.claimed_until <= now()
    order by d.created_at
    limit 10000
    for update skip locked
  );
  get diagnostics count = row_count;
  return next;
end
$function$;

revoke all on function
  private.abandon_hold(uuid),
  private.claim_key(text, bytea, bytea, integer),
  private.forget_key(text, bytea),
  private.admit_user(uuid, integer, integer, integer, bytea, bytea),
  private.settle_answer(uuid, bigint, text, integer, jsonb, bytea, bigint, timestamptz, text, text),
  private.release_answer(uuid),
  private.create_payment(uuid, text, integer, bigint, text, text, integer, integer, bytea, bytea),
  private.payment_link_unknown(text),
  private.purge_idempotency_keys()
  from public, anon, authenticated, service_role;
grant execute on function
  private.admit_user(uuid, integer, integer, integer, bytea, bytea),
  private.settle_answer(uuid, bigint, text, integer, jsonb, bytea, bigint, timestamptz, text, text),
  private.release_answer(uuid)
  to callwaiting_meter;
grant execute on function
  private.create_payment(uuid, text, integer, bigint, text, text, integer, integer, bytea, bytea),
  private.payment_link_unknown(text)
  to callwaiting_payments;
grant execute on function private.purge_idempotency_keys() to callwaiting_worker;
