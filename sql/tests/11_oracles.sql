-- What somebody learns by asking for what is not theirs: the same as by asking for what is nowhere, word for word. And
-- what they change by it: nothing.
begin;
select no_plan();

create temporary table tenants on commit drop as select * from tests.two_tenants();
create temporary table them on commit drop as
  select t.*,
    x.id as agent, y.id as their_agent, tests.key_hash(x.id) as key, tests.key_hash(y.id) as their_key,
    (select c.id from public.conversations as c where c.agent_id = y.id) as their_conversation,
    (select s.id from private.sessions as s where s.user_id = t.owner) as their_session,
    (select s.id from private.sessions as s where s.user_id = t.stranger) as session
  from tenants as t
  join public.agents as x on x.workspace_id = t.b
  join public.agents as y on y.workspace_id = t.a;
grant select on them to public;

-- Everything of one workspace and of its people, to see whether it is still as it was.
create function pg_temp.everything_of_a() returns text
language plpgsql
as $$
declare
  found text;
  hash text := '';
  t record;
begin
  for t in
    select format(
      'select string_agg(r::text, chr(10) order by r::text) from %s as r, pg_temp.them as t where %s',
      a.attrelid::regclass,
      case a.attname when 'workspace_id' then 'r.workspace_id = t.a' when 'user_id' then 'r.user_id in (t.owner, t.admin, t.member)' end
    ) as query
    from pg_attribute as a
    join pg_class as c on c.oid = a.attrelid and c.relkind = 'r'
    where c.relnamespace in ('public'::regnamespace, 'private'::regnamespace)
      and (a.attname = 'workspace_id' or a.attname = 'user_id' and c.relname = 'sessions')
    union all
    select 'select string_agg(w::text, '''') from public.workspaces as w, pg_temp.them as t where w.id = t.a'
    union all
    select 'select string_agg(p::text, '''') from public.profiles as p, pg_temp.them as t where p.id in (t.owner, t.admin, t.member)'
    union all
    select 'select string_agg(m::text, '''') from public.messages as m, pg_temp.them as t where m.conversation_id = t.their_conversation'
    union all
    select 'select string_agg(u::text, '''') from auth.users as u, pg_temp.them as t where u.id in (t.owner, t.admin, t.member)'
  loop
    execute t.query into found;
    hash := md5(hash || coalesce(found, ''));
  end loop;
  return hash;
end
$$;

-- What is said to a person in a role: rows or the error, without the ids that are new each time.
create temporary table said (what text, whose text, answer text) on commit drop;
create function pg_temp.ask(as_role text, person uuid, statement text) returns text
language plpgsql
as $$
declare
  answer text;
begin
  begin
    perform set_config('request.jwt.claims', jsonb_build_object('sub', person)::text, true);
    perform set_config('session_authorization', 'callwaiting', true), set_config('role', as_role, true);
    if statement ~ '^(insert|update|delete)' then
      execute statement;
      answer := 'done';
    else
      execute format('select coalesce(string_agg(r::text, '' '' order by r::text), ''nothing'') from (%s) as r', statement) into answer;
    end if;
    perform set_config('role', 'none', true), set_config('session_authorization', 'postgres', true);
    if pg_temp.everything_of_a() <> current_setting('tests.before') then
      answer := 'it changed something of theirs';
    end if;
    raise exception sqlstate 'UNDO0' using message = answer;
  exception
    when sqlstate 'UNDO0' then answer := sqlerrm;
    when others then answer := sqlstate || ' ' || sqlerrm;
  end;
  return regexp_replace(answer, '[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}', 'uuid', 'g');
end
$$;

-- %1$s is theirs in the one case, and nowhere in the other.
create temporary table questions (
  n integer generated always as identity, what text, role text, person uuid, statement text, theirs text, nowhere text
) on commit drop;
create function pg_temp.nobody() returns text language sql as $$ select quote_literal('00000000-0000-4000-8000-00000000ffff') $$;

insert into questions (what, role, person, statement, theirs, nowhere)
-- A person of B, who knows ids of A.
select q.what, q.role, coalesce(q.person, t.stranger), q.statement, q.theirs, coalesce(q.nowhere, pg_temp.nobody())
from them as t
cross join lateral (
  values
    ('a usage report', 'authenticated', null::uuid, 'select * from private.usage_report(%1$s)', quote_literal(t.a), null::text),
    ('an agent made', 'authenticated', null,
      'select * from private.create_agent(%1$s, ''n'', ''p'', ''soft_f'', sha256(''new''), ''h'')', quote_literal(t.a), null),
    ('an agent made with a key that is known', 'authenticated', null,
      'select * from private.create_agent(null, ''n'', ''p'', ''soft_f'', %1$s, ''h'')',
      quote_literal(t.their_key), quote_literal(sha256('nowhere'))),
    ('another''s agents', 'authenticated', null, 'select * from private.list_agents(%1$s, null, 10)', quote_literal(t.a), null),
    ('agents behind another''s', 'authenticated', null,
      'select * from private.list_agents(null, %1$s, 10)', quote_literal(t.their_agent), null),
    ('another''s agent looked at', 'authenticated', null,
      'select * from private.show_agent(null, %1$s)', quote_literal(t.their_agent), null),
    ('another''s agent changed', 'authenticated', null,
      'select * from private.update_agent(null, %1$s, ''n'', null, null, null)', quote_literal(t.their_agent), null),
    ('another''s agent deleted', 'authenticated', null,
      'select * from private.delete_agent(null, %1$s)', quote_literal(t.their_agent), null),
    ('a key for another''s agent', 'authenticated', null,
      'select * from private.rotate_key(null, %1$s, sha256(''mine''), ''h'', 0, 0)', quote_literal(t.their_agent), null),
    ('another''s key revoked', 'authenticated', null,
      format('select * from private.revoke_key(null, %L, %%1$s)', t.agent),
      quote_literal((select k.id from public.api_keys as k where k.agent_id = t.their_agent limit 1)), null),
    ('a payment of another workspace', 'authenticated', null,
      'select * from private.payment_status(%1$s, ''x'')', quote_literal(t.a), null),
    ('another''s payment', 'authenticated', null,
      'select * from private.payment_status(null, %1$s)', quote_literal(t.a), quote_literal('nowhere')),
    ('the workspace of a person', 'authenticated', null,
      'select * from private.home_workspace(%1$s)', quote_literal(t.owner), null),
    ('the plan of a person', 'authenticated', null,
      'select public.plan(p), public.minutes_quota(p), public.minutes_used(p)
       from jsonb_populate_record(null::public.profiles, jsonb_build_object(''id'', %1$s)) as p', quote_literal(t.owner), null),
    ('speech', 'callwaiting_meter', null, 'select * from private.admit_user(%1$s, 10, 60)', quote_literal(t.a), null),
    ('a payment link', 'callwaiting_payments', null,
      'select * from private.create_payment(%1$s, ''basic'', 500, 2900, ''NGN'', ''new'')', quote_literal(t.a), null),
    ('a payment link asked for by a mere member', 'callwaiting_payments', t.member,
      'select * from private.create_payment(%1$s, ''basic'', 500, 2900, ''NGN'', ''new'')', quote_literal(t.a), null),

    -- An agent's key of B.
    ('another agent with our key', 'callwaiting_agent', null,
      format('select * from private.admit_agent(%%1$s, %L, 10, 60, null, 20)', t.key), quote_literal(t.their_agent), null),
    ('our agent with another''s key', 'callwaiting_agent', null,
      format('select * from private.admit_agent(%L, %%1$s, 10, 60, null, 20)', t.agent),
      quote_literal(t.their_key), quote_literal(sha256('nowhere'))),
    ('another agent with a wrong key', 'callwaiting_agent', null,
      'select * from private.admit_agent(%1$s, sha256(''wrong''), 10, 60, null, 20)', quote_literal(t.their_agent), null),
    ('another agent''s conversation', 'callwaiting_agent', null,
      format('select outcome, history from private.admit_agent(%L, %L, 10, 60, %%1$s, 20)', t.agent, t.key),
      quote_literal(t.their_conversation), null),

    -- Somebody who is signed in, or would like to be.
    ('a password', 'callwaiting_auth', null, 'select * from private.sign_in(%1$s, ''wrong'', 4, sha256(''new''))',
      quote_literal('owner@a.test'), quote_literal('nobody@a.test')),
    ('another''s session', 'callwaiting_auth', null,
      format('select * from private.session_user(%L, %%1$s)', t.stranger), quote_literal(t.their_session), null),
    ('another''s session ended', 'callwaiting_auth', null,
      format('select * from private.sign_out(%L, %%1$s, ''local'')', t.stranger), quote_literal(t.their_session), null),
    ('all but another''s session ended', 'callwaiting_auth', null,
      format('select * from private.sign_out(%L, %%1$s, ''others'')', t.stranger), quote_literal(t.their_session), null),

    -- Tables, as a front end reads and would like to write them.
    ('a workspace looked up', 'authenticated', null, 'select * from public.workspaces where id = %1$s', quote_literal(t.a), null),
    ('a workspace renamed', 'authenticated', null, 'update public.workspaces set name = ''Mine'' where id = %1$s', quote_literal(t.a), null),
    ('a person renamed', 'authenticated', null, 'update public.profiles set full_name = ''Me'' where id = %1$s', quote_literal(t.owner), null),
    ('an agent looked up', 'authenticated', null, 'select * from public.agents where id = %1$s', quote_literal(t.their_agent), null),
    ('a payment looked up', 'authenticated', null, 'select * from public.subscriptions where tx_ref = %1$s', quote_literal(t.a), null),
    ('a membership inserted', 'authenticated', null,
      'insert into public.memberships (workspace_id, user_id, role) select %1$s, auth.uid(), ''owner''', quote_literal(t.a), null),
    ('a workspace inserted', 'authenticated', null, 'insert into public.workspaces (id, name) values (%1$s, ''x'')', quote_literal(t.a), null),
    ('a profile inserted', 'authenticated', null, 'insert into public.profiles (id) values (%1$s)', quote_literal(t.owner), null),
    ('an agent inserted', 'authenticated', null,
      'insert into public.agents (workspace_id, name, system_prompt, voice_id) values (%1$s, ''n'', ''p'', ''soft_f'')',
      quote_literal(t.a), null),
    ('a key inserted', 'authenticated', null,
      format('insert into public.api_keys (workspace_id, agent_id, key_hash, hint) values (%L, %%1$s, sha256(''x''), ''h'')', t.b),
      quote_literal(t.their_agent), null),
    ('a payment inserted', 'authenticated', null,
      format('insert into public.subscriptions (workspace_id, user_id, tx_ref, plan, minutes, amount_minor, currency)
        values (%L, %L, %%1$s, ''basic'', 500, 2900, ''NGN'')', t.b, t.stranger), quote_literal(t.a), quote_literal('nowhere')),
    ('an e-mail inserted', 'authenticated', null, 'insert into auth.users (email) values (%1$s)',
      quote_literal('owner@a.test'), quote_literal('nobody@a.test')),
    ('an e-mail changed', 'authenticated', null, 'update public.profiles set email = %1$s',
      quote_literal('owner@a.test'), quote_literal('nobody@a.test'))
) as q (what, role, person, statement, theirs, nowhere);

select set_config('tests.before', pg_temp.everything_of_a(), true) is null as nothing \gset
select is(
  pg_temp.ask(role, person, format(statement, theirs)), pg_temp.ask(role, person, format(statement, nowhere)),
  what || ': theirs is as nowhere'
) from questions order by n;

-- Nor does the time tell: the same pages are looked at, but for the few where the other's row is. (A page in memory
-- takes less than a microsecond.) Asked twice, since the first time looks at the catalog too.
create function pg_temp.pages(as_role text, person uuid, statement text) returns integer
language plpgsql
as $$
declare
  plan json;
  fewest integer;
begin
  begin
    perform set_config('request.jwt.claims', jsonb_build_object('sub', person)::text, true);
    perform set_config('session_authorization', 'callwaiting', true), set_config('role', as_role, true);
    -- The least of several: what is learnt of the catalogue, once or again after a table was analysed, is not the answer's.
    for n in 1..5 loop
      execute 'explain (analyze, buffers, timing off, format json) ' || statement into plan;
      fewest := least(
        fewest,
        (plan -> 0 -> 'Plan' ->> 'Shared Hit Blocks')::integer + (plan -> 0 -> 'Plan' ->> 'Shared Read Blocks')::integer);
    end loop;
    raise exception sqlstate 'UNDO0';
  exception
    when sqlstate 'UNDO0' then null;
    when others then return 0; -- compared above, word for word
  end;
  return fewest;
end
$$;
select cmp_ok(
  abs(pg_temp.pages(role, person, format(statement, theirs)) - pg_temp.pages(role, person, format(statement, nowhere))),
  '<=', 10, what || ': theirs takes as long as nowhere'
) from questions where what not in ('an agent made with a key that is known', 'an e-mail changed') order by n;

-- That the questions are not all refused for a reason of their own: asked about what is one's own they are answered.
select is(pg_temp.ask('authenticated', stranger, format('select outcome from private.usage_report(%L)', b)), '(ok)', 'one''s own is there') from them;
select is(
  pg_temp.ask('callwaiting_agent', stranger,
    format('select outcome from private.admit_agent(%L, %L, 10, 60, null, 20)', agent, key)), '(ok)', 'one''s own agent answers'
) from them;
select is(
  pg_temp.ask('callwaiting_payments', admin,
    format('select outcome from private.create_payment(%L, ''basic'', 500, 2900, ''NGN'', ''new'')', a)),
  'it changed something of theirs', 'a change of theirs is seen by this test'
) from them;

-- An agent that does not answer any more, for whatever reason, is one that never was.
create function pg_temp.ask_after(change text) returns text
language plpgsql
as $$
declare
  answer text;
begin
  begin
    execute change;
    perform set_config('tests.before', pg_temp.everything_of_a(), true);
    answer := (
      select pg_temp.ask('callwaiting_agent', null, format('select * from private.admit_agent(%L, %L, 10, 60, null, 20)', agent, key))
      from pg_temp.them
    );
    raise exception sqlstate 'UNDO0';
  exception when sqlstate 'UNDO0' then
    null;
  end;
  return answer;
end
$$;
select is(
  pg_temp.ask_after(change),
  (select pg_temp.ask('callwaiting_agent', null, 'select * from private.admit_agent(gen_random_uuid(), sha256(''x''), 10, 60, null, 20)')),
  'as an agent that never was: ' || change
)
from unnest(array[
  'update public.agents set status = ''paused''',
  'update public.agents set status = ''deleted''',
  'update public.api_keys set revoked_at = now()',
  'update public.api_keys set expires_at = now()',
  'update public.workspaces set closed_at = now()'
]) as change;

-- Who was in a workspace, and is not any more, is a stranger from the next statement on.
delete from public.memberships using them where user_id = admin;
select is(
  pg_temp.ask('authenticated', admin, format(statement, a)), pg_temp.ask('authenticated', admin, format(statement, gen_random_uuid())),
  'no more than a stranger after leaving: ' || statement
)
from them, unnest(array[
  'select outcome from private.usage_report(%L)', 'select id from public.workspaces where id = %L',
  'select id from public.usage_logs where workspace_id = %L', 'select user_id from public.memberships where workspace_id = %L',
  'select id from public.agents where workspace_id = %L'
]) as statement;

-- What is written once: not even a function that runs as the owner rewrites it, when a request calls it.
create function pg_temp.planted(statement text) returns text
language plpgsql
as $$
declare
  answer text;
begin
  begin
    execute format(
      'create function private.planted() returns void language sql security definer set search_path = '''' as %L', statement);
    execute format('alter function private.planted() owner to %s', tests.owner());
    grant execute on function private.planted() to callwaiting_meter;
    perform set_config('session_authorization', 'callwaiting', true), set_config('role', 'callwaiting_meter', true);
    perform private.planted();
    raise exception sqlstate 'UNDO0';
  exception
    when sqlstate 'UNDO0' then answer := 'done';
    when others then answer := sqlstate;
  end;
  return answer;
end
$$;
select is(pg_temp.planted(statement), '42501', 'refused to a function of the server: ' || statement)
from unnest(array[
  'update public.usage_logs set seconds = 0',
  'delete from public.usage_logs',
  'truncate public.usage_logs cascade',
  'update public.grants set minutes = 1000',
  'delete from public.grants',
  'truncate public.grants',
  'delete from public.trial_claims',
  'update public.subscriptions set amount_minor = 1',
  'update public.subscriptions set minutes = 1000',
  'update public.subscriptions set workspace_id = gen_random_uuid()',
  'delete from public.subscriptions',
  'update public.payment_transactions set subscription_id = gen_random_uuid()',
  'delete from public.payment_transactions',
  'update public.subscription_changes set cause = ''another''',
  'delete from public.subscription_changes',
  'update public.api_keys set key_hash = sha256(''mine'')',
  'update public.api_keys set agent_id = gen_random_uuid()',
  'delete from public.agents',
  'delete from public.workspaces'
]) as statement;
select is(
  pg_temp.planted(format('update %s set workspace_id = workspace_id', a.attrelid::regclass)), '42501',
  'no row is moved to another workspace: ' || a.attrelid::regclass
)
from pg_attribute as a
join pg_class as c on c.oid = a.attrelid and c.relkind = 'r' and c.relnamespace = 'public'::regnamespace
where a.attname = 'workspace_id'
order by a.attrelid::regclass::text;
select is(pg_temp.planted('update public.workspaces set name = ''x'''), 'done', 'while other changes go on');
select lives_ok(
  $$ update public.grants set minutes = minutes $$, 'an operator, connected as the owner, can correct a ledger'
);

select * from finish();
rollback;
