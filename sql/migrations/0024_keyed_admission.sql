-- POST /api/agent/{id}/webhook with an Idempotency-Key (0015), within the same limits as without one (0020). The agent's key
-- comes first: an answer is replayed to nobody who would not get a new one.
create function private.admit_agent(
  agent_id uuid, key_hash bytea, estimate_seconds integer, lease_seconds integer, conversation uuid,
  history_limit integer, per_minute integer, at_once integer, idempotency_key bytea, fingerprint bytea
) returns table (
  outcome text, reservation_id uuid, held integer, name text, system_prompt text, voice_id text,
  conversation_id uuid, history text, remaining bigint, retry_after integer,
  usage_id uuid, charged integer, reserved bigint, milliseconds bigint, audio_id bytea, audio_expires bigint,
  reply_text text
)
language plpgsql volatile security definer set search_path = ''
as $function$
declare
  owner constant text := 'agent ' || admit_agent.agent_id;
  bucket constant uuid := (private.calling_agent(admit_agent.agent_id, admit_agent.key_hash)).key_id;
  taken record;
  claim record;
  admitted record;
begin
  if bucket is null then
    outcome := 'unauthorized';
    return next;
    return;
  end if;
  taken := private.take('key ' || bucket, admit_agent.per_minute);
  if not taken.allowed then
    outcome := 'rate_limited';
    retry_after := taken.retry_after;
    return next;
    return;
  end if;

  claim := private.claim_key(
    owner, admit_agent.idempotency_key, admit_agent.fingerprint, admit_agent.lease_seconds
  );
  if claim.outcome = 'replayed' then
    select r.usage_id, r.seconds_charged, r.reserved_after, r.remaining_after, r.conversation_id
    into admit_agent.usage_id, charged, reserved, admit_agent.remaining, admit_agent.conversation_id
    from public.usage_reservations as r
    where r.id = (claim.known).reservation_id;
    milliseconds := (claim.known).milliseconds;
    audio_id := (claim.known).audio_id;
    audio_expires := extract(epoch from (claim.known).audio_expires);
    reply_text := (claim.known).reply_text;
  end if;
  if claim.outcome <> 'claimed' then
    outcome := claim.outcome;
    return next;
    return;
  end if;

  select a.* into admitted
  from private.admit_agent(
    admit_agent.agent_id, admit_agent.key_hash, admit_agent.estimate_seconds, admit_agent.lease_seconds,
    admit_agent.conversation, admit_agent.history_limit, null, admit_agent.at_once
  ) as a;
  outcome := admitted.outcome;
  reservation_id := admitted.reservation_id;
  held := admitted.held;
  name := admitted.name;
  system_prompt := admitted.system_prompt;
  voice_id := admitted.voice_id;
  conversation_id := admitted.conversation_id;
  history := admitted.history;
  remaining := admitted.remaining;
  if outcome = 'ok' then
    update private.idempotency_keys as k
    set reservation_id = admit_agent.reservation_id
    where k.scope = owner and k.key_hash = admit_agent.idempotency_key;
  else
    perform private.forget_key(owner, admit_agent.idempotency_key);
  end if;
  return next;
end
$function$;

revoke all on function private.admit_agent(uuid, bytea, integer, integer, uuid, integer, integer, integer, bytea, bytea)
  from public, anon, authenticated, service_role;
grant execute on function private.admit_agent(uuid, bytea, integer, integer, uuid, integer, integer, integer, bytea, bytea)
  to callwaiting_agent;
