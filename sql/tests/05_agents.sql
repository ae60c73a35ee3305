begin;
select plan(27);
create temporary table them on commit drop as
  select tests.person('owner@agents.test') as owner, tests.person('member@agents.test') as member,
    tests.person('stranger@agents.test') as stranger, null::uuid as workspace, null::uuid as agent;
update them set workspace = tests.workspace(owner);
insert into public.memberships (workspace_id, user_id, role) select workspace, member, 'member' from them;
grant select, update on them to public;

-- Making one.
select tests.act_as('authenticated', owner) from them;
update them set agent = a.agent_id
from private.create_agent(null, 'Ada', 'Be brief.', 'professional_f', sha256('key'), 'y...') as a
where a.outcome = 'created';
select results_eq(
  'select a.workspace_id, a.user_id, a.name, a.system_prompt, a.voice_id, a.status, a.is_active from public.agents as a',
  $$ select workspace, owner, 'Ada', 'Be brief.', 'professional_f', 'active', true from pg_temp.them $$,
  'create_agent makes an active agent of the caller in their workspace'
);
select results_eq(
  'select agent_id, hint, revoked_at from public.api_keys',
  'select agent, ''y...'', null::timestamptz from pg_temp.them',
  'and one key for it'
);
select tests.act_as('authenticated', member) from them;
select results_eq(
  format('select outcome from private.create_agent(%L, ''M'', ''p'', ''soft_f'', sha256(''m''), ''m'')', workspace),
  array['created'], 'a member may make one, in the workspace that they name'
) from them;
select tests.act_as('authenticated', stranger) from them;
select results_eq(
  format('select outcome, agent_id from private.create_agent(%L, ''S'', ''p'', ''soft_f'', sha256(''s''), ''s'')', workspace),
  $$ values ('forbidden', null::uuid) $$, 'a stranger may not'
) from them;
select results_eq(
  $$ select outcome, agent_id from private.create_agent(gen_random_uuid(), 'S', 'p', 'soft_f', sha256('s'), 's') $$,
  $$ values ('forbidden', null::uuid) $$, 'and learns just the same of a workspace that does not exist'
);
select tests.act_as('authenticated');
select results_eq(
  $$ select outcome from private.create_agent(null, 'S', 'p', 'soft_f', sha256('s'), 's') $$,
  array['forbidden'], 'nor may anybody without claims'
);

-- Limits.
select tests.act_as('authenticated', owner) from them;
select throws_ok(
  format('select private.create_agent(null, %L, %L, %L, %L::bytea, ''h'')', name, prompt, voice, hash), '23514', null,
  'refused: ' || rule
)
from (values
  ('a name of no characters', '', 'p', 'soft_f', sha256('1')),
  ('a name of 101 characters', repeat('x', 101), 'p', 'soft_f', sha256('1')),
  ('a prompt of no characters', 'n', '', 'soft_f', sha256('1')),
  ('a prompt of 8001 characters', 'n', repeat('x', 8001), 'soft_f', sha256('1')),
  ('a voice that is no preset', 'n', 'p', 'robot', sha256('1')),
  ('a hash of 31 bytes', 'n', 'p', 'soft_f', substr(sha256('1'), 1, 31))
) as t (rule, name, prompt, voice, hash);
select lives_ok(
  format('select private.create_agent(null, %L, %L, ''warm_m'', sha256(''2''), ''h'')', repeat('é', 100), repeat('é', 8000)),
  'accepted: 100 and 8000 characters, whatever their bytes'
);
select lives_ok(
  $$ select private.create_agent(null, 'n', 'p', 'soft_f', sha256('key'), 'h') $$,
  'nobody learns that a key is known, which is good for its own agent alone'
);

-- Calling one.
select tests.act_as('callwaiting_agent');
select results_eq(
  format(
    'select outcome, held, name, system_prompt, voice_id, history, reservation_id is not null, conversation_id is not null
     from private.admit_agent(%L, sha256(''key''), 10, 60, null, 20)', agent
  ),
  $$ values ('ok', 10, 'Ada', 'Be brief.', 'professional_f', '[]', true, true) $$,
  'the right key gets a reservation, the prompt and a new conversation'
) from them;
select tests.act_as_owner();
select isnt((select last_used_at from public.api_keys where agent_id = agent), null, 'and the key was used') from them;

-- One answer for everything that is wrong.
create function pg_temp.admit(agent uuid, key text) returns setof text
language sql
as $$
  select row(a.*)::text from private.admit_agent(agent, sha256(key::bytea), 10, 60, null, 20) as a
$$;
create temporary table refused (reason text, answer text) on commit drop;
grant insert, select on refused to public;
select tests.act_as('callwaiting_agent');
insert into refused select 'wrong key', pg_temp.admit(agent, 'no key') from them;
insert into refused select 'unknown agent', pg_temp.admit(gen_random_uuid(), 'key');
insert into refused select 'key of another agent', pg_temp.admit(agent, 'm') from them;
select tests.act_as_owner();
update public.agents set status = 'paused' from them where id = agent;
insert into refused select 'paused agent', pg_temp.admit(agent, 'key') from them;
update public.agents set status = 'deleted' from them where id = agent;
insert into refused select 'deleted agent', pg_temp.admit(agent, 'key') from them;
update public.agents set status = 'active' from them where id = agent;
update public.api_keys set revoked_at = now() from them where agent_id = agent;
insert into refused select 'revoked key', pg_temp.admit(agent, 'key') from them;
update public.api_keys set revoked_at = null, expires_at = now() from them where agent_id = agent;
insert into refused select 'expired key', pg_temp.admit(agent, 'key') from them;
update public.api_keys set expires_at = null from them where agent_id = agent;
update public.workspaces set closed_at = now() from them where id = workspace;
update public.api_keys set revoked_at = null from them where agent_id = agent;
insert into refused select 'closed workspace', pg_temp.admit(agent, 'key') from them;
update public.workspaces set closed_at = null from them where id = workspace;
insert into refused select 'no hash', row(a.*)::text from them, private.admit_agent(agent, null, 10, 60, null, 20) as a;
select is(answer, '(unauthorized,,,,,,,,)', 'the same refusal: ' || reason) from refused;
select is((select count(*) from refused), 9::bigint, 'and nine reasons were tried');
select results_eq(
  format('select pg_temp.admit(%L, ''key'') like ''(ok,%%''', agent),
  array[true],
  'with everything put right it is let in again'
) from them;

select * from finish();
rollback;
