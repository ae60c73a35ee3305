-- What every test file uses. Loaded once by tests/run, into a schema of its own; no part of the product.

create schema tap;
create extension pgtap schema tap;
grant usage on schema tap to public;
create schema tests;
grant usage on schema tests to public;

-- Who migrated: callwaiting_owner, or on Supabase an operator.
create function tests.owner() returns regrole
language sql
as $function$
  select nspowner::regrole from pg_namespace where nspname = 'private'
$function$;

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

-- A hold outlives its lease, and has been seen to.
create function tests.let_expire(reservation uuid) returns setof text
language sql security definer
as $function$
  update public.usage_reservations set expires_at = clock_timestamp() - interval '1 second', doubted_at = clock_timestamp() - interval '1 day'
  where id = reservation;
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

-- Workspace A with an owner, an admin and a member, workspace B with the stranger, and in both a row of every kind.
create function tests.two_tenants(
  out a uuid, out b uuid, out owner uuid, out admin uuid, out member uuid, out stranger uuid
)
language plpgsql security definer
as $function$
declare
  person uuid;
  workspace uuid;
  agent uuid;
  conversation uuid;
  payment uuid;
  session uuid;
begin
  owner := tests.person('owner@a.test');
  admin := tests.person('admin@a.test');
  member := tests.person('member@a.test');
  stranger := tests.person('stranger@b.test');
  a := tests.workspace(owner);
  b := tests.workspace(stranger);

  -- Nobody is in two.
  foreach workspace in array array[tests.workspace(admin), tests.workspace(member)] loop
    delete from public.memberships where workspace_id = workspace;
    delete from public.grants where workspace_id = workspace;
    delete from public.workspaces where id = workspace;
  end loop;
  insert into public.memberships (workspace_id, user_id, role) values (a, admin, 'admin'), (a, member, 'member');

  foreach person in array array[owner, stranger] loop
    workspace := tests.workspace(person);
    insert into public.agents (workspace_id, user_id, name, system_prompt, voice_id)
    values (workspace, person, 'Agent', 'Be kind', 'soft_f')
    returning id into agent;
    insert into public.api_keys (workspace_id, agent_id, key_hash, hint)
    values (workspace, agent, sha256(agent::text::bytea), 'abcd');
    insert into public.conversations (workspace_id, agent_id) values (workspace, agent) returning id into conversation;
    insert into public.messages (conversation_id, role, content) values (conversation, 'user', 'Hello');
    insert into public.audio_files (id, workspace_id, bytes, expires_at)
    values (uuid_send(workspace), workspace, 1, now());
    insert into public.usage_logs (workspace_id, agent_id, user_id, kind, seconds)
    values (workspace, agent, person, 'agent_reply', 0);
    insert into public.usage_reservations (workspace_id, agent_id, user_id, seconds_held, state, expires_at)
    values (workspace, agent, person, 1, 'released', now());
    insert into public.subscriptions (workspace_id, user_id, tx_ref, plan, minutes, amount_minor, currency)
    values (workspace, person, workspace::text, 'basic', 500, 2900, 'NGN')
    returning id into payment;
    insert into public.payment_transactions (transaction_id, subscription_id, status)
    values (hashtext(workspace::text), payment, 'pending');
    insert into public.payment_events (provider, event_key, tx_ref, payload)
    values ('tests', workspace::text, workspace::text, '{}');
    session := private.open_session(person, sha256(person::text::bytea));
    perform private.take('person ' || person, 60);
    perform private.claim_key('user ' || person, sha256('key'), sha256('body'), 60);
  end loop;
end
$function$;

-- The key of an agent made by two_tenants, as its hash.
create function tests.key_hash(agent uuid) returns bytea
language sql
as $function$
  select sha256(agent::text::bytea)
$function$;
