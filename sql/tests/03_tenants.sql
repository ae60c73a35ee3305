-- Two people who know nothing of each other, one colleague of the first, and somebody without an account.
begin;
select plan(88);

create temporary table them on commit drop as
  select
    tests.person('ann@tenants.test') as ann, tests.person('bob@tenants.test') as bob,
    tests.person('cay@tenants.test') as cay;
alter table them add ann_workspace uuid, add bob_workspace uuid, add cay_workspace uuid;
update them
set ann_workspace = tests.workspace(ann), bob_workspace = tests.workspace(bob), cay_workspace = tests.workspace(cay);
insert into public.memberships (workspace_id, user_id, role) select ann_workspace, cay, 'member' from them;
grant select on them to public;

-- Something of each kind in both workspaces.
do $$
declare
  person uuid;
begin
  foreach person in array (select array[ann, bob] from them) loop
    insert into public.agents (workspace_id, user_id, name, system_prompt, voice_id)
    values (tests.workspace(person), person, 'Agent', 'Be kind', 'soft_f');
    insert into public.api_keys (workspace_id, agent_id, key_hash, hint)
    select workspace_id, id, sha256(id::text::bytea), 'abcd' from public.agents where user_id = person;
    insert into public.usage_logs (workspace_id, user_id, kind, seconds) values (tests.workspace(person), person, 'voice', 0);
    insert into public.subscriptions (workspace_id, user_id, tx_ref, plan, minutes, amount_minor, currency)
    values (tests.workspace(person), person, person::text, 'basic', 500, 2900, 'NGN');
  end loop;
end
$$;

-- What each sees, table by table: the rows of their own workspaces and no others.
create function pg_temp.sees(what text) returns setof uuid
language plpgsql
as $$
begin
  return query execute case what
    when 'workspaces' then 'select id from public.workspaces order by id'
    when 'profiles' then 'select id from public.profiles'
    else format('select distinct workspace_id from public.%I order by 1', what)
  end;
end
$$;
create temporary view tables_of_tenants as
  select unnest(array['workspaces', 'memberships', 'grants', 'agents', 'api_keys', 'usage_logs', 'subscriptions']) as what;
grant select on tables_of_tenants to public;

select tests.act_as('authenticated', ann) from them;
select results_eq(
  format('select * from pg_temp.sees(%L)', what), 'select ann_workspace from pg_temp.them',
  'the owner sees the ' || what || ' of their own workspace and no other'
) from tables_of_tenants;
select results_eq(
  'select * from pg_temp.sees(''profiles'')', 'select ann from pg_temp.them', 'a person sees their own profile'
);

select tests.act_as('authenticated', cay) from them;
select results_eq(
  format('select * from pg_temp.sees(%L)', what),
  'select ann_workspace from pg_temp.them'
    || case when what in ('workspaces', 'memberships', 'grants') then ' union select cay_workspace from pg_temp.them order by 1' else '' end,
  'a member sees the ' || what || ' of both workspaces that they are in'
) from tables_of_tenants;

select tests.act_as('authenticated', bob) from them;
select results_eq(
  format('select * from pg_temp.sees(%L)', what), 'select bob_workspace from pg_temp.them',
  'a stranger sees nothing of the others in ' || what
) from tables_of_tenants;
select is_empty(
  $$ update public.workspaces set name = 'Mine' where id = (select ann_workspace from pg_temp.them) returning id $$,
  'a stranger cannot rename a workspace'
);
select is_empty(
  $$ update public.profiles set full_name = 'Me' where id = (select ann from pg_temp.them) returning id $$,
  'a stranger cannot rename a person'
);

-- Nobody signed in: no claims, claims of nobody, and anon.
select tests.act_as('authenticated');
select is_empty(format('select * from pg_temp.sees(%L)', what), 'without claims there is nothing in ' || what)
from tables_of_tenants;
select tests.act_as('authenticated', gen_random_uuid());
select is_empty(format('select * from pg_temp.sees(%L)', what), 'a person who is not there sees nothing in ' || what)
from tables_of_tenants;
select tests.act_as('anon');
select throws_ok(format('select * from pg_temp.sees(%L)', what), '42501', null, 'anon may not even look at ' || what)
from tables_of_tenants;

-- What may be written, and by whom.
select tests.act_as('authenticated', ann) from them;
select results_eq(
  $$ update public.workspaces set name = 'Renamed' returning id $$, 'select ann_workspace from pg_temp.them',
  'an owner renames their workspace, and only that'
);
select results_eq(
  $$ update public.profiles set full_name = 'Ann Other' returning id $$, 'select ann from pg_temp.them',
  'a person renames themselves, and only themselves'
);
select tests.act_as('authenticated', cay) from them;
select results_eq(
  $$ update public.workspaces set name = 'By a member' returning id $$, 'select cay_workspace from pg_temp.them',
  'a mere member cannot rename a workspace'
);
select tests.act_as('authenticated', ann) from them;
select throws_ok(statement, '42501', null, 'refused: ' || statement)
from unnest(array[
  'update public.workspaces set plan = ''enterprise''',
  'update public.workspaces set minutes_quota = 9999',
  'update public.workspaces set seconds_used = 0',
  'update public.workspaces set seconds_reserved = 0',
  'update public.workspaces set period_end = null',
  'update public.workspaces set closed_at = null',
  'update public.workspaces set id = gen_random_uuid()',
  'update public.profiles set email = ''other@tenants.test''',
  'update public.profiles set id = gen_random_uuid()',
  'update public.memberships set role = ''owner''',
  'update public.agents set system_prompt = ''x''',
  'update public.agents set workspace_id = gen_random_uuid()',
  'update public.api_keys set revoked_at = null',
  'update public.subscriptions set status = ''active''',
  'update public.usage_logs set seconds = 0',
  'update public.grants set minutes = 9999',
  'insert into public.memberships (workspace_id, user_id, role) select bob_workspace, ann, ''owner'' from pg_temp.them',
  'insert into public.grants (workspace_id, minutes, cause) select ann_workspace, 9999, ''correction'' from pg_temp.them',
  'insert into public.workspaces (name, minutes_quota) values (''x'', 9999)',
  'delete from public.usage_logs',
  'delete from public.workspaces',
  'delete from public.memberships',
  'truncate public.usage_logs',
  'select key_hash from public.api_keys',
  'select * from public.messages',
  'select * from public.usage_reservations',
  'select * from public.payment_events',
  'select * from public.trial_claims',
  'select * from private.settings',
  'select * from private.sessions',
  'select encrypted_password from auth.users'
]) as statement;
select tests.act_as_owner();
select is(
  (select name from public.workspaces where id = ann_workspace), 'Renamed', 'and afterwards only the name is another'
) from them;

-- Computed columns.
select tests.leave(ann_workspace, 3600 - 61) from them;
insert into private.settings (name, value) values ('public_url', 'https://calls.example')
on conflict (name) do update set value = excluded.value;
select tests.act_as('authenticated', ann) from them;
select results_eq(
  'select public.plan(p), public.minutes_used(p), public.minutes_quota(p) from public.profiles as p',
  $$ values ('trial', 2, 60) $$,
  'a profile has its plan, its minutes used, rounded up, and its quota'
);
select results_eq(
  'select public.webhook_url(a) from public.agents as a',
  'select ''https://calls.example/api/agent/'' || id || ''/webhook'' from public.agents',
  'an agent has its webhook URL'
);
select results_eq(
  'select public.amount(s) from public.subscriptions as s', 'values (2900::bigint)', 'a subscription has its amount'
);

-- The last owner goes, and the workspace with them.
select tests.act_as_owner();
insert into public.memberships (workspace_id, user_id, role) select ann_workspace, bob, 'owner' from them;
update public.memberships set role = 'member' from them where workspace_id = ann_workspace and user_id = ann;
select is(
  (select closed_at from public.workspaces where id = ann_workspace), null,
  'a workspace lives while one owner is left'
)
from them;
delete from auth.users using them where id = bob;
select isnt(
  (select closed_at from public.workspaces where id = ann_workspace), null, 'and closes when the last one is deleted'
)
from them;
select is_empty(
  $$ select k.id from public.api_keys as k, pg_temp.them as t where k.workspace_id = t.ann_workspace and k.revoked_at is null $$,
  'with all its keys revoked'
);
select is(count(*), 1::bigint, 'while its usage stays on record')
from public.usage_logs as u, them as t where u.workspace_id = t.bob_workspace;
select tests.act_as('authenticated', ann) from them;
select results_eq(
  $$ select outcome from private.usage_report((select ann_workspace from pg_temp.them)) $$, array['forbidden'],
  'a closed workspace is closed to its members'
);

select * from finish();
rollback;
