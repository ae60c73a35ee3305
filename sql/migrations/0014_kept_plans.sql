-- The functions that every request goes through, made so that Postgres keeps their plans: a function of language sql is
-- planned anew in every transaction, which took three quarters of a usage report's time.

-- Ours only where it is ours: on Supabase it is Supabase's, and written so that the planner puts its body in its place.
-- With a body that is parsed here, once, no search path can change what it means.
do
$block$
begin
  if exists (
    select
    from pg_catalog.pg_proc as p
    where p.oid = 'auth.uid()'::regprocedure and p.proowner = (select r.oid from pg_catalog.pg_roles as r where r.rolname = current_user)
  ) then
    create or replace function auth.uid() returns uuid
    language sql stable
    return coalesce(
      nullif(current_setting('request.jwt.claim.sub', true), ''),
      nullif(current_setting('request.jwt.claims', true), '')::jsonb ->> 'sub'
    )::uuid;
  end if;
end
$block$;

create or replace function private.my_workspace_ids() returns setof uuid
language plpgsql stable security definer set search_path = '' rows 5
as $function$
begin
  return query select m.workspace_id from public.memberships as m where m.user_id = (select auth.uid());
end
$function$;

create or replace function private.my_administered_workspace_ids() returns setof uuid
language plpgsql stable security definer set search_path = '' rows 5
as $function$
begin
  return query
    select m.workspace_id
    from public.memberships as m
    where m.user_id = (select auth.uid())
      and m.role in ('owner', 'admin');
end
$function$;

-- The workspace that the caller acts on: the one named, if they are in it with one of the roles, or else the oldest
-- they own. Null when there is none, and just the same when it is closed or does not exist. Two queries rather than a
-- condition in one, so that each has a plan that fits every call.
create function private.acting_on(workspace uuid, roles text[]) returns public.workspaces
language plpgsql stable security definer set search_path = ''
as $function$
declare
  caller constant uuid := auth.uid();
  found_one public.workspaces;
begin
  if acting_on.workspace is null then
    select w.* into found_one
    from public.memberships as m
    join public.workspaces as w on w.id = m.workspace_id
    where m.user_id = caller
      and m.role = 'owner'
      and m.role = any (acting_on.roles)
      and w.closed_at is null
    order by w.created_at, w.id
    limit 1;
  else
    select w.* into found_one
    from public.memberships as m
    join public.workspaces as w on w.id = m.workspace_id
    where m.workspace_id = acting_on.workspace
      and m.user_id = caller
      and m.role = any (acting_on.roles)
      and w.closed_at is null;
  end if;
  return found_one;
end
$function$;
revoke all on function private.acting_on(uuid, text[]) from public, anon, authenticated, service_role;

create or replace function private.acting_workspace(workspace uuid, roles text[]) returns uuid
language plpgsql stable security definer set search_path = ''
as $function$
begin
  return (private.acting_on(workspace, roles)).id;
end
$function$;

-- GET /api/usage-report.
create or replace function private.usage_report(workspace uuid)
returns table (
  outcome text, plan text, minutes_quota integer, seconds_used bigint, seconds_reserved bigint, period_end text
)
language plpgsql stable security definer set search_path = ''
as $function$
declare
  own constant public.workspaces := private.acting_on(usage_report.workspace, array['owner', 'admin', 'member']);
begin
  outcome := case when own.id is null then 'forbidden' else 'ok' end;
  plan := own.plan;
  minutes_quota := own.minutes_quota;
  seconds_used := own.seconds_used;
  seconds_reserved := own.seconds_reserved;
  period_end := to_char(own.period_end at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"');
  return next;
end
$function$;
