-- Who is a tenant: workspaces, the people in them, and the rule that decides which one a caller acts on.

-- workspaces: the tenant, and its meter. Members read it; an owner or admin may rename it. Every number in it is
-- written by functions alone, and always together with the ledger row that explains it (grants, usage_logs).
create table public.workspaces (
  id uuid not null default gen_random_uuid(),
  name text not null
    constraint workspaces_name_check check (char_length(name) between 1 and 100),
  plan text not null default 'trial'
    constraint workspaces_plan_check check (plan in ('trial', 'basic', 'pro', 'enterprise')),
  minutes_quota integer not null default 0,
  seconds_used bigint not null default 0
    constraint workspaces_seconds_used_check check (seconds_used >= 0),
  seconds_reserved bigint not null default 0
    constraint workspaces_seconds_reserved_check check (seconds_reserved >= 0),
  period_end timestamptz,
  closed_at timestamptz,
  created_at timestamptz not null default now(),
  constraint workspaces_pkey primary key (id),
  constraint workspaces_seconds_left_check check (seconds_used + seconds_reserved <= minutes_quota::bigint * 60)
) with (fillfactor = 70); -- updated twice per reply: leaves room for the new version on the same page

-- profiles: one per person. Everyone reads and renames their own.
create table public.profiles (
  id uuid not null,
  email text
    constraint profiles_email_check check (char_length(email) <= 254),
  full_name text
    constraint profiles_full_name_check check (char_length(full_name) <= 200),
  created_at timestamptz not null default now(),
  constraint profiles_pkey primary key (id),
  constraint profiles_id_fkey foreign key (id) references auth.users (id) on delete cascade
);

-- memberships: who is in which workspace. Members read those of their own workspaces.
create table public.memberships (
  workspace_id uuid not null,
  user_id uuid not null,
  role text not null
    constraint memberships_role_check check (role in ('owner', 'admin', 'member')),
  created_at timestamptz not null default now(),
  constraint memberships_pkey primary key (workspace_id, user_id),
  constraint memberships_workspace_id_fkey foreign key (workspace_id) references public.workspaces (id),
  constraint memberships_user_id_fkey foreign key (user_id) references public.profiles (id) on delete cascade
);
create index memberships_user_id_idx on public.memberships (user_id);

alter table public.workspaces enable row level security;
alter table public.workspaces force row level security;
alter table public.profiles enable row level security;
alter table public.profiles force row level security;
alter table public.memberships enable row level security;
alter table public.memberships force row level security;
revoke all on table public.workspaces, public.profiles, public.memberships
  from public, anon, authenticated, service_role;

-- The workspaces of the caller, for policies. Security definer, so that a policy on memberships does not ask itself.
create function private.my_workspace_ids() returns setof uuid
language sql stable security definer set search_path = ''
as $function$
  select m.workspace_id
  from public.memberships as m
  where m.user_id = (select auth.uid())
$function$;

create function private.my_administered_workspace_ids() returns setof uuid
language sql stable security definer set search_path = ''
as $function$
  select m.workspace_id
  from public.memberships as m
  where m.user_id = (select auth.uid())
    and m.role in ('owner', 'admin')
$function$;

revoke all on function private.my_workspace_ids(), private.my_administered_workspace_ids()
  from public, anon, authenticated, service_role;
grant execute on function private.my_workspace_ids(), private.my_administered_workspace_ids() to authenticated;

-- The workspace that the caller acts on: the one named, if they are in it with one of the roles, or else the oldest
-- they own. Null when there is none, and just the same when it is closed or does not exist.
create function private.acting_workspace(workspace uuid, roles text[]) returns uuid
language sql stable security definer set search_path = ''
as $function$
  select w.id
  from public.memberships as m
  join public.workspaces as w on w.id = m.workspace_id
  where m.user_id = (select auth.uid())
    and m.role = any (acting_workspace.roles)
    and w.closed_at is null
    and case
      when acting_workspace.workspace is null then m.role = 'owner'
      else m.workspace_id = acting_workspace.workspace
    end
  order by w.created_at, w.id
  limit 1
$function$;
revoke all on function private.acting_workspace(uuid, text[]) from public, anon, authenticated, service_role;

create policy select_member on public.workspaces
  for select to authenticated
  using (id in (select private.my_workspace_ids()));
create policy update_administrator on public.workspaces
  for update to authenticated
  using (id in (select private.my_administered_workspace_ids()))
  with check (id in (select private.my_administered_workspace_ids()));
create policy select_own on public.profiles
  for select to authenticated
  using (id = (select auth.uid()));
create policy update_own on public.profiles
  for update to authenticated
  using (id = (select auth.uid()))
  with check (id = (select auth.uid()));
create policy select_member on public.memberships
  for select to authenticated
  using (workspace_id in (select private.my_workspace_ids()));

grant select on table public.workspaces, public.profiles, public.memberships to authenticated;
grant update (name) on table public.workspaces to authenticated;
grant update (full_name) on table public.profiles to authenticated;
-- Nothing else: plan, quota, seconds and periods follow from ledgers, and membership is not a client's to write.

comment on table public.workspaces is
  'Tenant and meter. minutes_quota = sum(grants.minutes); seconds_used = sum(usage_logs.seconds); what is left is '
  '60 * minutes_quota - seconds_used - seconds_reserved. period_end is null on the trial. Times in UTC.';
comment on table public.profiles is 'A person, made from auth.users by trigger. email is null for anonymous users.';
comment on table public.memberships is 'Who is in which workspace, and as what.';

-- The oldest open workspace that a person owns, as far as the caller may see it.
create function private.home_workspace(person uuid) returns setof public.workspaces
language sql stable set search_path = ''
as $function$
  select w.*
  from public.memberships as m
  join public.workspaces as w on w.id = m.workspace_id
  where m.user_id = home_workspace.person
    and m.role = 'owner'
    and w.closed_at is null
  order by w.created_at, w.id
  limit 1
$function$;
revoke all on function private.home_workspace(uuid) from public, anon, authenticated, service_role;
grant execute on function private.home_workspace(uuid) to authenticated;

-- A workspace without an owner is nobody's: it is closed, in the transaction that takes the last owner away.
create function private.close_without_owner() returns trigger
language plpgsql volatile security definer set search_path = ''
as $function$
begin
  -- Two owners leaving at once must not each believe in the other.
  perform from public.workspaces as w where w.id = old.workspace_id for no key update;
  if exists (
    select from public.memberships as m where m.workspace_id = old.workspace_id and m.role = 'owner'
  ) then
    return null;
  end if;
  update public.workspaces as w
  set closed_at = now()
  where w.id = old.workspace_id and w.closed_at is null;
  return null;
end
$function$;
revoke all on function private.close_without_owner() from public, anon, authenticated, service_role;

create trigger close_without_owner
  after delete or update of role on public.memberships
  for each row when (old.role = 'owner')
  execute function private.close_without_owner();
