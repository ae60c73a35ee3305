-- What a workspace may spend, and the minutes that come with signing up.

-- grants: append-only ledger of minutes. Members read it, nobody but functions writes it.
create table public.grants (
  id uuid not null default gen_random_uuid(),
  workspace_id uuid not null,
  minutes integer not null
    constraint grants_minutes_check check (minutes <> 0),
  cause text not null
    constraint grants_cause_check check (cause in ('trial', 'payment', 'refund', 'correction')),
  subscription_id uuid,
  created_at timestamptz not null default now(),
  constraint grants_pkey primary key (id),
  constraint grants_workspace_id_fkey foreign key (workspace_id) references public.workspaces (id),
  -- A payment is granted once and refunded once.
  constraint grants_subscription_id_cause_key unique (subscription_id, cause),
  constraint grants_subscription_id_check
    check ((subscription_id is not null) = (cause in ('payment', 'refund')))
);
create index grants_workspace_id_idx on public.grants (workspace_id);
create unique index grants_workspace_id_trial_key on public.grants (workspace_id) where cause = 'trial';

alter table public.grants enable row level security;
alter table public.grants force row level security;
revoke all on table public.grants from public, anon, authenticated, service_role;
create policy select_member on public.grants
  for select to authenticated
  using (workspace_id in (select private.my_workspace_ids()));
grant select on table public.grants to authenticated;
comment on table public.grants is
  'Append-only. Minutes given (trial, payment) and taken back (refund, negative); correction is an operator''s.';

-- trial_claims: e-mail addresses that have had their trial, as hashes, for ever. No client may see it.
create table public.trial_claims (
  email_hash bytea not null
    constraint trial_claims_email_hash_check check (octet_length(email_hash) = 32),
  created_at timestamptz not null default now(),
  constraint trial_claims_pkey primary key (email_hash)
);
alter table public.trial_claims enable row level security;
alter table public.trial_claims force row level security;
revoke all on table public.trial_claims from public, anon, authenticated, service_role;
-- No policy and no grant: it outlives the account, so not even its person reads it.
comment on table public.trial_claims is
  'SHA-256 of each normalised e-mail that was given a trial. Kept when the account goes, or that would renew it.';

-- Appends a grant and moves the quota with it, which is the only way a quota changes.
create function private.add_grant(workspace uuid, minutes integer, cause text, subscription uuid) returns void
language sql volatile security definer set search_path = ''
as $function$
  update public.workspaces as w
  set minutes_quota = w.minutes_quota + add_grant.minutes
  where w.id = add_grant.workspace;
  insert into public.grants (workspace_id, minutes, cause, subscription_id)
  values (add_grant.workspace, add_grant.minutes, add_grant.cause, add_grant.subscription);
$function$;

-- The mailbox behind an address: lower case, without a +tag; for Gmail also without dots, which it ignores.
create function private.normalised_email(email text) returns text
language sql immutable strict set search_path = ''
as $function$
  select case
    when p.domain in ('gmail.com', 'googlemail.com') then replace(p.mailbox, '.', '') || '@gmail.com'
    else p.mailbox || '@' || p.domain
  end
  from (
    select
      split_part(regexp_replace(lower(btrim(email)), '@[^@]*$', ''), '+', 1) as mailbox,
      regexp_replace(lower(btrim(email)), '^.*@', '') as domain
  ) as p
$function$;

-- Gives the trial to the oldest workspace that a person owns, when their e-mail is confirmed and had none before.
create function private.give_trial(person uuid) returns void
language plpgsql volatile security definer set search_path = ''
as $function$
declare
  address text;
  minutes integer;
  workspace uuid;
begin
  select u.email into address
  from auth.users as u
  where u.id = give_trial.person
    and u.email_confirmed_at is not null
    and u.email <> ''
    and not coalesce(u.is_anonymous, false);
  minutes := coalesce((select s.value from private.settings as s where s.name = 'trial_minutes'), '0')::integer;
  if address is null or minutes < 1 then
    return;
  end if;

  select w.id into workspace from private.home_workspace(give_trial.person) as w;
  if workspace is null
    or exists (select from public.grants as g where g.workspace_id = workspace and g.cause = 'trial')
  then
    return;
  end if;

  insert into public.trial_claims (email_hash)
  values (sha256(convert_to(private.normalised_email(address), 'UTF8')))
  on conflict do nothing;
  if found then
    perform private.add_grant(workspace, minutes, 'trial', null);
  end if;
end
$function$;

-- Makes the profile, the workspace and the owner's membership of a person who has none yet.
create function private.welcome(person uuid) returns void
language plpgsql volatile security definer set search_path = ''
as $function$
declare
  someone record;
  full_name text;
  workspace uuid;
begin
  select u.id, nullif(u.email, '') as email, u.raw_user_meta_data as data into someone
  from auth.users as u
  where u.id = welcome.person;
  -- What people say of themselves is cut to size rather than refused: a long name is no reason not to sign up.
  full_name := case jsonb_typeof(someone.data -> 'full_name')
    when 'string' then nullif(left(btrim(someone.data ->> 'full_name'), 200), '')
  end;

  insert into public.profiles (id, email, full_name)
  values (someone.id, someone.email, full_name)
  on conflict do nothing;
  if not found then
    return;
  end if;
  insert into public.workspaces (name)
  values (left(coalesce(full_name, nullif(split_part(someone.email, '@', 1), ''), 'Workspace'), 100))
  returning id into workspace;
  insert into public.memberships (workspace_id, user_id, role)
  values (workspace, someone.id, 'owner');
  perform private.give_trial(someone.id);
end
$function$;

create function private.user_saved() returns trigger
language plpgsql volatile security definer set search_path = ''
as $function$
begin
  if tg_op = 'INSERT' then
    perform private.welcome(new.id);
  else
    update public.profiles as p
    set email = nullif(new.email, '')
    where p.id = new.id and p.email is distinct from nullif(new.email, '');
    perform private.give_trial(new.id);
  end if;
  return null;
end
$function$;

revoke all on function
  private.add_grant(uuid, integer, text, uuid), private.normalised_email(text), private.give_trial(uuid),
  private.welcome(uuid), private.user_saved()
  from public, anon, authenticated, service_role;

create trigger callwaiting_user_saved
  after insert or update of email, email_confirmed_at, is_anonymous on auth.users
  for each row execute function private.user_saved();

-- People who signed up before CallWaiting was installed.
do $welcome$
begin
  perform private.welcome(u.id) from auth.users as u order by u.created_at;
end
$welcome$;

-- Computed columns: what a front end written for one profile per tenant reads from profiles. They speak of the oldest
-- workspace that the person owns, and see what the caller may see.
create function public.minutes_used(profile public.profiles) returns integer
language sql stable set search_path = ''
as $function$
  select ((w.seconds_used + 59) / 60)::integer from private.home_workspace((profile).id) as w
$function$;

create function public.minutes_quota(profile public.profiles) returns integer
language sql stable set search_path = ''
as $function$
  select w.minutes_quota from private.home_workspace((profile).id) as w
$function$;

create function public.plan(profile public.profiles) returns text
language sql stable set search_path = ''
as $function$
  select w.plan from private.home_workspace((profile).id) as w
$function$;

revoke all on function
  public.minutes_used(public.profiles), public.minutes_quota(public.profiles), public.plan(public.profiles)
  from public, anon, authenticated, service_role;
grant execute on function
  public.minutes_used(public.profiles), public.minutes_quota(public.profiles), public.plan(public.profiles)
  to authenticated;
