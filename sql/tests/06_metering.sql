-- One workspace's seconds, step by step; after every step the ledgers must add up.
begin;
select plan(70);
create temporary table them on commit drop as
  select tests.person('ann@metering.test') as ann, tests.person('bob@metering.test') as bob, null::uuid as workspace,
    null::uuid as agent;
update them set workspace = tests.workspace(ann);
grant select on them to public;
create temporary table holds (name text primary key, id uuid) on commit drop;
grant select, insert on holds to public;

-- As the meter, in the name of ann: admit, remembering the reservation by a name.
create function pg_temp.admit(name text, estimate integer) returns table (outcome text, held integer, remaining bigint)
language plpgsql
as $$
declare
  answer record;
begin
  perform tests.act_as('callwaiting_meter', ann) from pg_temp.them;
  select * into answer from private.admit_user(null, estimate, 60);
  perform tests.act_as_owner();
  if answer.reservation_id is not null then
    insert into pg_temp.holds values (admit.name, answer.reservation_id);
  end if;
  return query select answer.outcome, answer.held, answer.remaining;
end
$$;
create function pg_temp.settle(name text, milliseconds bigint)
returns table (outcome text, charged integer, reserved bigint, remaining bigint)
language sql
as $$
  select tests.act_as('callwaiting_meter');
  select s.outcome, s.charged, s.reserved, s.remaining
  from pg_temp.holds as h,
    private.settle(h.id, milliseconds, 'voice', 3, '{"model": "m"}', null, null, null, null, null) as s
  where h.name = settle.name
  union all
  select s.outcome, s.charged, s.reserved, s.remaining
  from private.settle(gen_random_uuid(), milliseconds, 'voice', 3, '{}', null, null, null, null, null) as s
  where settle.name is null;
$$;
create function pg_temp.release(name text) returns setof text
language sql
as $$
  select tests.act_as('callwaiting_meter');
  select r.outcome from pg_temp.holds as h, private.release(h.id) as r where h.name = release.name;
$$;
create function pg_temp.state(name text) returns text
language sql security definer
as $$
  select r.state from pg_temp.holds as h join public.usage_reservations as r using (id) where h.name = state.name
$$;
create function pg_temp.adds_up(after text) returns text
language sql
as $$
  select tests.act_as_owner();
  select tap.is_empty('select tests.broken()', 'the ledgers add up after: ' || after);
$$;

-- 100 seconds to spend.
select tests.leave(workspace, 100) from them;
select pg_temp.adds_up('the beginning');

-- Hold and settle.
select results_eq(
  'select * from pg_temp.admit(''a'', 30)', $$ values ('ok', 30, 70::bigint) $$, 'the estimate is held'
);
select pg_temp.adds_up('a hold');
select results_eq(
  'select * from pg_temp.admit(''b'', 50)', $$ values ('ok', 50, 20::bigint) $$,
  'a second hold comes from what the first left'
);
select pg_temp.adds_up('two holds');
select results_eq(
  'select * from pg_temp.settle(''a'', 12001)', $$ values ('settled', 13, 50::bigint, 37::bigint) $$,
  'whole seconds are charged, rounded up, and the rest of the hold is free again'
);
select pg_temp.adds_up('settling');
select results_eq(
  'select * from pg_temp.settle(''a'', 99000)', $$ values ('already_settled', 13, 50::bigint, 37::bigint) $$,
  'settling again gives the first receipt'
);
select pg_temp.adds_up('settling again');
select results_eq(
  $$ select u.kind, u.seconds, u.cost_cents, u.meta, u.user_id
     from public.usage_logs as u
     join public.usage_reservations as r on r.usage_id = u.id $$,
  $$ select 'voice', 13, 3, '{"model": "m", "milliseconds": 12001}'::jsonb, ann from pg_temp.them $$,
  'once, in the ledger, with the made length'
);
select results_eq(
  'select * from pg_temp.settle(''b'', 50000)', $$ values ('settled', 50, 0::bigint, 37::bigint) $$,
  'exactly the estimate'
);
select results_eq(
  'select * from pg_temp.settle(''a'', 1)', $$ values ('already_settled', 13, 50::bigint, 37::bigint) $$,
  'and the first receipt is still the same'
);
select pg_temp.adds_up('settling the second');

-- More than the hold.
select results_eq('select * from pg_temp.admit(''c'', 10)', $$ values ('ok', 10, 27::bigint) $$, 'held: 10 of 37');
select results_eq(
  'select * from pg_temp.settle(''c'', 20000)', $$ values ('settled', 20, 0::bigint, 17::bigint) $$,
  'what exceeds the hold comes from what is left'
);
select pg_temp.adds_up('settling more than was held');
select results_eq(
  'select * from pg_temp.admit(''d'', 1000)', $$ values ('ok', 17, 0::bigint) $$, 'no more is held than is left'
);
select results_eq(
  'select * from pg_temp.admit(''e'', 1)', $$ values ('quota_exceeded', 0, 0::bigint) $$,
  'with nothing left nobody is let in'
);
select pg_temp.adds_up('the last hold');
select is(current_setting('synchronous_commit'), 'off', 'an admission does not wait for the disk');
set local synchronous_commit = on;
select results_eq(
  'select * from pg_temp.settle(''d'', 500000)', $$ values ('settled', 17, 0::bigint, 0::bigint) $$,
  'the last reply is charged to the last second and no further'
);
select pg_temp.adds_up('the last reply');
select is(current_setting('synchronous_commit'), 'on', 'a charge does');
select is(u.meta ->> 'milliseconds', '500000', 'while its real length is kept')
from holds as h
join public.usage_reservations as r on r.id = h.id
join public.usage_logs as u on u.id = r.usage_id
where h.name = 'd';

-- Release.
select tests.leave(workspace, 60) from them;
select pg_temp.admit('f', 60);
select results_eq('select * from pg_temp.release(''f'')', array['released'], 'a hold can be given back');
select is(tests.left_of(workspace), 60::bigint, 'whole') from them;
select pg_temp.adds_up('a release');
select results_eq('select * from pg_temp.release(''f'')', array['released'], 'giving it back again changes nothing');
select results_eq(
  'select * from pg_temp.settle(''f'', 1000)', $$ values ('unknown', null::integer, null::bigint, null::bigint) $$,
  'and it cannot be settled any more'
);
select results_eq('select * from pg_temp.release(''a'')', array['unknown'], 'nor can what was settled be released');
select results_eq(
  'select * from pg_temp.settle(null, 1000)', $$ values ('unknown', null::integer, null::bigint, null::bigint) $$,
  'a reservation that never was is unknown'
);
select pg_temp.adds_up('all that');

-- Expiry, and settling late.
select pg_temp.admit('g', 40);
select tests.let_expire(id) from holds where name = 'g';
select results_eq(
  'select * from pg_temp.admit(''h'', 60)', $$ values ('ok', 60, 0::bigint) $$,
  'the next admit frees what a dead reply held'
);
select is(pg_temp.state('g'), 'expired', 'and marks it expired');
select pg_temp.adds_up('an expiry');
select results_eq(
  'select * from pg_temp.settle(''g'', 30000)', $$ values ('settled', 0, 60::bigint, 0::bigint) $$,
  'settled late, it is charged from what is left, which is nothing'
);
select pg_temp.adds_up('a late settle with nothing left');
select results_eq(
  'select * from pg_temp.settle(''g'', 30000)', $$ values ('already_settled', 0, 60::bigint, 0::bigint) $$,
  'and only once'
);
select results_eq(
  'select * from pg_temp.settle(''h'', 20000)', $$ values ('settled', 20, 0::bigint, 40::bigint) $$,
  'the other reply loses nothing by it'
);
select pg_temp.admit('i', 10);
select tests.let_expire(id) from holds where name = 'i';
select results_eq(
  'select * from pg_temp.settle(''i'', 5000)', $$ values ('settled', 5, 0::bigint, 35::bigint) $$,
  'past its lease but not yet marked, it is settled as if in time'
);
select pg_temp.admit('j', 10);
select tests.let_expire(id) from holds where name = 'j';
select tests.act_as('callwaiting_worker');
select results_eq('select * from private.expire_reservations()', array[1], 'the worker marks it too');
select results_eq('select * from private.expire_reservations()', array[0], 'once');
select results_eq(
  'select * from pg_temp.settle(''j'', 12000)', $$ values ('settled', 12, 0::bigint, 23::bigint) $$,
  'settled late, it is charged from what is left'
);
select pg_temp.adds_up('the worker');
select pg_temp.admit('k', 10);
select tests.let_expire(id) from holds where name = 'k';
select tests.act_as('callwaiting_worker');
select '# ' || private.expire_reservations();
select results_eq('select * from pg_temp.release(''k'')', array['released'], 'releasing an expired hold is no error');
select is(pg_temp.state('k'), 'expired', 'and changes nothing');
select pg_temp.adds_up('releasing what expired');

-- Odd lengths.
select pg_temp.admit(name, 1) from unnest(array['0', '1', '999', '1000', '1001', '-5', 'null']) as name;
select results_eq(
  $$ select s.charged from (values ('0', 0), ('1', 1), ('999', 999), ('1000', 1000), ('1001', 1001), ('-5', -5), ('null', null::bigint))
     as t (name, ms), pg_temp.settle(t.name, t.ms) as s $$,
  array[0, 1, 1, 1, 2, 0, 0], 'a started second is a second, and no length is none'
);
select pg_temp.adds_up('odd lengths');
select results_eq(
  'select * from pg_temp.admit(''l'', -7)', $$ values ('ok', 1, 17::bigint) $$, 'at least one second is held'
);
select results_eq(
  'select * from pg_temp.settle(''l'', 9223372036854775000)', $$ values ('settled', 18, 0::bigint, 0::bigint) $$,
  'and no length breaks it'
);
select pg_temp.adds_up('an absurd length');

-- Extending.
select tests.leave(workspace, 30) from them;
select pg_temp.admit('m', 10);
select tests.act_as('callwaiting_meter');
select results_eq(
  'select e.* from pg_temp.holds as h, private.extend_hold(h.id, 15, 60) as e where h.name = ''m''',
  $$ values ('extended', 25, 5::bigint) $$,
  'a hold can be extended'
);
select results_eq(
  'select e.* from pg_temp.holds as h, private.extend_hold(h.id, 15, 60) as e where h.name = ''m''',
  $$ values ('extended', 30, 0::bigint) $$,
  'by no more than is left'
);
select pg_temp.adds_up('extending');
select tests.act_as('callwaiting_meter');
select results_eq(
  'select e.* from pg_temp.holds as h, private.extend_hold(h.id, 15, 60) as e where h.name = ''m''',
  $$ values ('quota_exceeded', 30, 0::bigint) $$,
  'until nothing is'
);
select results_eq(
  'select e.* from pg_temp.holds as h, private.extend_hold(h.id, 15, 60) as e where h.name = ''a''',
  $$ values ('unknown', null::integer, null::bigint) $$,
  'what is settled is not extended'
);
select results_eq(
  'select * from private.extend_hold(gen_random_uuid(), 1, 1)', $$ values ('unknown', null::integer, null::bigint) $$,
  'nor what never was'
);
select results_eq(
  'select * from pg_temp.settle(''m'', 28000)', $$ values ('settled', 28, 0::bigint, 2::bigint) $$,
  'and is charged in the end'
);
select pg_temp.adds_up('settling what was extended');

-- Periods.
update public.workspaces set period_end = now() - interval '1 second' from them where id = workspace;
select results_eq(
  'select * from pg_temp.admit(''n'', 1)', $$ values ('subscription_expired', 0, 2::bigint) $$,
  'after the period nobody is let in, whatever is left'
);
update public.workspaces set period_end = now() + interval '1 hour' from them where id = workspace;
select results_eq('select * from pg_temp.admit(''o'', 1)', $$ values ('ok', 1, 1::bigint) $$, 'within it they are');
select '# ' || pg_temp.release('o');
select tests.act_as_owner();
update public.workspaces set period_end = null from them where id = workspace;

-- Who.
select tests.act_as('callwaiting_meter', bob) from them;
select results_eq(
  format('select outcome, reservation_id from private.admit_user(%L, 1, 60)', workspace),
  $$ values ('forbidden', null::uuid) $$,
  'a stranger is not admitted'
) from them;
select results_eq(
  'select outcome, reservation_id from private.admit_user(gen_random_uuid(), 1, 60)',
  $$ values ('forbidden', null::uuid) $$,
  'and learns just the same of a workspace that does not exist'
);
select tests.act_as('callwaiting_meter');
select results_eq(
  'select outcome from private.admit_user(null, 1, 60)', array['forbidden'], 'nor is anybody without claims'
);
select pg_temp.adds_up('strangers');

-- The report.
select tests.leave(workspace, 40) from them;
update public.workspaces set period_end = '2031-02-03 04:05:06.7+05:30' from them where id = workspace;
select pg_temp.admit('p', 30);
select tests.act_as('authenticated', ann) from them;
select results_eq(
  'select outcome, plan, 60 * minutes_quota - seconds_used - seconds_reserved, seconds_reserved, period_end from private.usage_report(null)',
  $$ values ('ok', 'trial', 10::bigint, 30::bigint, '2031-02-02T22:35:06Z') $$,
  'the report has what is reserved and left, and the end of the period in UTC'
);
select tests.act_as('authenticated', bob) from them;
select results_eq(
  format('select outcome, plan, seconds_used from private.usage_report(%L)', workspace),
  $$ values ('forbidden', null::text, null::bigint) $$,
  'a stranger gets none'
) from them;
select pg_temp.adds_up('everything');

select tests.act_as_owner();
-- A constraint is the last line: not even a wrong function can overdraw.
select throws_ok(
  'update public.workspaces set seconds_used = minutes_quota * 60 + 1',
  '23514',
  null,
  'what is left is never below nothing'
);

select * from finish();
rollback;
