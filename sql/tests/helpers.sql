-- What every test file uses. Loaded once by tests/run, into a schema of its own; no part of the product.

create schema tap;
create extension pgtap schema tap;
grant usage on schema tap to public;
create schema tests;
grant usage on schema tests to public;

-- A person who signed up, as a sign-up by the server or by Supabase would leave them.
create function tests.person(email text, confirmed boolean default true, anonymous boolean default false) returns uuid
language sql security definer
as $function$
  insert into auth.users (id, email, email_confirmed_at, is_anonymous)
  values (gen_random_uuid(), lower(email), case when confirmed then now() end, anonymous)
  returning id
$function$;

-- From here on as this role and person, until the next act_as or act_as_owner.
create function tests.act_as(role text, person uuid default null) returns setof text
language sql
as $function$
  select from set_config(
    'request.jwt.claims', case when person is null then '' else json_build_object('sub', person)::text end, true
  );
  select from set_config('role', role, true);
  select '' where false; -- says nothing to pg_prove
$function$;

create function tests.act_as_owner() returns setof text
language sql
as $function$
  select tests.act_as('none');
$function$;

create function tests.workspace(person uuid) returns uuid
language sql security definer
as $function$
  select id from private.home_workspace(person)
$function$;

create function tests.left_of(workspace uuid) returns bigint
language sql security definer
as $function$
  select minutes_quota * 60::bigint - seconds_used - seconds_reserved from public.workspaces where id = workspace
$function$;

-- Leaves a workspace with exactly so many seconds, by way of the ledgers.
create function tests.leave(workspace uuid, seconds integer) returns setof text
language plpgsql security definer
as $function$
declare
  excess integer := tests.left_of(workspace) - seconds;
begin
  if excess < 0 then
    perform private.add_grant(workspace, (59 - excess) / 60, 'correction', null);
    excess := tests.left_of(workspace) - seconds;
  end if;
  insert into public.usage_logs (workspace_id, kind, seconds) values (workspace, 'voice', excess);
  update public.workspaces set seconds_used = seconds_used + excess where id = workspace;
end
$function$;

-- A hold outlives its lease.
create function tests.let_expire(reservation uuid) returns setof text
language sql security definer
as $function$
  update public.usage_reservations set expires_at = clock_timestamp() - interval '1 second' where id = reservation;
  select '' where false;
$function$;

-- Every workspace whose numbers do not add up, and why. The invariants of metering; empty for ever.
create function tests.broken() returns setof text
language sql security definer
as $function$
  select format('%s: %s', w.id, rule.name)
  from public.workspaces as w
  cross join lateral (
    values
      ('quota', w.minutes_quota
        = (select coalesce(sum(g.minutes), 0) from public.grants as g where g.workspace_id = w.id)),
      ('used', w.seconds_used
        = (select coalesce(sum(u.seconds), 0) from public.usage_logs as u where u.workspace_id = w.id)),
      ('reserved', w.seconds_reserved = (
        select coalesce(sum(r.seconds_held), 0)
        from public.usage_reservations as r
        where r.workspace_id = w.id and r.state = 'held'
      )),
      ('left', w.minutes_quota::bigint * 60 - w.seconds_used - w.seconds_reserved >= 0),
      ('receipts', not exists (
        select
        from public.usage_reservations as r
        left join public.usage_logs as u on u.id = r.usage_id
        where r.workspace_id = w.id and r.state = 'settled' and u.seconds is distinct from r.seconds_charged
      ))
  ) as rule (name, holds)
  where not rule.holds
$function$;
