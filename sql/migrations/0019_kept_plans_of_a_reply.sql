-- What every reply goes through, made so that Postgres keeps its plans, as 0014 did for the other requests.

create or replace function private.history(conversation uuid, history_limit integer) returns text
language plpgsql stable security definer set search_path = ''
as $function$
begin
  if history.conversation is null then
    return '[]'; -- the first message of a conversation, as most are
  end if;
  return (
    select coalesce(json_agg(json_build_object('role', l.role, 'content', l.content) order by l.id), '[]')::text
    from (
      select m.id, m.role, m.content
      from public.messages as m
      where m.conversation_id = history.conversation
      order by m.id desc
      limit least(greatest(coalesce(history.history_limit, 0), 0), 200)
    ) as l
  );
end
$function$;

create or replace function private.keep_exchange(
  conversation uuid, workspace uuid, agent uuid, user_message text, reply_text text
) returns void
language plpgsql security definer set search_path = ''
as $function$
begin
  insert into public.conversations as c (id, workspace_id, agent_id)
  values (keep_exchange.conversation, keep_exchange.workspace, keep_exchange.agent)
  on conflict (id) do update set last_message_at = now();
  insert into public.messages (conversation_id, role, content)
  select keep_exchange.conversation, s.role, left(s.content, 65536)
  from (values (1, 'user', keep_exchange.user_message), (2, 'assistant', keep_exchange.reply_text))
    as s (turn, role, content)
  where s.content <> ''
  order by s.turn;
end
$function$;

create or replace function private.audio_state(audio_id bytea) returns table (outcome text)
language plpgsql stable security definer set search_path = ''
as $function$
begin
  select case when f.deleted_at is null and f.expires_at > now() then 'ok' else 'gone' end into outcome
  from public.audio_files as f
  where f.id = audio_state.audio_id;
  outcome := coalesce(outcome, 'not_found');
  return next;
end
$function$;
