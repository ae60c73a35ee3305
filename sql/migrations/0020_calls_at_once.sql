-- How many replies of one agent are made at a time, beside how many a minute: somebody who has one key may not keep every
-- connection to the providers busy. What is counted are the agent's holds, which a reply has from its admission until it
-- is settled, so the number is the same over all processes and needs no round trip of its own.

create index usage_reservations_agent_id_held_idx on public.usage_reservations (agent_id) where state = 'held';

-- breaking: replaces the form without at_once, which no server has called.
drop function private.admit_agent(uuid, bytea, integer, integer, uuid, integer, integer);

-- POST /api/agent/{id}/webhook, per key, and at most at_once at a time per agent. A key that is revoked or over has no
-- bucket any more: it is as wrong as any other.
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
  key record;
  taken record;
begin
  select k.id, k.workspace_id into key
  from public.api_keys as k
  where k.agent_id = admit_agent.agent_id
    and k.key_hash = admit_agent.key_hash
    and k.revoked_at is null
    and (k.expires_at is null or k.expires_at > now());
  if found then
    taken := private.take('key ' || key.id, admit_agent.per_minute);
    if not taken.allowed then
      outcome := 'rate_limited';
      retry_after := taken.retry_after;
      return next;
      return;
    end if;
    if admit_agent.at_once >= 1 then
      -- Who is admitted holds this lock already when they hold seconds, so nobody counts while another is between the two.
      perform from public.workspaces as w where w.id = key.workspace_id for no key update;
      if (
        select count(*)
        from public.usage_reservations as r
        where r.agent_id = admit_agent.agent_id and r.state = 'held' and r.expires_at > clock_timestamp()
      ) >= admit_agent.at_once then
        outcome := 'busy';
        return next;
        return;
      end if;
    end if;
  end if;
  return query
    select a.*, null::integer
    from private.admit_agent(
      admit_agent.agent_id, admit_agent.key_hash, admit_agent.estimate_seconds, admit_agent.lease_seconds,
      admit_agent.conversation, admit_agent.history_limit
    ) as a;
end
$function$;

revoke all on function private.admit_agent(uuid, bytea, integer, integer, uuid, integer, integer, integer)
  from public, anon, authenticated, service_role;
grant execute on function private.admit_agent(uuid, bytea, integer, integer, uuid, integer, integer, integer)
  to callwaiting_agent;
