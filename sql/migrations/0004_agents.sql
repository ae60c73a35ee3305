-- Agents and the keys that call them.

-- agents: name, instructions and voice. Members read them, functions write them.
create table public.agents (
  id uuid not null default gen_random_uuid(),
  workspace_id uuid not null,
  user_id uuid,
  name text not null
    constraint agents_name_check check (char_length(name) between 1 and 100),
  system_prompt text not null
    constraint agents_system_prompt_check check (char_length(system_prompt) between 1 and 8000),
  voice_id text not null
    constraint agents_voice_id_check check (voice_id in ('professional_f', 'professional_m', 'soft_f', 'warm_m')),
  webhook_secret text not null default encode(extensions.gen_random_bytes(32), 'hex'),
  status text not null default 'active'
    constraint agents_status_check check (status in ('active', 'paused', 'deleted')),
  is_active boolean not null generated always as (status = 'active') stored,
  created_at timestamptz not null default now(),
  constraint agents_pkey primary key (id),
  constraint agents_workspace_id_fkey foreign key (workspace_id) references public.workspaces (id),
  constraint agents_user_id_fkey foreign key (user_id) references public.profiles (id) on delete set null
);
create index agents_workspace_id_idx on public.agents (workspace_id);
create index agents_user_id_idx on public.agents (user_id);

alter table public.agents enable row level security;
alter table public.agents force row level security;
revoke all on table public.agents from public, anon, authenticated, service_role;
create policy select_member on public.agents
  for select to authenticated
  using (workspace_id in (select private.my_workspace_ids()));
grant select on table public.agents to authenticated;
-- The whole table: webhook_secret is the tenant's own, who must know it to check a signature made with it, and a
-- computed column takes a whole row, which needs every column.
comment on table public.agents is
  'A voice agent. Never deleted, since the usage ledger points at it: status says deleted.';
comment on column public.agents.user_id is 'Who made it; null when that account is gone.';

-- api_keys: what is known of a key, which is never the key. Members read all but the hash.
create table public.api_keys (
  id uuid not null default gen_random_uuid(),
  workspace_id uuid not null,
  agent_id uuid not null,
  key_hash bytea not null
    constraint api_keys_key_hash_check check (octet_length(key_hash) = 32),
  hint text not null
    constraint api_keys_hint_check check (char_length(hint) between 1 and 16),
  created_at timestamptz not null default now(),
  expires_at timestamptz,
  revoked_at timestamptz,
  last_used_at timestamptz,
  constraint api_keys_pkey primary key (id),
  constraint api_keys_key_hash_key unique (key_hash),
  constraint api_keys_workspace_id_fkey foreign key (workspace_id) references public.workspaces (id),
  constraint api_keys_agent_id_fkey foreign key (agent_id) references public.agents (id)
);
create index api_keys_workspace_id_idx on public.api_keys (workspace_id);
create index api_keys_agent_id_idx on public.api_keys (agent_id);

alter table public.api_keys enable row level security;
alter table public.api_keys force row level security;
revoke all on table public.api_keys from public, anon, authenticated, service_role;
create policy select_member on public.api_keys
  for select to authenticated
  using (workspace_id in (select private.my_workspace_ids()));
grant select (
  id, workspace_id, agent_id, hint, created_at, expires_at, revoked_at, last_used_at
) on table public.api_keys to authenticated;
-- Not key_hash: whoever reads it could test guesses, and nobody needs it.
comment on table public.api_keys is
  'Keys of agents, as SHA-256; hint is the last few characters, for telling them apart.';
comment on column public.api_keys.last_used_at is 'To the minute: written at most once a minute.';

-- Closing a workspace takes its keys with it.
create function private.revoke_keys() returns trigger
language plpgsql volatile security definer set search_path = ''
as $function$
begin
  update public.api_keys as k
  set revoked_at = now()
  where k.workspace_id = new.id and k.revoked_at is null;
  return null;
end
$function$;
create trigger revoke_keys
  after update of closed_at on public.workspaces
  for each row when (new.closed_at is not null and old.closed_at is null)
  execute function private.revoke_keys();

-- POST /api/create-agent: an agent and its first key, for a workspace that the caller is in.
create function private.create_agent(
  workspace uuid, name text, system_prompt text, voice_id text, key_hash bytea, key_hint text
) returns table (outcome text, agent_id uuid)
language plpgsql volatile security definer set search_path = ''
as $function$
declare
  acting uuid := private.acting_workspace(create_agent.workspace, array['owner', 'admin', 'member']);
begin
  if acting is null then
    outcome := 'forbidden';
    return next;
    return;
  end if;
  insert into public.agents as a (workspace_id, user_id, name, system_prompt, voice_id)
  values (acting, auth.uid(), create_agent.name, create_agent.system_prompt, create_agent.voice_id)
  returning a.id into agent_id;
  insert into public.api_keys (workspace_id, agent_id, key_hash, hint)
  values (acting, create_agent.agent_id, create_agent.key_hash, create_agent.key_hint);
  outcome := 'created';
  return next;
end
$function$;

-- The address that people POST to. Null until `migrate` has stored PUBLIC_URL.
create function private.public_url() returns text
language sql stable security definer set search_path = ''
as $function$
  select s.value from private.settings as s where s.name = 'public_url'
$function$;

create function public.webhook_url(agent public.agents) returns text
language sql stable set search_path = ''
as $function$
  select (select private.public_url()) || '/api/agent/' || (agent).id || '/webhook'
$function$;

revoke all on function
  private.revoke_keys(),
  private.create_agent(uuid, text, text, text, bytea, text),
  private.public_url(), public.webhook_url(public.agents)
  from public, anon, authenticated, service_role;
grant execute on function
  private.create_agent(uuid, text, text, text, bytea, text),
  private.public_url(), public.webhook_url(public.agents)
  to authenticated;
