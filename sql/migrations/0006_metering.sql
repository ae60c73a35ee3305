-- Metering: seconds are held before a reply is made and charged when it is stored. For ever, and in every transaction:
--
--   minutes_quota      = sum(grants.minutes)
--   seconds_used       = sum(usage_logs.seconds)
--   seconds_reserved   = sum(usage_reservations.seconds_held) where state = 'held'
--   60 * minutes_quota = seconds_used + seconds_reserved + what is left, and what is left is never below 0
--
-- A reservation goes held → settled | released | expired, and expired → settled once, charging from what is then left.
-- Whoever changes one locks the workspace first and the reservation second, so that no two of them wait in a circle.

-- usage_logs: append-only ledger of seconds. Members read it, settle writes it.
create table public.usage_logs (
  id uuid not null default gen_random_uuid(),
  workspace_id uuid not null,
  agent_id uuid,
  user_id uuid,
  kind text not null
    constraint usage_logs_kind_check check (kind in ('agent_reply', 'voice')),
  seconds integer not null
    constraint usage_logs_seconds_check check (seconds >= 0),
  cost_cents integer not null default 0
    constraint usage_logs_cost_cents_check check (cost_cents >= 0),
  meta jsonb not null default '{}'
    constraint usage_logs_meta_check check (jsonb_typeof(meta) = 'object'),
  created_at timestamptz not null default now(),
  constraint usage_logs_pkey primary key (id),
  constraint usage_logs_workspace_id_fkey foreign key (workspace_id) references public.workspaces (id),
  constraint usage_logs_agent_id_fkey foreign key (agent_id) references public.agents (id)
);
create index usage_logs_workspace_id_idx on public.usage_logs (workspace_id, created_at);
create index usage_logs_agent_id_idx on public.usage_logs (agent_id);

-- usage_reservations: what is held while a reply is being made, and afterwards the receipt. No client sees it: its id
-- is what lets the server settle.
create table public.usage_reservations (
  id uuid not null default gen_random_uuid(),
  workspace_id uuid not null,
  user_id uuid,
  agent_id uuid,
  conversation_id uuid,
  seconds_held integer not null
    constraint usage_reservations_seconds_held_check check (seconds_held >= 1),
  state text not null default 'held'
    constraint usage_reservations_state_check check (state in ('held', 'settled', 'released', 'expired')),
  created_at timestamptz not null default now(),
  expires_at timestamptz not null,
  usage_id uuid,
  seconds_charged integer,
  reserved_after bigint,
  remaining_after bigint,
  constraint usage_reservations_pkey primary key (id),
  constraint usage_reservations_usage_id_key unique (usage_id),
  constraint usage_reservations_workspace_id_fkey foreign key (workspace_id) references public.workspaces (id),
  constraint usage_reservations_agent_id_fkey foreign key (agent_id) references public.agents (id),
  constraint usage_reservations_usage_id_fkey foreign key (usage_id) references public.usage_logs (id),
  constraint usage_reservations_receipt_check check (
    (state = 'settled') = (usage_id is not null)
    and num_nulls(usage_id, seconds_charged, reserved_after, remaining_after) in (0, 4)
  )
);
create index usage_reservations_workspace_id_idx on public.usage_reservations (workspace_id);
create index usage_reservations_agent_id_idx on public.usage_reservations (agent_id);
create index usage_reservations_workspace_id_held_idx on public.usage_reservations (workspace_id, expires_at)
  where state = 'held';
create index usage_reservations_expires_at_held_idx on public.usage_reservations (expires_at) where state = 'held';

alter table public.usage_logs enable row level security;
alter table public.usage_logs force row level security;
alter table public.usage_reservations enable row level security;
alter table public.usage_reservations force row level security;
revoke all on table public.usage_logs, public.usage_reservations from public, anon, authenticated, service_role;
create policy select_member on public.usage_logs
  for select to authenticated
  using (workspace_id in (select private.my_workspace_ids()));
grant select on table public.usage_logs to authenticated;

comment on table public.usage_logs is
  'Append-only. seconds: charged, whole, rounded up per reply. meta.milliseconds: how long the sound really is.';
comment on column public.usage_logs.user_id is
  'Who asked for the voice, or who made the agent. No foreign key: a ledger.';
comment on table public.usage_reservations is 'Seconds held for replies being made; settled ones keep their receipt.';
comment on column public.usage_reservations.conversation_id is
  'Of an agent''s reply. No foreign key: a new conversation is written when its first reply is settled.';

-- Marks the holds of one workspace that outlived their lease, and says how many they were and how many seconds they
-- held. The caller has locked the workspace and takes the seconds off seconds_reserved.
create function private.expire_holds(workspace uuid, moment timestamptz, out holds integer, out freed bigint)
language sql volatile security definer set search_path = ''
as $function$
  with dead as (
    update public.usage_reservations as r
    set state = 'expired'
    where r.workspace_id = expire_holds.workspace and r.state = 'held' and r.expires_at <= expire_holds.moment
    returning r.seconds_held
  )
  select count(*)::integer, coalesce(sum(d.seconds_held), 0)::bigint from dead as d
$function$;

-- Holds least(estimate, left) seconds of a workspace for lease seconds, when at least one is left.
create function private.hold(
  workspace uuid, person uuid, agent uuid, conversation uuid, estimate_seconds integer, lease_seconds integer,
  out outcome text, out reservation_id uuid, out held integer, out remaining bigint
)
language plpgsql volatile security definer set search_path = ''
as $function$
declare
  meter record;
  moment timestamptz;
  freed bigint;
begin
  select w.minutes_quota::bigint * 60 - w.seconds_used - w.seconds_reserved as unspent, w.period_end, w.closed_at
  into meter
  from public.workspaces as w
  where w.id = hold.workspace
  for no key update;
  -- After the wait for the lock: now() is when the transaction began.
  moment := clock_timestamp();
  held := 0;
  if meter.unspent is null or meter.closed_at is not null then
    outcome := 'forbidden';
    return;
  end if;

  freed := (private.expire_holds(hold.workspace, moment)).freed;
  remaining := meter.unspent + freed;
  if meter.period_end <= moment then
    outcome := 'subscription_expired';
  elsif remaining < 1 then
    outcome := 'quota_exceeded';
  else
    held := least(greatest(coalesce(hold.estimate_seconds, 1), 1), remaining);
    remaining := remaining - held;
    insert into public.usage_reservations as r (
      workspace_id, user_id, agent_id, conversation_id, seconds_held, expires_at
    )
    values (
      hold.workspace, hold.person, hold.agent, hold.conversation, held,
      moment + make_interval(secs => least(greatest(coalesce(hold.lease_seconds, 1), 1), 86400))
    )
    returning r.id into reservation_id;
    outcome := 'ok';
  end if;

  if held <> freed then
    update public.workspaces as w
    set seconds_reserved = w.seconds_reserved - freed + held
    where w.id = hold.workspace;
  end if;
end
$function$;

-- POST /api/generate-voice, first transaction.
create function private.admit_user(workspace uuid, estimate_seconds integer, lease_seconds integer)
returns table (outcome text, reservation_id uuid, held integer, remaining bigint)
language plpgsql volatile security definer set search_path = ''
as $function$
declare
  acting uuid := private.acting_workspace(admit_user.workspace, array['owner', 'admin', 'member']);
begin
  return query
    select h.outcome, h.reservation_id, h.held, h.remaining
    from private.hold(acting, auth.uid(), null, null, admit_user.estimate_seconds, admit_user.lease_seconds) as h;
end
$function$;

-- POST /api/agent/{id}/webhook, first transaction: everything that is known before a provider is asked. Unknown agent,
-- wrong key, revoked or expired key, agent not active and workspace closed are one outcome, unauthorized.
create function private.admit_agent(
  agent_id uuid, key_hash bytea, estimate_seconds integer, lease_seconds integer, conversation uuid,
  history_limit integer
) returns table (
  outcome text, reservation_id uuid, held integer, name text, system_prompt text, voice_id text,
  conversation_id uuid, history text, remaining bigint
)
language plpgsql volatile security definer set search_path = ''
as $function$
declare
  agent record;
  spoken_in uuid;
begin
  select a.id, a.workspace_id, a.user_id, a.name, a.system_prompt, a.voice_id, k.id as key_id, k.last_used_at
  into agent
  from public.api_keys as k
  join public.agents as a on a.id = k.agent_id
  join public.workspaces as w on w.id = a.workspace_id
  where k.key_hash = admit_agent.key_hash
    and k.agent_id = admit_agent.agent_id
    and k.revoked_at is null
    and (k.expires_at is null or k.expires_at > now())
    and a.status = 'active'
    and w.closed_at is null;
  if not found then
    outcome := 'unauthorized';
    return next;
    return;
  end if;

  if admit_agent.conversation is not null then
    select c.id into spoken_in
    from public.conversations as c
    where c.id = admit_agent.conversation and c.agent_id = agent.id;
    if not found then
      outcome := 'unknown_conversation';
      return next;
      return;
    end if;
  else
    spoken_in := encode(extensions.gen_random_bytes(16), 'hex')::uuid;
  end if;

  select h.outcome, h.reservation_id, h.held, h.remaining
  into admit_agent.outcome, admit_agent.reservation_id, admit_agent.held, admit_agent.remaining
  from private.hold(
    agent.workspace_id, agent.user_id, agent.id, spoken_in, admit_agent.estimate_seconds, admit_agent.lease_seconds
  ) as h;
  if admit_agent.outcome = 'forbidden' then
    admit_agent.outcome := 'unauthorized'; -- closed while we waited for its row
  end if;
  if admit_agent.outcome = 'ok' then
    admit_agent.name := agent.name;
    admit_agent.system_prompt := agent.system_prompt;
    admit_agent.voice_id := agent.voice_id;
    admit_agent.conversation_id := spoken_in;
    admit_agent.history := private.history(admit_agent.conversation, admit_agent.history_limit);
    if agent.last_used_at is null or agent.last_used_at < now() - interval '1 minute' then
      update public.api_keys as k set last_used_at = now() where k.id = agent.key_id;
    end if;
  end if;
  return next;
end
$function$;

-- Charges what was made, frees the hold and writes the ledger, the sound file and the exchange, all or nothing.
-- Again with the same reservation: the same receipt, and nothing else happens.
create function private.settle(
  reservation_id uuid, milliseconds bigint, kind text, cost_cents integer, meta jsonb,
  audio_id bytea, audio_bytes bigint, audio_expires timestamptz, user_message text, reply_text text
) returns table (outcome text, usage_id uuid, charged integer, reserved bigint, remaining bigint)
language plpgsql volatile security definer set search_path = ''
as $function$
declare
  hold public.usage_reservations;
  meter record;
  freed bigint := 0;
  made bigint;
begin
  select w.id, w.minutes_quota::bigint * 60 - w.seconds_used - w.seconds_reserved as unspent, w.seconds_reserved
  into meter
  from public.workspaces as w
  where w.id = (select r.workspace_id from public.usage_reservations as r where r.id = settle.reservation_id)
  for no key update;
  if found then
    select r.* into hold from public.usage_reservations as r where r.id = settle.reservation_id for update;
  end if;

  if hold.state = 'settled' then
    return query
      select 'already_settled', hold.usage_id, hold.seconds_charged, hold.reserved_after, hold.remaining_after;
    return;
  elsif hold.state is null or hold.state = 'released' then
    outcome := 'unknown';
    return next;
    return;
  elsif hold.state = 'held' then
    freed := hold.seconds_held;
  end if;

  made := greatest(coalesce(settle.milliseconds, 0), 0);
  charged := least(made / 1000 + (made % 1000 > 0)::integer, freed + meter.unspent, 2147483647);
  reserved := meter.seconds_reserved - freed;
  remaining := meter.unspent + freed - charged;
  insert into public.usage_logs as u (workspace_id, agent_id, user_id, kind, seconds, cost_cents, meta)
  values (
    hold.workspace_id, hold.agent_id, hold.user_id, settle.kind, charged, coalesce(settle.cost_cents, 0),
    coalesce(settle.meta, '{}') || jsonb_build_object('milliseconds', made)
  )
  returning u.id into settle.usage_id;
  update public.workspaces as w
  set seconds_used = w.seconds_used + charged,
    seconds_reserved = reserved
  where w.id = meter.id;
  update public.usage_reservations as r
  set state = 'settled',
    usage_id = settle.usage_id,
    seconds_charged = charged,
    reserved_after = reserved,
    remaining_after = settle.remaining
  where r.id = hold.id;

  if settle.audio_id is not null then
    insert into public.audio_files (id, workspace_id, bytes, expires_at)
    values (
      settle.audio_id, hold.workspace_id, coalesce(settle.audio_bytes, 0),
      coalesce(settle.audio_expires, now() + interval '1 day')
    );
  end if;
  if hold.conversation_id is not null then
    perform private.keep_exchange(
      hold.conversation_id, hold.workspace_id, hold.agent_id, settle.user_message, settle.reply_text
    );
  end if;
  outcome := 'settled';
  return next;
end
$function$;

-- Gives back a hold of which nothing came. Saying so twice does no harm.
create function private.release(reservation_id uuid) returns table (outcome text)
language plpgsql volatile security definer set search_path = ''
as $function$
declare
  hold record;
begin
  perform from public.workspaces as w
  where w.id = (select r.workspace_id from public.usage_reservations as r where r.id = release.reservation_id)
  for no key update;
  select r.workspace_id, r.state, r.seconds_held into hold
  from public.usage_reservations as r
  where r.id = release.reservation_id
  for update;
  if not found or hold.state = 'settled' then
    outcome := 'unknown';
    return next;
    return;
  end if;
  if hold.state = 'held' then
    update public.usage_reservations as r set state = 'released' where r.id = release.reservation_id;
    update public.workspaces as w
    set seconds_reserved = w.seconds_reserved - hold.seconds_held
    where w.id = hold.workspace_id;
  end if;
  outcome := 'released';
  return next;
end
$function$;

-- Holds up to more_seconds more for a reply that is not done, and counts its lease from now: how a call is metered
-- while it lasts. With nothing left the lease is still renewed, so that what was held can be used up.
create function private.extend_hold(reservation_id uuid, more_seconds integer, lease_seconds integer)
returns table (outcome text, held integer, remaining bigint)
language plpgsql volatile security definer set search_path = ''
as $function$
declare
  meter record;
  more integer;
begin
  select w.id, w.minutes_quota::bigint * 60 - w.seconds_used - w.seconds_reserved as unspent into meter
  from public.workspaces as w
  where w.id = (select r.workspace_id from public.usage_reservations as r where r.id = extend_hold.reservation_id)
  for no key update;
  more := least(greatest(coalesce(extend_hold.more_seconds, 0), 0), meter.unspent);
  update public.usage_reservations as r
  set seconds_held = r.seconds_held + more,
    expires_at = clock_timestamp() + make_interval(secs => least(greatest(coalesce(lease_seconds, 1), 1), 86400))
  where r.id = extend_hold.reservation_id and r.state = 'held'
  returning r.seconds_held into extend_hold.held;
  if not found then
    outcome := 'unknown';
    return next;
    return;
  end if;
  update public.workspaces as w set seconds_reserved = w.seconds_reserved + more where w.id = meter.id and more > 0;
  remaining := meter.unspent - more;
  outcome := case when more = 0 and extend_hold.more_seconds > 0 then 'quota_exceeded' else 'extended' end;
  return next;
end
$function$;

-- GET /api/usage-report.
create function private.usage_report(workspace uuid)
returns table (
  outcome text, plan text, minutes_quota integer, seconds_used bigint, seconds_reserved bigint, period_end text
)
language plpgsql stable security definer set search_path = ''
as $function$
begin
  return query
    select 'ok', w.plan, w.minutes_quota, w.seconds_used, w.seconds_reserved,
      to_char(w.period_end at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"')
    from public.workspaces as w
    where w.id = private.acting_workspace(usage_report.workspace, array['owner', 'admin', 'member']);
  if not found then
    outcome := 'forbidden';
    return next;
  end if;
end
$function$;

-- The worker frees what crashed replies still hold, a hundred workspaces at a time; admit does the same for its own.
create function private.expire_reservations() returns table (count integer)
language plpgsql volatile security definer set search_path = ''
as $function$
declare
  workspace uuid;
  dead record;
begin
  count := 0;
  for workspace in
    select w.id
    from public.workspaces as w
    where w.id in (
      select r.workspace_id
      from public.usage_reservations as r
      where r.state = 'held' and r.expires_at <= clock_timestamp()
    )
    order by w.id
    limit 100
    for no key update skip locked -- a workspace at work frees its own
  loop
    select e.holds, e.freed into dead from private.expire_holds(workspace, clock_timestamp()) as e;
    update public.workspaces as w set seconds_reserved = w.seconds_reserved - dead.freed where w.id = workspace;
    count := count + dead.holds;
  end loop;
  return next;
end
$function$;

revoke all on function
  private.expire_holds(uuid, timestamptz),
  private.hold(uuid, uuid, uuid, uuid, integer, integer),
  private.admit_user(uuid, integer, integer),
  private.admit_agent(uuid, bytea, integer, integer, uuid, integer),
  private.settle(uuid, bigint, text, integer, jsonb, bytea, bigint, timestamptz, text, text),
  private.release(uuid),
  private.extend_hold(uuid, integer, integer),
  private.usage_report(uuid),
  private.expire_reservations()
  from public, anon, authenticated, service_role;
grant execute on function
  private.admit_user(uuid, integer, integer),
  private.settle(uuid, bigint, text, integer, jsonb, bytea, bigint, timestamptz, text, text),
  private.release(uuid),
  private.extend_hold(uuid, integer, integer)
  to callwaiting_meter;
grant execute on function private.admit_agent(uuid, bytea, integer, integer, uuid, integer) to callwaiting_agent;
grant execute on function private.usage_report(uuid) to authenticated;
grant execute on function private.expire_reservations() to callwaiting_worker;
