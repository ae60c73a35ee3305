-- What was said, and the sound files that it was said in. No client sees these tables: the server's functions read and
-- write them, and the worker clears them.

-- conversations: one caller talking with one agent. The id is the caller's proof that it is theirs.
create table public.conversations (
  id uuid not null default encode(extensions.gen_random_bytes(16), 'hex')::uuid,
  workspace_id uuid not null,
  agent_id uuid not null,
  created_at timestamptz not null default now(),
  last_message_at timestamptz not null default now(),
  constraint conversations_pkey primary key (id),
  constraint conversations_workspace_id_fkey foreign key (workspace_id) references public.workspaces (id),
  constraint conversations_agent_id_fkey foreign key (agent_id) references public.agents (id)
);
create index conversations_workspace_id_idx on public.conversations (workspace_id);
create index conversations_agent_id_idx on public.conversations (agent_id);
create index conversations_last_message_at_idx on public.conversations (last_message_at);

-- messages: in the order of their ids. Deleted after MESSAGE_RETENTION.
create table public.messages (
  id bigint not null generated always as identity,
  conversation_id uuid not null,
  role text not null
    constraint messages_role_check check (role in ('user', 'assistant')),
  content text not null
    constraint messages_content_check check (char_length(content) between 1 and 65536),
  created_at timestamptz not null default now(),
  constraint messages_pkey primary key (id),
  constraint messages_conversation_id_fkey foreign key (conversation_id)
    references public.conversations (id) on delete cascade
);
create index messages_conversation_id_idx on public.messages (conversation_id, id);
create index messages_created_at_idx on public.messages (created_at);

-- audio_files: what lies in the AudioStore. The row stays when the file goes, to answer 410 and not 404.
create table public.audio_files (
  id bytea not null
    constraint audio_files_id_check check (octet_length(id) = 16),
  workspace_id uuid not null,
  bytes bigint not null
    constraint audio_files_bytes_check check (bytes >= 0),
  created_at timestamptz not null default now(),
  expires_at timestamptz not null,
  claimed_until timestamptz,
  deleted_at timestamptz,
  constraint audio_files_pkey primary key (id),
  constraint audio_files_workspace_id_fkey foreign key (workspace_id) references public.workspaces (id)
);
create index audio_files_workspace_id_idx on public.audio_files (workspace_id);
create index audio_files_expires_at_idx on public.audio_files (expires_at) where deleted_at is null;

alter table public.conversations enable row level security;
alter table public.conversations force row level security;
alter table public.messages enable row level security;
alter table public.messages force row level security;
alter table public.audio_files enable row level security;
alter table public.audio_files force row level security;
revoke all on table public.conversations, public.messages, public.audio_files
  from public, anon, authenticated, service_role;
revoke all on sequence public.messages_id_seq from public, anon, authenticated, service_role;

comment on table public.conversations is '128 random bits of id, made by the server, returned with the first reply.';
comment on table public.messages is 'What callers and agents said; personal data, kept for MESSAGE_RETENTION days.';
comment on table public.audio_files is 'id is the file''s name in the AudioStore, 128 random bits; sizes in bytes.';
comment on column public.audio_files.claimed_until is 'A worker is deleting the file; another may try after this time.';

-- The last messages of a conversation, oldest first, as JSON text for a language model.
create function private.history(conversation uuid, history_limit integer) returns text
language sql stable security definer set search_path = ''
as $function$
  select coalesce(json_agg(json_build_object('role', l.role, 'content', l.content) order by l.id), '[]')::text
  from (
    select m.id, m.role, m.content
    from public.messages as m
    where m.conversation_id = history.conversation
    order by m.id desc
    limit least(greatest(coalesce(history.history_limit, 0), 0), 200)
  ) as l
$function$;

-- Writes one exchange, and the conversation if this is its first. Text beyond the limit is cut rather than refused:
-- by now the reply is made and must be charged.
create function private.keep_exchange(
  conversation uuid, workspace uuid, agent uuid, user_message text, reply_text text
) returns void
language sql volatile security definer set search_path = ''
as $function$
  insert into public.conversations as c (id, workspace_id, agent_id)
  values (keep_exchange.conversation, keep_exchange.workspace, keep_exchange.agent)
  on conflict (id) do update set last_message_at = now();
  insert into public.messages (conversation_id, role, content)
  select keep_exchange.conversation, s.role, left(s.content, 65536)
  from (values (1, 'user', keep_exchange.user_message), (2, 'assistant', keep_exchange.reply_text))
    as s (turn, role, content)
  where s.content <> ''
  order by s.turn;
$function$;

-- GET /audio/{id}.mp3, after the signature was found right.
create function private.audio_state(audio_id bytea) returns table (outcome text)
language sql stable security definer set search_path = ''
as $function$
  select coalesce(
    (
      select case when f.deleted_at is null and f.expires_at > now() then 'ok' else 'gone' end
      from public.audio_files as f
      where f.id = audio_state.audio_id
    ),
    'not_found'
  )
$function$;

revoke all on function
  private.history(uuid, integer), private.keep_exchange(uuid, uuid, uuid, text, text), private.audio_state(bytea)
  from public, anon, authenticated, service_role;
grant execute on function private.audio_state(bytea) to callwaiting_agent;
