-- Replies that are settled together: each is charged as if they had been settled one after another.
begin;
select plan(22);
create temporary table them on commit drop as
  select tests.person('ann@sets.test') as ann, tests.person('bob@sets.test') as bob, null::uuid as a, null::uuid as b;
update them set a = tests.workspace(ann), b = tests.workspace(bob);

-- So many seconds for a reply of this person, as a hold that has been admitted.
create function pg_temp.hold(person uuid, seconds integer, key text default null) returns uuid
language plpgsql
as $$
declare
  admitted record;
begin
  perform set_config('request.jwt.claims', json_build_object('sub', person)::text, true);
  if key is null then
    select * into admitted from private.admit_user(null, seconds, 600);
  else
    select * into admitted from private.admit_user(null, seconds, 600, 0, sha256(key::bytea), sha256('body'));
  end if;
  return admitted.reservation_id;
end
$$;
-- As the meter, with nothing but lengths; in the order of the holds, and what a set leaves out is null.
create function pg_temp.settle_set(holds uuid[], lengths bigint[])
returns table (outcome text, charged integer, reserved bigint, remaining bigint)
language sql
as $$
  select tests.act_as('callwaiting_meter');
  with answers as (
    select *
    from private.settle_set(
      holds, lengths, array_fill('voice'::text, array[cardinality(holds)]), null, null, null, null, null, null, null
    )
  )
  select s.outcome, s.charged, s.reserved, s.remaining
  from unnest(holds) with ordinality as h (id, turn)
  left join answers as s on s.reservation_id = h.id
  order by h.turn;
$$;
create function pg_temp.nth(n integer) returns uuid
language sql
as $$
  select lpad(n::text, 32, '0')::uuid
$$;
create function pg_temp.adds_up(after text) returns text
language sql
as $$
  select tests.act_as_owner();
  select tap.is_empty('select tests.broken()', 'the ledgers add up after: ' || after);
$$;

-- Any holds and lengths at all: the same holds one by one in a's workspace, together in b's.
create temporary table cases (seed float, expected text[], one_by_one text[], together text[]) on commit drop;
grant insert on cases to public;
do $$
declare
  seed constant float := random();
  left_over integer;
  count integer;
  sizes integer[];
  lengths bigint[];
  dead boolean[];
  of_a uuid[];
  of_b uuid[];
  single text[];
  expected text[];
  unspent bigint;
  reserved bigint;
  freed integer;
  charged integer;
begin
  perform setseed(seed);
  for round in 1..60 loop
    left_over := (random() * 120)::integer;
    count := 1 + (random() * 12)::integer;
    select array_agg(1 + (random() * 20)::integer), array_agg((random() * 30000)::bigint), array_agg(random() < 0.2)
    into sizes, lengths, dead
    from generate_series(1, count);
    perform tests.act_as_owner();
    perform tests.leave(t.a, left_over + 200), tests.leave(t.b, left_over + 200) from pg_temp.them as t;
    select array_agg(pg_temp.hold(t.ann, s.size) order by s.turn), array_agg(pg_temp.hold(t.bob, s.size) order by s.turn)
    into of_a, of_b
    from pg_temp.them as t, unnest(sizes) with ordinality as s (size, turn);
    perform tests.let_expire(h.id)
    from unnest(of_a || of_b, dead || dead) as h (id, is_dead)
    where h.is_dead;
    perform private.expire_reservations();
    perform tests.leave(t.a, left_over), tests.leave(t.b, left_over) from pg_temp.them as t;
    select w.seconds_reserved into reserved from public.workspaces as w, pg_temp.them as t where w.id = t.a;
    unspent := left_over;
    expected := '{}';
    for turn in 1..count loop
      freed := case when dead[turn] then 0 else sizes[turn] end;
      charged := least(ceil(lengths[turn] / 1000.0), freed + unspent);
      reserved := reserved - freed;
      unspent := unspent + freed - charged;
      expected := expected || format('(settled,%s,%s,%s)', charged, reserved, unspent);
    end loop;
    single := '{}';
    for turn in 1..count loop
      perform tests.act_as('callwaiting_meter');
      single := single || (
        select (s.outcome, s.charged, s.reserved, s.remaining)::text
        from private.settle(of_a[turn], lengths[turn], 'voice', 0, '{}', null, null, null, null, null) as s
      );
    end loop;
    insert into cases
    select seed, expected, single, array_agg((s.outcome, s.charged, s.reserved, s.remaining)::text)
    from pg_temp.settle_set(of_b, lengths) as s;
    perform tests.act_as_owner();
  end loop;
end
$$;
select tests.act_as_owner();
select is_empty(
  'select * from cases where expected <> one_by_one',
  format('sixty times, one by one, everybody pays what there is, seed %s', (select seed from cases limit 1))
);
select is_empty(
  'select * from cases where one_by_one <> together',
  format('sixty sets get the receipts that they would get one by one, seed %s', (select seed from cases limit 1))
);
select isnt_empty(
  $$ select from cases, unnest(together) as t (receipt) where t.receipt like '%,0)' $$,
  'some of them more than there was left for'
);
select pg_temp.adds_up('sets of every kind');

-- Two workspaces in one set, one reply that nobody held, one twice, one that was settled before.
select tests.leave(a, 100), tests.leave(b, 100) from them;
create temporary table held on commit drop as
  select pg_temp.hold(ann, 10) as first, pg_temp.hold(bob, 20) as second, pg_temp.hold(ann, 30) as third from them;
select tests.act_as_owner();
grant select on held to public;
select results_eq(
  $$ select s.* from held, pg_temp.settle_set(array[third], array[30000]) as s $$,
  $$ values ('settled', 30, 10::bigint, 60::bigint) $$, 'a set of one'
);
select results_eq(
  $$ select s.*
     from held, pg_temp.settle_set(
       array[second, gen_random_uuid(), first, third, first], array[5000, 1000, 4001, 9000, 9000]
     ) as s $$,
  $$ values ('settled', 5, 0::bigint, 95::bigint), ('unknown', null, null, null), ('settled', 5, 0, 65),
       ('already_settled', 30, 10, 60), ('settled', 5, 0, 65) $$,
  'each workspace pays its own, what is unknown stops nobody, and nothing is charged twice'
);
select pg_temp.adds_up('a set of two workspaces');
select is(
  (select count(*) from public.usage_logs as u join public.usage_reservations as r on r.usage_id = u.id, held
    where r.id in (first, second, third)), 3::bigint, 'a line in the ledger for each'
);
select is_empty($$ select * from pg_temp.settle_set('{}', '{}') $$, 'a set of none is nothing');
select results_eq(
  $$ select * from pg_temp.settle_set(array[null]::uuid[], array[1]) $$,
  $$ values (null::text, null::integer, null::bigint, null::bigint) $$, 'nor is a reply without a hold'
);

-- All or nothing.
select tests.act_as_owner();
create temporary table more on commit drop as
  select pg_temp.hold(ann, 10) as first, pg_temp.hold(bob, 20) as second from them;
grant select on more to public;
select tests.act_as('callwaiting_meter');
select throws_ok(
  $$ select private.settle_set(
       array[first, second], array[1000, 1000], array['voice', 'song'], null, null, null, null, null, null, null
     ) from more $$, '23514', null, 'a kind that there is not is refused'
);
select tests.act_as_owner();
select results_eq(
  $$ select r.state from public.usage_reservations as r, more where r.id in (first, second) $$, array['held', 'held'],
  'and with it the whole set'
);
select pg_temp.adds_up('a set that was refused');

-- Everything that is kept of a reply, of each its own.
select tests.leave(a, 100), tests.leave(b, 100) from them;
insert into public.agents (id, workspace_id, name, system_prompt, voice_id)
select a, a, 'agent', 'p', 'soft_f' from them;
insert into public.usage_reservations (id, workspace_id, agent_id, conversation_id, seconds_held, expires_at)
select pg_temp.nth(n), a, a, pg_temp.nth(case when n < 3 then 100 else 200 end), 5, now() + interval '1 hour'
from them, generate_series(1, 3) as n;
update public.workspaces as w set seconds_reserved = w.seconds_reserved + 15 from them as t where w.id = t.a;
select results_eq(
  $$ select s.reservation_id, s.outcome, s.charged
     from private.settle_set(
       array[pg_temp.nth(3), pg_temp.nth(1), pg_temp.nth(2)], array[1000, 2000, 3000],
       array['agent_reply', 'voice', 'agent_reply'], array[7, 8, null], array[null, '{"m": 1}', null]::jsonb[],
       array[uuid_send(pg_temp.nth(3)), uuid_send(pg_temp.nth(1)), null], array[30, null, 20],
       array[4102444800, 4102444801.5, 4102444802], array['q3', 'q1', 'q2'], array['r3', 'r1', '']
     ) as s
     order by s.charged $$,
  $$ values (pg_temp.nth(3), 'settled', 1), (pg_temp.nth(1), 'settled', 2), (pg_temp.nth(2), 'settled', 3) $$,
  'three replies of two conversations'
);
select pg_temp.adds_up('a set of three replies');
select results_eq(
  $$ select r.id, u.kind, u.seconds, u.cost_cents, u.meta, u.agent_id
     from public.usage_logs as u join public.usage_reservations as r on r.usage_id = u.id
     where r.id in (pg_temp.nth(1), pg_temp.nth(2), pg_temp.nth(3)) order by r.id $$,
  $$ select v.id, v.kind, v.seconds, v.cost, v.meta, t.a
     from them as t,
       (values (pg_temp.nth(1), 'voice', 2, 8, '{"m": 1, "milliseconds": 2000}'::jsonb),
         (pg_temp.nth(2), 'agent_reply', 3, 0, '{"milliseconds": 3000}'),
         (pg_temp.nth(3), 'agent_reply', 1, 7, '{"milliseconds": 1000}')) as v (id, kind, seconds, cost, meta) $$,
  'each has its line in the ledger'
);
select results_eq(
  $$ select f.id, f.bytes, f.expires_at from public.audio_files as f, them as t where f.workspace_id = t.a order by f.id $$,
  $$ values (uuid_send(pg_temp.nth(1)), 0::bigint, '2100-01-01 00:00:01.5Z'::timestamptz),
       (uuid_send(pg_temp.nth(3)), 30, '2100-01-01Z') $$,
  'its recording, if there is one'
);
select results_eq(
  $$ select m.conversation_id, m.role, m.content
     from public.messages as m
     where m.conversation_id in (pg_temp.nth(100), pg_temp.nth(200)) order by m.id $$,
  $$ values (pg_temp.nth(200), 'user', 'q3'), (pg_temp.nth(200), 'assistant', 'r3'), (pg_temp.nth(100), 'user', 'q1'),
       (pg_temp.nth(100), 'assistant', 'r1'), (pg_temp.nth(100), 'user', 'q2') $$,
  'and its messages, in the order of the set'
);

-- Those that were admitted under a key are answered under it; the others are none of a key's.
create temporary table keyed on commit drop as
  select pg_temp.hold(ann, 5, 'one') as one, pg_temp.hold(bob, 5, 'two') as two, pg_temp.hold(bob, 5) as none from them;
select tests.act_as_owner();
select results_eq(
  $$ select s.outcome
     from keyed, private.settle_set(
       array[two, none, one], array[1500, 1000, 2500], array_fill('voice'::text, array[3]), null, null,
       array[uuid_send(two), uuid_send(none), uuid_send(one)], null, array[4102444800, 4102444800, 4102444800], null,
       array['to two', 'to none', 'to one']
     ) as s $$,
  $$ values ('settled'), ('settled'), ('settled') $$, 'replies with keys and without'
);
select results_eq(
  $$ select k.reservation_id, k.answered_at = now(), k.milliseconds, k.audio_id, k.audio_expires, k.reply_text
     from private.idempotency_keys as k, keyed where k.reservation_id in (one, two, none) order by k.milliseconds $$,
  $$ select v.id, true, v.length, uuid_send(v.id), '2100-01-01Z'::timestamptz, v.reply
     from keyed, lateral (values (two, 1500::bigint, 'to two'), (one, 2500, 'to one')) as v (id, length, reply) $$,
  'each key keeps its own answer'
);
select tests.act_as('callwaiting_meter', ann) from them;
select results_eq(
  $$ select a.outcome, a.charged, a.milliseconds
     from private.admit_user(null, 5, 600, 0, sha256('one'), sha256('body')) as a $$,
  $$ values ('replayed', 3, 2500::bigint) $$, 'which is replayed to whoever asks again'
);
select pg_temp.adds_up('replies with keys');
select * from finish();
rollback;
