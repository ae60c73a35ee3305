-- Idempotency keys: one effect, the same answer again, and what a dead request leaves behind.
begin;
select no_plan();

create temporary table tenants on commit drop as select * from tests.two_tenants();
create temporary table them on commit drop as
  select t.*, x.id as agent, y.id as their_agent
  from tenants as t
  join public.agents as x on x.workspace_id = t.a
  join public.agents as y on y.workspace_id = t.b;
grant select on them to public;
delete from private.idempotency_keys;
create temporary table holds (name text primary key, id uuid) on commit drop;
grant select, insert on holds to public;
select tests.leave(a, 100) from them;

-- As the agent's caller, or as the owner: outcome, and the reservation remembered by a name.
create function pg_temp.ask(name text, key text, body text) returns text
language plpgsql
as $$
declare
  answer record;
begin
  perform tests.act_as('callwaiting_agent');
  select * into answer
  from pg_temp.them as t, private.admit_agent(
    t.agent, tests.key_hash(t.agent), 10, 60, null, 0, 0, 0, sha256(key::bytea), sha256(body::bytea)
  ) as a;
  perform tests.act_as_owner();
  if answer.reservation_id is not null then
    insert into pg_temp.holds values (ask.name, answer.reservation_id);
  end if;
  return answer.outcome;
end
$$;
create function pg_temp.speak(name text, key text, body text, person uuid default null) returns text
language plpgsql
as $$
declare
  answer record;
begin
  perform tests.act_as('callwaiting_meter', coalesce(person, owner)) from pg_temp.them;
  select * into answer from private.admit_user(null, 10, 60, 0, sha256(key::bytea), sha256(body::bytea));
  perform tests.act_as_owner();
  if answer.reservation_id is not null then
    insert into pg_temp.holds values (speak.name, answer.reservation_id);
  end if;
  return answer.outcome;
end
$$;
create function pg_temp.settle(name text, milliseconds bigint)
returns table (outcome text, charged integer, remaining bigint)
language sql
as $$
  select tests.act_as('callwaiting_meter');
  select s.outcome, s.charged, s.remaining
  from pg_temp.holds as h, private.settle_answer(
    h.id, milliseconds, 'agent_reply', 0, '{}', decode(md5(h.id::text), 'hex'), 1, '2100-01-01Z', 'Hi', 'Hello'
  ) as s
  where h.name = settle.name;
$$;
create function pg_temp.release(name text) returns setof text
language sql
as $$
  select tests.act_as('callwaiting_meter');
  select r.outcome from pg_temp.holds as h, private.release_answer(h.id) as r where h.name = release.name;
$$;
create function pg_temp.adds_up(after text) returns text
language sql
as $$
  select tests.act_as_owner();
  select tap.is_empty('select tests.broken()', 'the ledgers add up after: ' || after);
$$;

-- One reply, asked for four times.
select is(pg_temp.ask('first', 'k1', 'b1'), 'ok', 'a key that is new is admitted');
select is(pg_temp.ask('again', 'k1', 'b1'), 'idempotency_running', 'while it is being answered the same request waits');
select is(pg_temp.ask('other', 'k1', 'b2'), 'idempotency_conflict', 'another request under its key is a conflict');
select is(tests.left_of(a), 90::bigint, 'neither holds anything') from them;
select results_eq($$ select * from pg_temp.settle('first', 4200) $$, $$ values ('settled', 5, 95::bigint) $$, 'it is settled');
select is(pg_temp.ask('again', 'k1', 'b1'), 'replayed', 'and then its answer is there for whoever asks again');
select is(pg_temp.ask('other', 'k1', 'b2'), 'idempotency_conflict', 'for the same request alone');
select tests.act_as('callwaiting_agent');
select results_eq(
  $$ select a.outcome, a.charged, a.remaining, a.milliseconds, a.reply_text, a.audio_expires, a.audio_id is not null,
       a.conversation_id is not null, a.usage_id is not null, a.reserved, a.reservation_id
     from them as t, private.admit_agent(
       t.agent, tests.key_hash(t.agent), 10, 60, null, 0, 0, 0, sha256('k1'), sha256('b1')) as a $$,
  $$ values ('replayed', 5, 95::bigint, 4200::bigint, 'Hello', 4102444800, true, true, true, 0::bigint, null::uuid) $$,
  'the receipt of the first time with it'
);
select tests.act_as_owner();
select is(tests.left_of(a), 95::bigint, 'charged once') from them;
select results_eq($$ select * from pg_temp.settle('first', 4200) $$, $$ values ('already_settled', 5, 95::bigint) $$,
  'settling again is the same receipt');
select pg_temp.adds_up('one reply under a key');

-- Whose a key is.
select is(pg_temp.speak('mine', 'k1', 'b1'), 'ok', 'a person''s keys are not an agent''s');
select is(pg_temp.speak('theirs', 'k1', 'b1', stranger), 'ok', 'nor another person''s') from them;
select is(pg_temp.speak('mine again', 'k1', 'b1'), 'idempotency_running', 'their own they are');
select tests.act_as('callwaiting_agent');
select results_eq(
  $$ select a.outcome from them as t, private.admit_agent(
       t.their_agent, tests.key_hash(t.agent), 10, 60, null, 0, 0, 0, sha256('k1'), sha256('b1')) as a
     union all
     select a.outcome from them as t, private.admit_agent(
       t.agent, sha256('wrong'), 10, 60, null, 0, 0, 0, sha256('k1'), sha256('b1')) as a $$,
  array['unauthorized', 'unauthorized'], 'without the agent''s key nothing is replayed'
);
select tests.act_as_owner();
update public.agents set status = 'paused' where id = (select agent from them);
select is(pg_temp.ask('paused', 'k1', 'b1'), 'unauthorized', 'nor of an agent that is paused');
update public.agents set status = 'active' where id = (select agent from them);
delete from public.memberships where user_id = (select member from them);
select is(pg_temp.speak('gone', 'k9', 'b9', member), 'forbidden', 'nor to somebody who is in no workspace') from them;

-- What fails is forgotten, and may be tried again at once.
select is(pg_temp.release('mine'), 'released', 'a reply that failed is released');
select is(pg_temp.speak('mine after', 'k1', 'other'), 'ok', 'and its key is as new');
select is(pg_temp.release('mine after'), 'released', 'once more');
select is(pg_temp.release('first'), 'unknown', 'what is settled is not released');
select is(pg_temp.ask('still', 'k1', 'b1'), 'replayed', 'and its key is not forgotten');
select tests.leave(a, 0) from them;
select is(pg_temp.ask('broke', 'k2', 'b1'), 'quota_exceeded', 'with nothing left nothing is admitted');
select is(pg_temp.ask('still', 'k1', 'b1'), 'replayed', 'but what was paid for is replayed');
select private.add_grant(a, 1, 'correction', null) from them;
select is(pg_temp.ask('rich', 'k2', 'b1'), 'ok', 'and a refusal is not kept');
select pg_temp.adds_up('failures under keys');

-- A process that died.
select is(pg_temp.ask('dead', 'k3', 'b3'), 'ok', 'a request is begun');
update private.idempotency_keys set claimed_until = clock_timestamp() where reservation_id = (select id from holds where name = 'dead');
select is(pg_temp.ask('wrong heir', 'k3', 'b4'), 'idempotency_conflict', 'after its lease still for nothing else');
select is(pg_temp.ask('heir', 'k3', 'b3'), 'ok', 'whoever repeats it takes it over');
select is((select state from public.usage_reservations join holds using (id) where name = 'dead'), 'released', 'and what it held is free');
select results_eq($$ select outcome from pg_temp.settle('dead', 4200) $$, array['unknown'], 'the dead one charges nothing any more');
select results_eq($$ select outcome, charged from pg_temp.settle('heir', 4200) $$, $$ values ('settled', 5) $$, 'its heir does');
select pg_temp.adds_up('a key taken over');
select is(pg_temp.ask('dead too', 'k4', 'b3'), 'ok', 'another is begun');
update private.idempotency_keys set claimed_until = clock_timestamp() where reservation_id = (select id from holds where name = 'dead too');
select tests.let_expire(id) from holds where name = 'dead too';
select private.expire_reservations();
select is(pg_temp.ask('heir too', 'k4', 'b3'), 'ok', 'taken over after its hold expired too');
select results_eq($$ select outcome from pg_temp.settle('dead too', 4200) $$, array['unknown'], 'it charges nothing any more either');
select pg_temp.adds_up('a key taken over late');

-- Payment links.
create function pg_temp.link(reference text, key text, body text) returns table (outcome text, tx_ref text, link text)
language sql
as $$
  select tests.act_as('callwaiting_payments', t.owner) from pg_temp.them as t;
  select c.outcome, c.known_tx_ref, c.payment_link from private.create_payment(
    null, 'basic', 500, 2900, 'NGN', reference, 0, 60, sha256(key::bytea), sha256(body::bytea)) as c;
$$;
select results_eq($$ select * from pg_temp.link('r1', 'p1', 'basic') $$, $$ values ('created', null, null) $$, 'a payment is opened under a key');
select results_eq($$ select outcome from pg_temp.link('r2', 'p1', 'basic') $$, array['idempotency_running'], 'once');
select is((select outcome from private.payment_link_made('r1', 'https://pay.test/1')), 'ok', 'its link is made');
select results_eq($$ select * from pg_temp.link('r2', 'p1', 'basic') $$, $$ values ('replayed', 'r1', 'https://pay.test/1') $$, 'and the same for whoever asks again');
select results_eq($$ select outcome from pg_temp.link('r2', 'p1', 'pro') $$, array['idempotency_conflict'], 'but not for another plan');
select results_eq($$ select outcome from pg_temp.link('r3', 'p2', 'basic') $$, array['created'], 'a second');
select is((select outcome from private.payment_link_failed('r3')), 'ok', 'is refused');
select results_eq($$ select outcome from pg_temp.link('r4', 'p2', 'basic') $$, array['created'], 'and may be asked for again');
select is((select outcome from private.payment_link_unknown('r4')), 'ok', 'what nobody knows the end of');
select results_eq($$ select outcome from pg_temp.link('r5', 'p2', 'basic') $$, array['created'], 'too');
select tests.act_as_owner();
select results_eq($$ select tx_ref, status from public.subscriptions where tx_ref ~ '^r\d$' order by 1 $$,
  $$ values ('r1', 'pending'), ('r3', 'failed'), ('r4', 'pending'), ('r5', 'pending') $$, 'each has a row of its own');
update public.profiles set email = null where id = (select owner from them);
select results_eq($$ select outcome from pg_temp.link('r6', 'p3', 'basic') $$, array['no_email'], 'without an e-mail no payment is opened');
select tests.act_as_owner();
select is_empty($$ select from public.subscriptions where tx_ref = 'r6' $$, 'and nothing is written');

-- After a day.
update private.idempotency_keys set created_at = now() - interval '24 hours', claimed_until = now() - interval '1 hour'
where key_hash = sha256('k1');
select is(pg_temp.ask('next day', 'k1', 'b7'), 'ok', 'a day later the key is as new, for any request');
update private.idempotency_keys set created_at = now() - interval '24 hours', claimed_until = now() - interval '1 hour'
where key_hash = sha256('p1');
select tests.act_as('callwaiting_worker');
select is((select count from private.purge_idempotency_keys()), 2, 'and those that nobody asks for are forgotten');
select tests.act_as_owner();
select isnt_empty('select from private.idempotency_keys', 'the others are not');

select * from finish();
rollback;
