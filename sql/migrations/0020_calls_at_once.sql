-- How many replies of one agent are made at a time, beside how many a minute: somebody who has one key may not keep every
-- connection to the providers busy. What is counted are the agent's holds, which a reply has from its admission until it
-- is settled, so the number is the same over all processes and needs no round trip of its own.
--
-- Admission is what every call begins with, so it is also made of few statements here, and does not wait for the disk.

create index usage_reservations_agent_id_held_idx on public.usage_reservations (agent_id) where state = 'held';

-- Holds up to estimate_seconds of a workspace, all that is left where that is less, after freeing what dead replies held.
-- An agent that has at_once holds is 'busy'; null or 0 is any number. An id of no workspace, or of a closed one, is
-- 'forbidden'.
create function private.hold(
  workspace uuid, person uuid, agent uuid, conversation uuid, estimate_seconds integer, lease_seconds integer,
  at_once integer, out outcome text, out reservation_id uuid, out held integer, out remaining bigint
)
language plpgsql volatile security definer set search_path = ''
as $function$
declare
  meter record;
  moment timestamptz;
  look record;
  freed bigint := 0;
begin
  -- Until it is on the disk nobody has been promised anything: a hold that is lost with the server is a reply that is not
  -- settled. settle waits for the disk, and writes later in the log, so what it flushes has this in it.
  perform set_config('synchronous_commit', 'off', true);
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

  -- Every hold is made and ended under the lock, so nobody counts while another is between the two. Nearly always nothing
  -- is to be freed, which one look into an index of what is held says.
  select
    hold.at_once >= 1 and hold.at_once <= (
      select count(*)
      from public.usage_reservations as r
      where r.agent_id = hold.agent and r.state = 'held' and r.expires_at > moment
    ) as is_busy,
    exists (
      select
      from public.usage_reservations as r
      where r.workspace_id = hold.workspace
        and r.state = 'held'
        and (r.expires_at <= moment or r.created_at > moment + interval '1 minute')
    ) as has_dead
  into look;
  if look.is_busy then
    outcome := 'busy';
    return;
  end if;
  if look.has_dead then
    freed := (private.expire_holds(hold.workspace, moment)).freed;
  end if;

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

create or replace function private.hold(
  workspace uuid, person uuid, agent uuid, conversation uuid, estimate_seconds integer, lease_seconds integer,
  out outcome text, out reservation_id uuid, out held integer, out remaining bigint
)
language plpgsql volatile security definer set search_path = ''
as $function$
declare
  made constant record := private.hold(
    hold.workspace, hold.person, hold.agent, hold.conversation, hold.estimate_seconds, hold.lease_seconds, null
  );
begin
  outcome := made.outcome;
  reservation_id := made.reservation_id;
  held := made.held;
  remaining := made.remaining;
end
$function$;

-- The agent whose key this is, while it answers; no id where there is none, whatever is wrong.
create function private.calling_agent(
  agent_id uuid, key_hash bytea,
  out id uuid, out workspace_id uuid, out user_id uuid, out name text, out system_prompt text, out voice_id text,
  out key_id uuid, out last_used_at timestamptz
)
language plpgsql stable security definer set search_path = ''
as $function$
begin
  select a.id, a.workspace_id, a.user_id, a.name, a.system_prompt, a.voice_id, k.id, k.last_used_at
  into calling_agent.id, calling_agent.workspace_id, calling_agent.user_id, calling_agent.name,
    calling_agent.system_prompt, calling_agent.voice_id, key_id, calling_agent.last_used_at
  from public.api_keys as k
  join public.agents as a on a.id = k.agent_id
  join public.workspaces as w on w.id = a.workspace_id
  where k.key_hash = calling_agent.key_hash
    and k.agent_id = calling_agent.agent_id
    and k.revoked_at is null
    and (k.expires_at is null or k.expires_at > now())
    and a.status = 'active'
    and w.closed_at is null;
end
$function$;

-- breaking: replaces the form without at_once, which no server has called.
drop function private.admit_agent(uuid, bytea, integer, integer, uuid, integer, integer);

-- POST /api/agent/{id}/webhook: at most per_minute a key, and at_once at a time per agent; null or 0 is any number. Only who
-- would be let in counts: the key of a paused agent, or of a closed workspace, is as wrong as any other.
create function private.admit_agent(
  agent_id uuid, key_hash bytea, estimate_seconds integer, lease_seconds integer, conversation uuid,
  history_limit integer, per_minute integer, at_once integer
) returns table (
  outcome text, reservation_id uuid, held integer, name text, system_prompt text, voice_id text,
  conversation_id uuid, history text, remaining bigint, retry_after integer
)
language plpgsql volatile security definer set search_path = ''
as $function$
declare
  agent constant record := private.calling_agent(admit_agent.agent_id, admit_agent.key_hash);
  taken record;
  spoken_in uuid;
  made record;
begin
  if agent.id is null then
    outcome := 'unauthorized';
    return next;
    return;
  end if;
  taken := private.take('key ' || agent.key_id, admit_agent.per_minute);
  if not taken.allowed then
    outcome := 'rate_limited';
    retry_after := taken.retry_after;
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

  made := private.hold(
    agent.workspace_id, agent.user_id, agent.id, spoken_in, admit_agent.estimate_seconds, admit_agent.lease_seconds,
    admit_agent.at_once
  );
  held := made.held;
  remaining := made.remaining;
  outcome := made.outcome;
  if outcome = 'forbidden' then
    outcome := 'unauthorized'; -- closed while we waited for its row
  elsif outcome = 'ok' then
    reservation_id := made.reservation_id;
    name := agent.name;
    system_prompt := agent.system_prompt;
    voice_id := agent.voice_id;
    conversation_id := spoken_in;
    history := private.history(admit_agent.conversation, admit_agent.history_limit);
    if agent.last_used_at is null or agent.last_used_at < now() - interval '1 minute' then
      update public.api_keys as k set last_used_at = now() where k.id = agent.key_id;
    end if;
  end if;
  return next;
end
$function$;

create or replace function private.admit_agent(
  agent_id uuid, key_hash bytea, estimate_seconds integer, lease_seconds integer, conversation uuid,
  history_limit integer
) returns table (
  outcome text, reservation_id uuid, held integer, name text, system_prompt text, voice_id text,
  conversation_id uuid, history text, remaining bigint
)
language sql volatile security definer set search_path = ''
as $function$
  select a.outcome, a.reservation_id, a.held, a.name, a.system_prompt, a.voice_id, a.conversation_id, a.history, a.remaining
  from private.admit_agent(
    admit_agent.agent_id, admit_agent.key_hash, admit_agent.estimate_seconds, admit_agent.lease_seconds,
    admit_agent.conversation, admit_agent.history_limit, null, null
  ) as a
$function$;

revoke all on function
  private.hold(uuid, uuid, uuid, uuid, integer, integer, integer),
  private.calling_agent(uuid, bytea),
  private.admit_agent(uuid, bytea, integer, integer, uuid, integer, integer, integer)
  from public, anon, authenticated, service_role;
grant execute on function private.admit_agent(uuid, bytea, integer, integer, uuid, integer, integer, integer)
  to callwaiting_agent;
