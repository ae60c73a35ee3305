-- Holds when the clock jumps. A lease ends by the wall clock, the only one that Postgres has, so one look is not enough
-- to say that a hold is dead: the first that finds it so doubts it, and one that comes half a lease later, more than a
-- request has in all, expires it. A clock set forward thus frees no live hold, however far; one set back keeps no dead
-- one, since a hold that was made, or doubted, in the future is doubted too.

alter table public.usage_reservations add column doubted_at timestamptz;
comment on column public.usage_reservations.doubted_at is
  'When its lease was first found to be over; a look half a lease later expires it.';

create or replace function private.expire_holds(
  workspace uuid, moment timestamptz, out holds integer, out freed bigint
)
language plpgsql volatile security definer set search_path = ''
as $function$
begin
  holds := 0;
  freed := 0;
  -- Nearly always there is none, which one look into an index of what is held says.
  perform
  from public.usage_reservations as r
  where r.workspace_id = expire_holds.workspace
    and r.state = 'held'
    and (r.expires_at <= expire_holds.moment or r.created_at > expire_holds.moment + interval '1 minute');
  if not found then
    return;
  end if;

  with dead as (
    update public.usage_reservations as r
    set state = 'expired'
    where r.workspace_id = expire_holds.workspace
      and r.state = 'held'
      and (r.expires_at <= expire_holds.moment or r.created_at > expire_holds.moment + interval '1 minute')
      and r.doubted_at
        <= expire_holds.moment - least((r.expires_at - r.created_at) / 2, interval '1 hour')
    returning r.seconds_held
  )
  select count(*), coalesce(sum(d.seconds_held), 0) into holds, freed from dead as d;

  update public.usage_reservations as r
  set doubted_at = expire_holds.moment
  where r.workspace_id = expire_holds.workspace
    and r.state = 'held'
    and (r.expires_at <= expire_holds.moment or r.created_at > expire_holds.moment + interval '1 minute')
    and (r.doubted_at is null or r.doubted_at > expire_holds.moment);
end
$function$;

-- A hold that is extended is alive.
create function private.clear_doubt() returns trigger
language plpgsql volatile set search_path = ''
as $function$
begin
  new.doubted_at := null;
  return new;
end
$function$;
create trigger clear_doubt before update of seconds_held on public.usage_reservations
  for each row execute function private.clear_doubt();

-- The worker looks at holds whose lease is over, and at those that were made in the future.
create or replace function private.expire_reservations() returns table (count integer)
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
      where r.state = 'held'
        and (r.expires_at <= clock_timestamp() or r.created_at > clock_timestamp() + interval '1 minute')
    )
    order by w.id
    limit 100
    for no key update skip locked -- a workspace at work frees its own
  loop
    select e.holds, e.freed into dead from private.expire_holds(workspace, clock_timestamp()) as e;
    if dead.freed > 0 then
      update public.workspaces as w set seconds_reserved = w.seconds_reserved - dead.freed where w.id = workspace;
    end if;
    count := count + dead.holds;
  end loop;
  return next;
end
$function$;

revoke all on function private.clear_doubt() from public, anon, authenticated, service_role;
