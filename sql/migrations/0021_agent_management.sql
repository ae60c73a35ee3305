-- What members do with their agents after they have made them: list, look, change, delete, and give them new keys. An agent
-- of another workspace, one that is deleted and one that never was are the same answer, not_found.

-- What a member reads of an agent, but for its keys.
create function private.agent_object(agent public.agents) returns jsonb
language plpgsql stable security definer set search_path = ''
as $function$
begin
  return jsonb_build_object(
    'agentId', agent.id,
    'name', agent.name,
    'systemPrompt', agent.system_prompt,
    'voiceId', agent.voice_id,
    'status', agent.status,
    'createdAt', private.rfc3339(agent.created_at),
    'lastUsedAt', private.rfc3339((select max(k.last_used_at) from public.api_keys as k where k.agent_id = agent.id))
  );
end
$function$;

-- To the second, UTC, as RFC 3339 writes it.
create function private.rfc3339(moment timestamptz) returns text
language plpgsql immutable set search_path = ''
as $function$
begin
  return to_char(rfc3339.moment at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"');
end
$function$;

-- The keys that an agent can be called with, newest first: a hundred at most, however many there are.
create function private.key_objects(agent uuid) returns jsonb
language plpgsql stable security definer set search_path = ''
as $function$
begin
  return (
    select coalesce(
      jsonb_agg(
        jsonb_build_object(
          'keyId', t.id, 'hint', t.hint, 'createdAt', private.rfc3339(t.created_at),
          'expiresAt', private.rfc3339(t.expires_at), 'lastUsedAt', private.rfc3339(t.last_used_at)
        )
        order by t.created_at desc, t.id
      ),
      '[]'
    )
    from (
      select k.*
      from public.api_keys as k
      where k.agent_id = key_objects.agent
        and k.revoked_at is null
        and (k.expires_at is null or k.expires_at > now())
      order by k.created_at desc, k.id
      limit 100
    ) as t
  );
end
$function$;

-- An agent of the workspace that the caller acts on, locked for what is to be changed about it.
create function private.own_agent(workspace uuid, agent_id uuid) returns public.agents
language plpgsql volatile security definer set search_path = ''
as $function$
declare
  own public.agents;
begin
  select a.* into own
  from public.agents as a
  where a.id = own_agent.agent_id and a.workspace_id = own_agent.workspace and a.status <> 'deleted'
  for no key update;
  return own;
end
$function$;

-- GET /api/agents: newest first, `page` at most, those behind `after`. One more than asked for says that there are more.
create function private.list_agents(workspace uuid, after uuid, page integer)
returns table (outcome text, agents text, more boolean)
language plpgsql stable security definer set search_path = ''
as $function$
declare
  acting constant uuid := private.acting_workspace(list_agents.workspace, array['owner', 'admin', 'member']);
  most constant integer := least(greatest(coalesce(list_agents.page, 50), 1), 100);
  last public.agents;
begin
  outcome := case when acting is null then 'forbidden' else 'ok' end;
  if list_agents.after is not null then
    select a.* into last from public.agents as a where a.id = list_agents.after and a.workspace_id = acting;
  end if;
  select coalesce(jsonb_agg(t.object order by t.created_at desc, t.id desc) filter (where t.place <= most), '[]')::text,
    count(*) > most
  into agents, more
  from (
    select private.agent_object(a) as object, a.created_at, a.id,
      row_number() over (order by a.created_at desc, a.id desc) as place
    from (
      select x.*
      from public.agents as x
      where x.workspace_id = acting
        and x.status <> 'deleted'
        and (list_agents.after is null or (x.created_at, x.id) < (last.created_at, last.id))
      order by x.created_at desc, x.id desc
      limit most + 1
    ) as a
  ) as t;
  return next;
end
$function$;

-- GET /api/agents/{id}.
create function private.show_agent(workspace uuid, agent_id uuid) returns table (outcome text, agent text)
language plpgsql stable security definer set search_path = ''
as $function$
declare
  acting constant uuid := private.acting_workspace(show_agent.workspace, array['owner', 'admin', 'member']);
  own public.agents;
begin
  select a.* into own
  from public.agents as a
  where a.id = show_agent.agent_id and a.workspace_id = acting and a.status <> 'deleted';
  outcome := case when acting is null then 'forbidden' when own.id is null then 'not_found' else 'ok' end;
  if outcome = 'ok' then
    agent := (private.agent_object(own) || jsonb_build_object('keys', private.key_objects(own.id)))::text;
  end if;
  return next;
end
$function$;

-- PATCH /api/agents/{id}: null leaves something as it is. A paused agent answers like one that is not there.
create function private.update_agent(
  workspace uuid, agent_id uuid, name text, system_prompt text, voice_id text, status text
) returns table (outcome text, agent text)
language plpgsql volatile security definer set search_path = ''
as $function$
declare
  acting constant uuid := private.acting_workspace(update_agent.workspace, array['owner', 'admin', 'member']);
  own public.agents := private.own_agent(acting, update_agent.agent_id);
begin
  outcome := case when acting is null then 'forbidden' when own.id is null then 'not_found' else 'updated' end;
  if outcome = 'updated' then
    update public.agents as a
    set name = coalesce(update_agent.name, a.name),
      system_prompt = coalesce(update_agent.system_prompt, a.system_prompt),
      voice_id = coalesce(update_agent.voice_id, a.voice_id),
      status = case when update_agent.status in ('active', 'paused') then update_agent.status else a.status end
    where a.id = own.id
    returning a.* into own;
    agent := (private.agent_object(own) || jsonb_build_object('keys', private.key_objects(own.id)))::text;
  end if;
  return next;
end
$function$;

-- DELETE /api/agents/{id}: its keys stop with it. The row stays, since the ledger points at it.
create function private.delete_agent(workspace uuid, agent_id uuid) returns table (outcome text)
language plpgsql volatile security definer set search_path = ''
as $function$
declare
  acting constant uuid := private.acting_workspace(delete_agent.workspace, array['owner', 'admin', 'member']);
  own constant public.agents := private.own_agent(acting, delete_agent.agent_id);
begin
  outcome := case when acting is null then 'forbidden' when own.id is null then 'not_found' else 'deleted' end;
  if outcome = 'deleted' then
    update public.agents as a set status = 'deleted' where a.id = own.id;
    update public.api_keys as k set revoked_at = now() where k.agent_id = own.id and k.revoked_at is null;
  end if;
  return next;
end
$function$;

-- POST /api/agent/{id}/rotate-key: a new key; those before it are good for grace_seconds more, and never for longer than
-- they were.
create function private.rotate_key(
  workspace uuid, agent_id uuid, key_hash bytea, key_hint text, grace_seconds integer, per_minute integer
) returns table (outcome text, key_id uuid, old_until text, retry_after integer)
language plpgsql volatile security definer set search_path = ''
as $function$
declare
  taken record := private.take('rotate-key ' || auth.uid(), rotate_key.per_minute);
  acting constant uuid := private.acting_workspace(rotate_key.workspace, array['owner', 'admin', 'member']);
  own public.agents;
  moment timestamptz;
begin
  if not taken.allowed then
    outcome := 'rate_limited';
    retry_after := taken.retry_after;
    return next;
    return;
  end if;
  own := private.own_agent(acting, rotate_key.agent_id);
  outcome := case when acting is null then 'forbidden' when own.id is null then 'not_found' else 'created' end;
  if outcome = 'created' then
    moment := clock_timestamp() + make_interval(secs => least(greatest(coalesce(rotate_key.grace_seconds, 0), 0), 604800));
    update public.api_keys as k
    set expires_at = least(k.expires_at, moment),
      revoked_at = case when rotate_key.grace_seconds > 0 then null else now() end
    where k.agent_id = own.id and k.revoked_at is null;
    insert into public.api_keys as k (workspace_id, agent_id, key_hash, hint)
    values (acting, own.id, rotate_key.key_hash, rotate_key.key_hint)
    returning k.id into key_id;
    old_until := private.rfc3339(moment);
  end if;
  return next;
end
$function$;

-- DELETE /api/agents/{id}/keys/{key}.
create function private.revoke_key(workspace uuid, agent_id uuid, key_id uuid) returns table (outcome text)
language plpgsql volatile security definer set search_path = ''
as $function$
declare
  acting constant uuid := private.acting_workspace(revoke_key.workspace, array['owner', 'admin', 'member']);
begin
  outcome := 'forbidden';
  if acting is not null then
    update public.api_keys as k
    set revoked_at = now()
    where k.id = revoke_key.key_id
      and k.agent_id = revoke_key.agent_id
      and k.workspace_id = acting
      and k.revoked_at is null;
    outcome := case when found then 'revoked' else 'not_found' end;
  end if;
  return next;
end
$function$;

revoke all on function
  private.agent_object(public.agents),
  private.rfc3339(timestamptz),
  private.key_objects(uuid),
  private.own_agent(uuid, uuid),
  private.list_agents(uuid, uuid, integer),
  private.show_agent(uuid, uuid),
  private.update_agent(uuid, uuid, text, text, text, text),
  private.delete_agent(uuid, uuid),
  private.rotate_key(uuid, uuid, bytea, text, integer, integer),
  private.revoke_key(uuid, uuid, uuid)
  from public, anon, authenticated, service_role;
grant execute on function
  private.list_agents(uuid, uuid, integer),
  private.show_agent(uuid, uuid),
  private.update_agent(uuid, uuid, text, text, text, text),
  private.delete_agent(uuid, uuid),
  private.rotate_key(uuid, uuid, bytea, text, integer, integer),
  private.revoke_key(uuid, uuid, uuid)
  to authenticated;
