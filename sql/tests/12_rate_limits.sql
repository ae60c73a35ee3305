-- Buckets: how many a minute, when again, and whose they are.
begin;
select no_plan();

create temporary table tenants on commit drop as select * from tests.two_tenants();
create temporary table them on commit drop as
  select t.*, x.id as agent, y.id as their_agent
  from tenants as t
  join public.agents as x on x.workspace_id = t.b
  join public.agents as y on y.workspace_id = t.a;
grant select on them to public;
delete from private.rate_limits;

-- So many seconds go by, for every bucket; those that went by in truth since the last call are taken back.
create temporary table called (at timestamptz) on commit drop;
insert into called values (clock_timestamp());
create function pg_temp.wait(seconds numeric) returns setof text
language sql
as $$
  update private.rate_limits
  set full_at = full_at - make_interval(secs => seconds) + (clock_timestamp() - (select at from called));
  update called set at = clock_timestamp();
  select '' where false;
$$;
create function pg_temp.taken(bucket text, per_minute integer, times integer) returns bigint
language sql
as $$
  select pg_temp.wait(0);
  select count(*) filter (where t.allowed) from generate_series(1, times) as n, private.take(bucket || left(n::text, 0), per_minute) as t
$$;

-- The bucket.
select is(pg_temp.taken('a', 10, 25), 10::bigint, 'ten a minute are ten at once, and no more');
select pg_temp.wait(0);
select is((select retry_after from private.take('a', 10)), 6, 'and the next after six seconds');
select pg_temp.wait(5);
select is(pg_temp.taken('a', 10, 5), 0::bigint, 'not after five');
select pg_temp.wait(1);
select is(pg_temp.taken('a', 10, 5), 1::bigint, 'one after six');
select pg_temp.wait(30);
select is(pg_temp.taken('a', 10, 25), 5::bigint, 'five after half a minute');
select pg_temp.wait(86400);
select is(pg_temp.taken('a', 10, 25), 10::bigint, 'ten, and no more, after a day');
select is(pg_temp.taken('b', 10, 25), 10::bigint, 'another bucket is another''s');
select is(pg_temp.taken('c', 1, 3), 1::bigint, 'one a minute is one');
select pg_temp.wait(0);
select is((select retry_after from private.take('c', 1)), 60, 'and the next after a minute');
select cmp_ok(pg_temp.taken('d', 600, 900), '<', 700::bigint, 'six hundred a minute are that, and ten for each second that this takes');
select is(pg_temp.taken('e', null, 100) + pg_temp.taken('e', 0, 100) + pg_temp.taken('e', -1, 100) + pg_temp.taken(null, 1, 100),
  400::bigint, 'no limit is no limit');
select is((select count(*) from private.rate_limits where bucket = 'e'), 0::bigint, 'and nothing is written down');
update private.rate_limits set full_at = clock_timestamp() + interval '1 year' where bucket = 'a';
select is(pg_temp.taken('a', 10, 25), 10::bigint, 'a clock set back locks nobody out');
select is(pg_temp.taken('a', 100, 1), 0::bigint, 'a limit raised is for the minutes to come');
select is(pg_temp.taken(repeat('x', 300), 10, 25), 10::bigint, 'a name too long is cut');

-- Addresses.
select results_eq(
  $$ select private.address_bucket('x', address::inet) from (values
       ('192.0.2.1'), ('::ffff:192.0.2.1'), ('2001:db8::1'), ('2001:db8::2:0:0:1'), ('2001:db8:0:1::1')) as t (address) $$,
  array['x 192.0.2.1', 'x ::ffff:192.0.2.1', 'x 2001:db8::/64', 'x 2001:db8::/64', 'x 2001:db8:0:1::/64'],
  'an IPv4 address is one bucket, a network of IPv6 is one'
);

-- Agents: per key.
select tests.act_as('callwaiting_agent');
select results_eq(
  $$ select a.outcome, a.reservation_id is not null, a.name, a.retry_after
     from generate_series(1, 3) as n, pg_temp.them as t,
       private.admit_agent(t.agent, tests.key_hash(t.agent), 1, 60, null, 20 + n * 0, 2, null) as a $$,
  $$ values ('ok', true, 'Agent', null::integer), ('ok', true, 'Agent', null), ('rate_limited', false, null, 30) $$,
  'a key is good for so many a minute, and then says when again'
);
select results_eq(
  $$ select a.outcome from pg_temp.them as t, private.admit_agent(t.their_agent, tests.key_hash(t.their_agent), 1, 60, null, 20, 2, null) as a $$,
  array['ok'], 'while another''s goes on'
);
select results_eq(
  $$ select distinct a.outcome from generate_series(1, 5) as n, pg_temp.them as t,
       private.admit_agent(t.agent, sha256(n::text::bytea), 1, 60, null, 20, 1, 1) as a $$,
  array['unauthorized'], 'a wrong key is wrong however often'
);
select results_eq(
  $$ select a.outcome from pg_temp.them as t, private.admit_agent(t.agent, tests.key_hash(t.agent), 1, 60, null, 20) as a
     union all
     select a.outcome from pg_temp.them as t, private.admit_agent(t.agent, tests.key_hash(t.agent), 1, 60, null, 20, null, 0) as a $$,
  array['ok', 'ok'], 'a server that knows of no limits has none'
);
select tests.act_as_owner();
select is_empty('select * from tests.broken()', 'who is refused holds nothing');
select is((select count(*) from private.rate_limits where bucket like 'key %'), 2::bigint, 'only right keys are written down');

-- Replies at a time: per agent, by its holds.
create temporary table calls (outcome text, reservation_id uuid) on commit drop;
grant select, insert on calls to public;
select tests.act_as('callwaiting_agent');
insert into pg_temp.calls
  select a.outcome, a.reservation_id
  from generate_series(1, 3) as n, pg_temp.them as t,
    private.admit_agent(t.their_agent, tests.key_hash(t.their_agent), 1, 60, null, 20 + n * 0, null, 3) as a;
select tests.act_as_owner();
select results_eq('select outcome from calls', array['ok', 'ok', 'busy'], 'an agent makes so many replies at a time, those of before among them');
select tests.act_as('callwaiting_agent');
select results_eq(
  $$ select a.outcome from pg_temp.them as t, private.admit_agent(t.agent, tests.key_hash(t.agent), 1, 60, null, 20, null, 9) as a $$,
  array['ok'], 'while another agent goes on'
);
select results_eq(
  $$ select a.outcome from pg_temp.them as t,
     private.admit_agent(t.their_agent, tests.key_hash(t.their_agent), 1, 60, gen_random_uuid(), 20, null, 3) as a $$,
  array['unknown_conversation'], 'a conversation that is not the agent''s is said before that it is busy'
);
select tests.act_as_owner();
delete from private.rate_limits;
update public.agents as a set status = 'paused' from them where a.id = them.agent;
select tests.act_as('callwaiting_agent');
select results_eq(
  $$ select a.outcome from generate_series(1, 2) as n, pg_temp.them as t,
     private.admit_agent(t.agent, tests.key_hash(t.agent), 1, 60, null, 20 + n * 0, 1, null) as a $$,
  array['unauthorized', 'unauthorized'], 'the key of an agent that answers nobody is as wrong as any other'
);
select tests.act_as_owner();
select is_empty('select * from private.rate_limits', 'and is not counted');
update public.agents as a set status = 'active' from them where a.id = them.agent;
select tests.act_as('callwaiting_agent');
select tests.act_as_owner();
select private.release(reservation_id) from calls where reservation_id is not null limit 1;
select tests.act_as('callwaiting_agent');
select results_eq(
  $$ select a.outcome from pg_temp.them as t, private.admit_agent(t.their_agent, tests.key_hash(t.their_agent), 1, 60, null, 20, null, 3) as a $$,
  array['ok'], 'and makes another when one has ended'
);
select tests.act_as_owner();
update public.usage_reservations as r set expires_at = clock_timestamp() from them as t where r.agent_id = t.their_agent and r.state = 'held';
select tests.act_as('callwaiting_agent');
select results_eq(
  $$ select a.outcome from pg_temp.them as t, private.admit_agent(t.their_agent, tests.key_hash(t.their_agent), 1, 60, null, 20, null, 1) as a $$,
  array['ok'], 'a reply whose process has died is none'
);
select tests.act_as_owner();
update public.api_keys as k set revoked_at = now() from them as t where k.agent_id = t.agent;
select tests.act_as('callwaiting_agent');
select results_eq(
  $$ select a.outcome from generate_series(1, 3) as n, pg_temp.them as t,
       private.admit_agent(t.agent, tests.key_hash(t.agent), 1, 60, null, 20 + n * 0, 1, 1) as a $$,
  array['unauthorized', 'unauthorized', 'unauthorized'], 'a revoked key is never too fast, only wrong'
);
select tests.act_as_owner();
update public.api_keys as k set revoked_at = null from them as t where k.agent_id = t.agent;

-- People.
create function pg_temp.outcomes(as_role text, person uuid, statement text) returns text
language plpgsql
as $$
declare
  outcome text;
  outcomes text := '';
begin
  perform tests.act_as(as_role, person);
  for i in 1 .. 3 loop
    execute format(statement, i) into outcome;
    outcomes := concat_ws(' ', nullif(outcomes, ''), outcome);
  end loop;
  perform tests.act_as_owner();
  return outcomes;
end
$$;
select is(
  pg_temp.outcomes('callwaiting_meter', owner, 'select outcome from private.admit_user(null, %s, 60, 2)'),
  'ok ok rate_limited', 'a person makes so much speech a minute'
) from them;
select is(
  pg_temp.outcomes('callwaiting_meter', member, format('select outcome from private.admit_user(%L, %%s, 60, 2)', a)),
  'ok ok rate_limited', 'and another person of the same workspace as much'
) from them;
select is(
  pg_temp.outcomes('authenticated', owner,
    'select outcome from private.create_agent(null, ''n'', ''p'', ''soft_f'', sha256(''%s''), ''h'', 2)'),
  'created created rate_limited', 'so many agents a minute'
) from them;
select is(
  pg_temp.outcomes('callwaiting_payments', owner,
    'select outcome from private.create_payment(null, ''basic'', 500, 2900, ''NGN'', ''limited-%s'', 2)'),
  'created created rate_limited', 'so many payment links a minute'
) from them;
select is((select count(*) from public.subscriptions where tx_ref like 'limited-%'), 2::bigint, 'and no more rows of them');

-- Addresses and accounts.
select is(
  pg_temp.outcomes('callwaiting_auth', null,
    'select outcome from private.sign_up(''s%s@limits.test'', ''password'', null, 4, true, sha256(''u%1$s''), ''192.0.2.1'', 2)'),
  'created created rate_limited', 'an address signs up so often'
);
select is(
  pg_temp.outcomes('callwaiting_auth', null,
    'select outcome from private.sign_in(''s%s@limits.test'', ''wrong'', 4, sha256(''i%1$s''), ''192.0.2.1'', 2, 2)'),
  'invalid invalid rate_limited', 'and guesses so many passwords, of whatever accounts'
);
select is(
  pg_temp.outcomes('callwaiting_auth', null,
    'select outcome from private.sign_in(''S1@limits.test '', ''wrong'', 4, sha256(''i%s''), format(''192.0.2.%%s'', 10 + %1$s)::inet, 2, 2)'),
  'invalid rate_limited rate_limited', 'an account is guessed at so often, from wherever, however it is written'
);
select is(
  pg_temp.outcomes('callwaiting_auth', null,
    'select outcome from private.sign_in(''nobody@limits.test'', ''wrong'', 4, sha256(''i%s''), format(''192.0.2.%%s'', 20 + %1$s)::inet, 2, 2)'),
  'invalid invalid rate_limited', 'as is one that is not there'
);
select is(
  pg_temp.outcomes('callwaiting_auth', null,
    'select outcome from private.sign_in(''s1@limits.test'', ''password'', 4, sha256(''ok%s''), null, 1, null)'),
  'ok ok ok', 'without an address and a limit there is none'
);
select is(
  pg_temp.outcomes('callwaiting_auth', null,
    'select outcome from private.refresh_session(sha256(''nothing''), sha256(''r%s''), 10, ''2001:db8::%1$s'', 2)'),
  'not_found not_found rate_limited', 'a network tries so many refresh tokens'
);
select is(
  (select count(*) from private.rate_limits where bucket ~ 'limits.test'), 0::bigint, 'no e-mail is written down'
);

-- Forgetting.
select pg_temp.wait(30);
select results_eq(
  'select count from private.purge_rate_limits()', 'select count(*)::integer from private.rate_limits where full_at < now()',
  'a bucket is forgotten when it is full'
);
select is_empty('select bucket from private.rate_limits where full_at < now()', 'all of those are');
select isnt_empty('select bucket from private.rate_limits', 'and no other');
select pg_temp.wait(300);
insert into private.rate_limits (bucket, full_at) values ('set back', now() + interval '1 year');
select isnt((select count from private.purge_rate_limits()), 0, 'after five minutes there is more to forget');
select is_empty('select bucket from private.rate_limits', 'and nothing is left, not even of a clock set back');

select * from finish();
rollback;
