-- Leases while the clock jumps. The clock cannot be set here, so what was written down is moved instead.
begin;
select no_plan();

create temporary table them on commit drop as select tests.person('ann@clocks.test') as ann, null::uuid as workspace;
update them set workspace = tests.workspace(ann);
grant select on them to public;
select tests.leave(workspace, 100) from them;

create function pg_temp.admit() returns uuid
language plpgsql
as $$
declare
  answer record;
begin
  perform tests.act_as('callwaiting_meter', ann) from pg_temp.them;
  select * into answer from private.admit_user(null, 30, 100);
  perform tests.act_as_owner();
  return answer.reservation_id;
end
$$;
-- The clock is so much further on: everything that was written down is so much older.
create function pg_temp.jump(by interval) returns setof text
language sql
as $$
  update public.usage_reservations
  set created_at = created_at - by, expires_at = expires_at - by, doubted_at = doubted_at - by;
  select '' where false;
$$;
create function pg_temp.states() returns text[]
language sql
as $$
  select array_agg(r.state order by r.created_at, r.id)
  from public.usage_reservations as r, pg_temp.them as t
  where r.workspace_id = t.workspace
$$;

-- Forward.
create temporary table live on commit drop as select pg_temp.admit() as id;
grant select on live to public;
select pg_temp.jump('1 year');
select is((select count from private.expire_reservations()), 0, 'a clock set forward frees no live hold');
select is((select count from private.expire_reservations()), 0, 'however often it is looked at');
select isnt(pg_temp.admit(), null, 'nor does another admission');
select is(pg_temp.states(), array['held', 'held'], 'both are held');
select pg_temp.jump('30 seconds');
select is((select count from private.expire_reservations()), 0, 'nor before half a lease is over, which is as long as a request may take');
select tests.act_as('callwaiting_meter');
select is((select outcome from live, private.settle(live.id, 1000, 'voice', 0, '{}', null, null, null, null, null)), 'settled', 'until then it is settled as if nothing had been');
select tests.act_as_owner();
select pg_temp.jump('200 seconds');
select is((select count from private.expire_reservations()), 0, 'a dead hold is doubted first');
select pg_temp.jump('60 seconds');
select is((select count from private.expire_reservations()), 1, 'and expires half a lease later');

-- Back.
create temporary table dead on commit drop as select pg_temp.admit() as id;
select pg_temp.jump('-1 year');
select is((select count from private.expire_reservations()), 0, 'a clock set back frees no live hold');
select pg_temp.jump('60 seconds');
select is((select count from private.expire_reservations()), 1, 'and keeps no dead one');
create temporary table doubted on commit drop as select pg_temp.admit() as id;
select pg_temp.jump('101 seconds');
select is((select count from private.expire_reservations()), 0, 'one that was doubted');
select pg_temp.jump('-1 day');
select is((select count from private.expire_reservations()), 0, 'before the clock was set back');
select pg_temp.jump('60 seconds');
select is((select count from private.expire_reservations()), 1, 'does not wait for that day either');

-- A call that goes on.
create temporary table call on commit drop as select pg_temp.admit() as id;
grant select on call to public;
select pg_temp.jump('1 hour');
select '# ' || count from private.expire_reservations();
select tests.act_as('callwaiting_meter');
select is((select outcome from call, private.extend_hold(call.id, 1, 100)), 'extended', 'a hold that is extended');
select tests.act_as_owner();
select is((select doubted_at from public.usage_reservations join call using (id)), null, 'is doubted no more');
select is_empty('select tests.broken()', 'the ledgers add up after every jump');

select * from finish();
rollback;
