-- What members do with their agents: list, look, change, delete, and new keys.
begin;
select no_plan();
create temporary table them on commit drop as
  select t.*, null::uuid as agent, null::uuid as key from tests.two_tenants() as t;
grant select, update on them to public;

-- What a call says, as who asks; the JSON read back.
create function pg_temp.ask(as_role text, person uuid, statement text) returns text
language plpgsql
as $$
declare
  answer text;
begin
  perform tests.act_as(as_role, person);
  execute statement into answer;
  perform tests.act_as_owner();
  return answer;
end
$$;
create function pg_temp.calls(secret text) returns text
language sql
as $$
  select pg_temp.ask('callwaiting_agent', null, format(
    'select outcome from private.admit_agent(%L, sha256(%L), 1, 60, null, 20, 0, 0)', t.agent, secret))
  from them as t
$$;

delete from public.api_keys as k using them as t where k.workspace_id = t.b;
select tests.act_as('authenticated', stranger) from them;
update them set agent = a.agent_id from private.create_agent(null, 'Front', 'p1', 'soft_f', sha256('k1'), 'k1') as a;
select tests.act_as_owner();

-- Looking.
select is(
  pg_temp.ask('authenticated', stranger, format('select agent::jsonb - ''createdAt'' - ''keys'' from private.show_agent(null, %L)', agent))::jsonb,
  jsonb_build_object('agentId', agent, 'name', 'Front', 'systemPrompt', 'p1', 'voiceId', 'soft_f', 'status', 'active', 'lastUsedAt', null),
  'an agent is shown'
) from them;
select is(
  pg_temp.ask('authenticated', stranger, format('select agent::jsonb -> ''keys'' -> 0 ->> ''hint'' from private.show_agent(null, %L)', agent)),
  'k1', 'with what is known of its keys'
) from them;
select is(pg_temp.calls('k1'), 'ok', 'its key is good');
select isnt(
  pg_temp.ask('authenticated', stranger, format('select agent::jsonb ->> ''lastUsedAt'' from private.show_agent(null, %L)', agent)),
  null, 'and when it was used last is known'
) from them;
select is(
  pg_temp.ask('authenticated', x.person, format('select outcome from private.show_agent(%s, %L)', coalesce(quote_literal(x.workspace), 'null'), t.agent)),
  x.outcome, x.what
)
from them as t, lateral (values
  (t.owner, null::uuid, 'not_found', 'the owner of another workspace does not find it in theirs'),
  (t.owner, t.b, 'forbidden', 'nor may they name the one that it is in'),
  (null, t.b, 'forbidden', 'and nobody may who is not signed in')
) as x (person, workspace, outcome, what);

-- Listing, in pages.
select tests.act_as('authenticated', stranger) from them;
select count(*) from them, generate_series(1, 4) as n, private.create_agent(null, 'n' || n, 'p', 'soft_f', sha256('n' || n::text::bytea), 'h');
select tests.act_as_owner();
update public.agents as a set created_at = now() + interval '1 minute' from them as t where a.workspace_id = t.b and a.name in ('n1', 'n2');
create function pg_temp.listed(after uuid, page integer) returns text[]
language sql
as $$
  select array(select jsonb_array_elements_text(jsonb_path_query_array(
    pg_temp.ask('authenticated', stranger, format('select agents from private.list_agents(null, %L, %s)', after, page))::jsonb, '$[*].agentId')))
  from them
$$;
select is(cardinality(pg_temp.listed(null, 100)), (select count(*)::integer from public.agents as a, them as t where a.workspace_id = t.b), 'all agents are listed');
select is(
  pg_temp.listed(null, 2) || pg_temp.listed((pg_temp.listed(null, 2))[2]::uuid, 2) || pg_temp.listed((pg_temp.listed(null, 4))[4]::uuid, 100),
  pg_temp.listed(null, 100), 'page by page, newest first, each once'
);
select is(pg_temp.ask('authenticated', stranger, 'select more::text from private.list_agents(null, null, 2)'), 'true', 'there are more') from them;
select is(pg_temp.ask('authenticated', stranger, 'select more::text from private.list_agents(null, null, 100)'), 'false', 'or not') from them;
select is(cardinality(pg_temp.listed(null, 0)), 1, 'a page has one at least');
select is(pg_temp.listed(gen_random_uuid(), 10), '{}', 'nothing is behind what is not there');

-- Changing.
select is(
  pg_temp.ask('authenticated', stranger, format(
    'select agent::jsonb ->> ''name'' || (agent::jsonb ->> ''systemPrompt'') || (agent::jsonb ->> ''voiceId'')
     from private.update_agent(null, %L, ''New'', null, ''warm_m'', null)', agent)),
  'Newp1warm_m', 'what is given changes, what is not stays'
) from them;
select is(pg_temp.ask('authenticated', stranger, format('select outcome from private.update_agent(null, %L, null, null, null, ''paused'')', agent)), 'updated', 'an agent is paused') from them;
select is(pg_temp.calls('k1'), 'unauthorized', 'and answers nobody');
select is(pg_temp.ask('authenticated', stranger, format('select outcome from private.update_agent(null, %L, null, null, null, ''deleted'')', agent)), 'updated', 'it is not deleted in passing') from them;
select is(pg_temp.ask('authenticated', stranger, format('select outcome from private.update_agent(null, %L, null, null, null, ''active'')', agent)), 'updated', 'and goes on') from them;
select is(pg_temp.calls('k1'), 'ok', 'with the key that it had');

-- Keys.
select is(pg_temp.ask('authenticated', stranger, format('select outcome from private.rotate_key(null, %L, sha256(''k2''), ''k2'', 60, 0)', agent)), 'created', 'a key is rotated') from them;
select is(pg_temp.calls('k1') || pg_temp.calls('k2'), 'okok', 'both are good for the time that was chosen');
update public.api_keys as k set expires_at = now() from them as t where k.agent_id = t.agent and k.hint = 'k1';
select is(pg_temp.calls('k1') || pg_temp.calls('k2'), 'unauthorizedok', 'then the old one is not');
select is(pg_temp.ask('authenticated', stranger, format('select outcome from private.rotate_key(null, %L, sha256(''k3''), ''k3'', 0, 0)', agent)), 'created', 'or at once') from them;
select is(pg_temp.calls('k1') || pg_temp.calls('k2') || pg_temp.calls('k3'), 'unauthorizedunauthorizedok', 'the old ones stop');
select is(pg_temp.ask('authenticated', stranger, format('select outcome from private.rotate_key(null, %L, sha256(''k4''), ''k4'', 60, 0)', agent)), 'created', 'again with time') from them;
select is(pg_temp.ask('authenticated', stranger, format('select outcome from private.rotate_key(null, %L, sha256(''k5''), ''k5'', 600000, 0)', agent)), 'created', 'and with more of it') from them;
select cmp_ok((select expires_at from public.api_keys where hint = 'k3' and agent_id = agent), '<', now() + interval '2 minutes', 'which an older key does not get') from them;
select is(
  (select array_agg(o.outcome) from generate_series(1, 3) as n, lateral (select pg_temp.ask('authenticated', t.stranger,
    format('select outcome from private.rotate_key(null, %L, sha256(''r%s''), ''r'', 60, 2)', t.agent, n))) as o (outcome)),
  array['created', 'created', 'rate_limited'], 'so many new keys a minute'
) from them as t;
update them set key = (select id from public.api_keys where hint = 'k5' and agent_id = agent);
select is(pg_temp.calls('k5'), 'ok', 'a key is good');
select is(pg_temp.ask('authenticated', owner, format('select outcome from private.revoke_key(null, %L, %L)', agent, key)), 'not_found', 'which another cannot revoke') from them;
select is(pg_temp.ask('authenticated', stranger, format('select outcome from private.revoke_key(null, gen_random_uuid(), %L)', key)), 'not_found', 'nor under another agent''s name') from them;
select is(pg_temp.ask('authenticated', stranger, format('select outcome from private.revoke_key(null, %L, %L)', agent, key)), 'revoked', 'until its owner does') from them;
select is(pg_temp.calls('k5'), 'unauthorized', 'and it is not any more');
select is(pg_temp.ask('authenticated', stranger, format('select outcome from private.revoke_key(null, %L, %L)', agent, key)), 'not_found', 'once') from them;

-- Deleting.
select is(pg_temp.ask('authenticated', stranger, format('select outcome from private.delete_agent(null, %L)', agent)), 'deleted', 'an agent is deleted') from them;
select is((select count(*)::integer from public.api_keys as k, them as t where k.agent_id = t.agent and k.revoked_at is null), 0, 'its keys stop at once');
select is((select status from public.agents as a, them as t where a.id = t.agent), 'deleted', 'while its row stays');
select is(
  pg_temp.ask('authenticated', t.stranger, format(x.statement, t.agent)), 'not_found', 'and then it is not found: ' || x.statement
)
from them as t, (values
  ('select outcome from private.show_agent(null, %L)'), ('select outcome from private.delete_agent(null, %L)'),
  ('select outcome from private.update_agent(null, %L, ''x'', null, null, ''active'')'),
  ('select outcome from private.rotate_key(null, %L, sha256(''z''), ''z'', 0, 0)')
) as x (statement);
select ok(not (t.agent::text = any (pg_temp.listed(null, 100))), 'nor listed') from them as t;

select * from finish();
rollback;
