-- What waits for the worker, for its status page. Every number is a count over a partial index of what is not done.
create function private.worker_backlog()
returns table (
  events_due integer, oldest_due_seconds integer, events_failing integer, events_given_up integer, payments_due integer
)
language sql stable security definer set search_path = ''
as $function$
  select
    count(*) filter (where e.next_attempt_at <= now() and e.attempts < 40)::integer,
    coalesce(
      extract(epoch from now() - min(e.next_attempt_at) filter (where e.next_attempt_at <= now() and e.attempts < 40)),
      0
    )::integer,
    count(*) filter (where e.attempts between 1 and 39)::integer,
    count(*) filter (where e.attempts >= 40)::integer,
    (
      select count(*)::integer
      from public.subscriptions as s
      where s.status in ('pending', 'failed', 'expired', 'cancelled')
        and (s.status = 'pending' or s.payment_link is not null)
        and s.next_check_at <= now()
        and s.created_at > now() - interval '2 days'
    )
  from public.payment_events as e
  where e.processed_at is null
$function$;

revoke all on function private.worker_backlog() from public, anon, authenticated, service_role;
grant execute on function private.worker_backlog() to callwaiting_worker;
