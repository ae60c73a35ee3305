-- What the worker clears away, and what a health check asks.

-- Sound files whose time is over, leased for ten minutes to whoever deletes them.
create function private.claim_expired_audio("limit" integer) returns table (audio_id bytea)
language sql volatile security definer set search_path = ''
as $function$
  update public.audio_files as f
  set claimed_until = now() + interval '10 minutes'
  where f.id in (
    select d.id
    from public.audio_files as d
    where d.deleted_at is null
      and d.expires_at <= now()
      and (d.claimed_until is null or d.claimed_until <= now())
    order by d.expires_at
    limit least(greatest(claim_expired_audio."limit", 0), 1000)
    for update skip locked
  )
  returning f.id
$function$;

create function private.audio_deleted(audio_id bytea) returns table (outcome text)
language plpgsql volatile security definer set search_path = ''
as $function$
begin
  update public.audio_files as f
  set deleted_at = now(), claimed_until = null
  where f.id = audio_deleted.audio_id and f.deleted_at is null;
  outcome := 'ok';
  return next;
end
$function$;

-- Messages older than this many days, ten thousand at a time (call again while the count is not 0), and the
-- conversations that are left without any.
create function private.purge_messages(days integer) returns table (count integer)
language plpgsql volatile security definer set search_path = ''
as $function$
declare
  oldest_kept timestamptz := now() - make_interval(days => greatest(purge_messages.days, 0));
begin
  delete from public.messages as m
  where m.id in (
    select d.id from public.messages as d where d.created_at < oldest_kept order by d.created_at limit 10000
  );
  get diagnostics count = row_count;
  delete from public.conversations as c
  where c.id in (
    select d.id
    from public.conversations as d
    where d.last_message_at < oldest_kept
      and not exists (select from public.messages as m where m.conversation_id = d.id)
    limit 10000
    for update skip locked
  );
  return next;
end
$function$;

-- Whether the database is there and which migration it is at: the number its last file's name begins with.
create function private.health() returns table (ok boolean, migration integer)
language sql stable security definer set search_path = ''
as $function$
  select max(m.name) is not null, left(max(m.name), 4)::integer
  from private.migrations as m
$function$;

revoke all on function
  private.claim_expired_audio(integer), private.audio_deleted(bytea), private.purge_messages(integer), private.health()
  from public, anon, authenticated, service_role;
grant execute on function
  private.claim_expired_audio(integer), private.audio_deleted(bytea), private.purge_messages(integer)
  to callwaiting_worker;
grant execute on function private.health() to anon;
