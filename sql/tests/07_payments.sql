begin;
select plan(127);
create temporary table them on commit drop as
  select tests.person('ann@payments.test') as ann, tests.person('bob@payments.test') as bob,
    tests.person('cay@payments.test') as cay, null::uuid as workspace, null::uuid as bob_workspace;
update them set workspace = tests.workspace(ann), bob_workspace = tests.workspace(bob);
update public.profiles set full_name = 'Ann' from them where id = ann;
insert into public.memberships (workspace_id, user_id, role) select workspace, cay, 'member' from them;
grant select on them to public;

create function pg_temp.pay(
  tx_ref text, plan text default 'basic', minutes integer default 500, amount bigint default 2900
) returns setof text
language sql
as $$
  select tests.act_as('callwaiting_payments', ann) from pg_temp.them;
  select c.outcome from private.create_payment(null, plan, minutes, amount, 'NGN', tx_ref) as c;
$$;
create function pg_temp.verified(
  tx_ref text, id bigint, status text, amount bigint default 2900, currency text default 'NGN', event bigint default null
) returns text
language sql
as $$
  select tests.act_as('callwaiting_payments');
  select a.outcome from private.apply_payment(event, tx_ref, id, status, amount, currency, 'FLW-' || id) as a;
$$;
create function pg_temp.status(tx_ref text) returns text
language plpgsql -- not sql: that would rewrite its queries, policies included, before it has changed its role
as $$
begin
  perform tests.act_as_owner();
  return (select s.status from public.subscriptions as s where s.tx_ref = status.tx_ref);
end
$$;
-- Minutes granted, plan, and months paid for, of ann's workspace. A month is counted from the end of the one before: after
-- a short one that is not as many months from now.
create function pg_temp.stands() returns text
language plpgsql
as $$
begin
  perform tests.act_as_owner();
  return (select format(
    '%s minutes, %s, %s months', w.minutes_quota, w.plan,
    coalesce((
      with recursive paid (months, until) as (
        select 0, now() at time zone 'UTC'
        union all
        select months + 1, until + interval '1 month' from paid where months < 40
      )
      select months from paid where until at time zone 'UTC' = w.period_end
    ), -1)
  )
  from public.workspaces as w where w.id = (select workspace from pg_temp.them));
end
$$;
create function pg_temp.adds_up(after text) returns text
language sql
as $$
  select tests.act_as_owner();
  select tap.is_empty('select tests.broken()', 'the ledgers add up after: ' || after);
$$;
-- As if nothing had been paid.
create function pg_temp.undo() returns setof text
language plpgsql
as $$
begin
  perform tests.act_as_owner();
  delete from public.grants where cause <> 'trial' and workspace_id = (select workspace from pg_temp.them);
  delete from public.payment_transactions;
  delete from public.subscription_changes;
  delete from public.subscriptions;
  update public.workspaces set minutes_quota = 60, plan = 'trial', period_end = null
  where id = (select workspace from pg_temp.them);
end
$$;

-- The row comes first, and only from an owner or admin.
select tests.act_as('callwaiting_payments', ann) from them;
select results_eq(
  $$ select * from private.create_payment(null, 'basic', 500, 2900, 'NGN', 'one') $$,
  $$ values ('created', 'ann@payments.test', 'Ann') $$, 'a payment of the owner is created, and says who pays'
);
select is(pg_temp.status('one'), 'pending', 'it is pending');
select tests.act_as('callwaiting_payments', cay) from them;
select results_eq(
  format('select outcome, email from private.create_payment(%L, ''basic'', 500, 2900, ''NGN'', ''two'')', workspace),
  $$ values ('forbidden', null::text) $$, 'a mere member may not pay'
) from them;
select tests.act_as('callwaiting_payments', bob) from them;
select results_eq(
  format('select outcome, email from private.create_payment(%L, ''basic'', 500, 2900, ''NGN'', ''two'')', workspace),
  $$ values ('forbidden', null::text) $$, 'nor may a stranger'
) from them;
select results_eq(
  $$ select outcome, email from private.create_payment(gen_random_uuid(), 'basic', 500, 2900, 'NGN', 'two') $$,
  $$ values ('forbidden', null::text) $$, 'who learns just the same of a workspace that does not exist'
);
select is(pg_temp.status('two'), null, 'and nothing is written');
select throws_ok($$ select pg_temp.pay('one') $$, '23505', null, 'one reference is used once');
select throws_ok(
  format('select pg_temp.pay(''bad'', %L, %s, %s)', plan, minutes, amount), '23514', null,
  'refused: ' || plan || ', ' || minutes || ', ' || amount
)
from (values ('trial', 60, 100), ('basic', 0, 100), ('basic', -500, 100), ('basic', 500, 0), ('basic', 500, -1)) as t (plan, minutes, amount);
select tests.act_as('callwaiting_payments');
select results_eq(
  $$ select * from private.payment_link_made('one', 'https://pay.example/1') $$, array['ok'], 'its link is stored'
);
select results_eq(
  $$ select * from private.payment_link_made('none', 'https://pay.example/1') $$, array['unknown'],
  'an unknown reference has no link'
);
select results_eq($$ select * from private.payment_link_failed('none') $$, array['unknown'], 'nor a failure');

-- The state as its people see it.
select tests.act_as('authenticated', cay) from them;
select results_eq(
  format('select * from private.payment_status(%L, ''one'')', workspace),
  $$ values ('ok', 'pending', 'basic', 500) $$,
  'a member sees the state'
) from them;
select results_eq(
  $$ select outcome from private.payment_status(null, 'one') $$, array['not_found'],
  'in that workspace and not in their own'
);
select tests.act_as('authenticated', bob) from them;
select results_eq(
  format('select outcome, status from private.payment_status(%L, ''one'')', workspace),
  $$ values ('forbidden', null::text) $$,
  'a stranger does not'
)
from them;
select results_eq(
  $$ select outcome, status from private.payment_status(null, 'one') $$, $$ values ('not_found', null::text) $$,
  'nor finds it among their own'
);

-- Not paid, or not enough: nothing happens.
select is(pg_temp.verified('one', null, 'pending'), 'pending', 'nothing paid yet is pending');
select is(pg_temp.verified('one', 100, 'success-pending-validation'), 'pending', 'as is whatever is not known');
select is(pg_temp.verified('one', 101, 'successful', 2899), 'mismatch', 'one kobo too little is a mismatch');
select is(pg_temp.verified('one', 102, 'successful', 2900, 'USD'), 'mismatch', 'another currency is a mismatch');
select is(pg_temp.verified('one', 102, 'successful', 2900, null), 'mismatch', 'no currency is a mismatch');
select is(pg_temp.verified('one', 102, 'successful', null), 'mismatch', 'no amount is a mismatch');
select is(pg_temp.verified('one', null, 'successful'), 'mismatch', 'no transaction is a mismatch');
select is(
  pg_temp.verified('unknown', 103, 'successful'), 'unknown_reference', 'a reference that is not ours is said to be so'
);
select is(pg_temp.verified(null, 103, 'successful'), 'unknown_reference', 'as is none');
select is(pg_temp.status('one'), 'pending', 'all of which leaves it pending');
select is(pg_temp.stands(), '60 minutes, trial, -1 months', 'and the workspace as it was');

-- Paid.
select is(pg_temp.verified('one', 110, 'successful'), 'activated', 'paid in full it is active');
select is(pg_temp.status('one'), 'active', 'and stays so');
select is(pg_temp.stands(), '560 minutes, basic, 1 months', 'with its minutes, its plan and a month');
select pg_temp.adds_up('a payment');
select is(pg_temp.verified('one', 110, 'successful'), 'already_active', 'told again, nothing happens');
select is(pg_temp.verified('one', 110, 'failed'), 'already_active', 'a paid transaction does not fail later');
select is(pg_temp.verified('one', 111, 'failed'), 'already_active', 'nor does another that failed undo it');
select is(pg_temp.verified('one', null, 'pending'), 'already_active', 'nor one that nobody found');
select tests.act_as('callwaiting_payments');
select results_eq(
  $$ select * from private.payment_link_failed('one') $$, array['ok'], 'nor a link that could not be made'
);
select is(pg_temp.status('one'), 'active', 'it is active still');
select is(pg_temp.stands(), '560 minutes, basic, 1 months', 'and the workspace has no more and no less');

-- Paid twice, and one transaction for two references.
select is(
  pg_temp.verified('one', 120, 'successful'), 'duplicate_transaction',
  'a second transaction on one reference is reported'
);
select is(pg_temp.verified('one', 120, 'successful'), 'duplicate_transaction', 'every time');
select '# ' || pg_temp.pay('two');
select is(
  pg_temp.verified('two', 110, 'successful'), 'duplicate_transaction', 'a transaction is not good for two references'
);
select is(pg_temp.verified('two', 120, 'successful'), 'duplicate_transaction', 'not even one that had no effect');
select is(pg_temp.status('two'), 'pending', 'which leaves the second unpaid');
select tests.act_as_owner();
select results_eq(
  'select transaction_id, effect from public.payment_transactions where transaction_id >= 110 order by 1',
  $$ values (110::bigint, 'activated'), (111, 'none'), (120, 'duplicate') $$, 'all of it on record'
);
select is(pg_temp.stands(), '560 minutes, basic, 1 months', 'and without effect');
select is(pg_temp.verified('two', 130, 'successful', 99999), 'activated', 'more than our amount is enough');
select is(pg_temp.stands(), '1060 minutes, basic, 2 months', 'and gives what was bought');
select pg_temp.adds_up('two payments');

-- However late: from every state that is not paid.
select pg_temp.undo();
select '# ' || pg_temp.pay(state) from unnest(array['failed', 'cancelled', 'expired', 'link']) as state;
select is(pg_temp.verified('failed', 200, 'failed'), 'failed', 'a failed charge fails the payment');
select is(pg_temp.status('failed'), 'failed', 'for now');
select is(pg_temp.verified('cancelled', 201, 'cancelled'), 'failed', 'a cancelled one too');
select is(pg_temp.status('cancelled'), 'cancelled', 'under its own name');
select is(pg_temp.verified('failed', null, 'pending'), 'pending', 'asked again, the failed one waits for another try');
select tests.act_as_owner();
update public.subscriptions set created_at = now() - interval '25 hours' where tx_ref = 'expired';
select tests.act_as('callwaiting_worker');
select results_eq('select * from private.expire_payments()', array[1], 'a link older than a day expires');
select results_eq('select * from private.expire_payments()', array[0], 'once');
select is(pg_temp.status('expired'), 'expired', 'and says so');
select tests.act_as('callwaiting_payments');
select results_eq(
  $$ select * from private.payment_link_failed('link') $$, array['ok'], 'a link that could not be made'
);
select is(pg_temp.status('link'), 'failed', 'fails its payment');
select is(
  pg_temp.verified(state, 210 + n, 'successful'), 'activated', 'paid after ' || state || ' it is active all the same'
)
from unnest(array['failed', 'cancelled', 'expired', 'link']) with ordinality as t (state, n);
select is(pg_temp.stands(), '2060 minutes, basic, 4 months', 'with everything that was paid for');
select pg_temp.adds_up('late payments');

-- Payments commute.
create function pg_temp.in_order(variadic orders text[]) returns text
language plpgsql
as $$
declare
  tx_ref text;
begin
  perform pg_temp.undo();
  perform pg_temp.pay('a', 'basic', 500, 2900);
  perform pg_temp.pay('b', 'enterprise', 50000, 9900);
  perform pg_temp.pay('c', 'pro', 5000, 4900);
  foreach tx_ref in array orders loop
    perform pg_temp.verified(tx_ref, ascii(tx_ref), 'successful', 9900);
  end loop;
  return pg_temp.stands();
end
$$;
select is(
  pg_temp.in_order(variadic string_to_array(o, ' ')), '55560 minutes, pro, 3 months',
  'in the order ' || o || ' it comes to the same'
)
from unnest(array['a b c', 'a c b', 'b a c', 'b c a', 'c a b', 'c b a', 'a a b c b c', 'c b a a b c']) as o;
select pg_temp.adds_up('payments in any order');

-- Unspent minutes carry over, used seconds stay, and a lapsed period begins anew.
select pg_temp.undo();
select tests.leave(workspace, 600) from them;
update public.workspaces set period_end = now() - interval '3 months' from them where id = workspace;
select '# ' || pg_temp.pay('again');
select is(pg_temp.verified('again', 300, 'successful'), 'activated', 'paying after the period has lapsed');
select is(pg_temp.stands(), '560 minutes, basic, 1 months', 'buys a month from now');
select is(tests.left_of(workspace), 30600::bigint, 'adds to what was left') from them;
select is(
  (select seconds_used from public.workspaces where id = workspace), 3000::bigint,
  'and forgives nothing that was used'
) from them;

-- Refunds.
select is(pg_temp.verified('again', 300, 'refunded'), 'refunded', 'a refund');
select is(pg_temp.status('again'), 'refunded', 'is a state of its own');
select is(tests.left_of(workspace), 600::bigint, 'and takes the minutes back') from them;
select pg_temp.adds_up('a refund');
select is(pg_temp.verified('again', 300, 'refunded'), 'refunded', 'once');
select is(pg_temp.verified('again', 300, 'successful'), 'refunded', 'a refunded payment does not come back');
select is(pg_temp.verified('again', null, 'pending'), 'refunded', 'in no way');
select is(
  pg_temp.verified('again', 301, 'successful'), 'duplicate_transaction', 'and money that comes afterwards is reported'
);
select is(tests.left_of(workspace), 600::bigint, 'without effect') from them;
select '# ' || pg_temp.pay('spent');
select '# ' || pg_temp.verified('spent', 310, 'successful');
select tests.act_as_owner();
select tests.leave(workspace, 125) from them;
select is(pg_temp.verified('spent', 310, 'reversed'), 'refunded', 'a refund of minutes that are mostly spent');
select is(tests.left_of(workspace), 5::bigint, 'takes at most the whole minutes that are left') from them;
select pg_temp.adds_up('a refund of what is spent');
select '# ' || pg_temp.pay('held');
select '# ' || pg_temp.verified('held', 320, 'successful');
select tests.act_as_owner();
select tests.leave(workspace, 220) from them;
select tests.act_as('callwaiting_meter', ann) from them;
select results_eq(
  'select outcome, held from private.admit_user(null, 90, 60)', $$ values ('ok', 90) $$, 'while a reply holds some'
);
select is(pg_temp.verified('held', null, 'refunded'), 'refunded', 'a refund by reference alone');
select is(pg_temp.status('held'), 'refunded', 'is one too');
select is(tests.left_of(workspace), 10::bigint, 'takes nothing that is held, and no part of a minute') from them;
select is(pg_temp.verified('held', 320, 'successful'), 'refunded', 'and is not undone either');
select pg_temp.adds_up('a refund while a reply is being made');
select '# ' || pg_temp.pay('unpaid');
select is(pg_temp.verified('unpaid', 330, 'refunded'), 'failed', 'what was never paid is not refunded');
select pg_temp.adds_up('a refund of nothing');

-- A second payment on one reference, given back.
select '# ' || pg_temp.pay('double');
select '# ' || pg_temp.verified('double', 340, 'successful');
select '# ' || pg_temp.verified('double', 341, 'successful');
select is(pg_temp.verified('double', 341, 'refunded'), 'refunded', 'giving back the second payment on one reference');
select is(pg_temp.status('double'), 'active', 'leaves the first active');
select is(pg_temp.verified('double', 341, 'refunded'), 'refunded', 'and again');
select is(pg_temp.status('double'), 'active', 'and again');
select is(pg_temp.verified('double', 341, 'successful'), 'refunded', 'whatever is said of it later');
select pg_temp.adds_up('giving back a duplicate');

-- The inbox.
create function pg_temp.arrives(key text, tx_ref text default 'event', id bigint default 400)
returns table (event_id bigint, fresh boolean, processed boolean)
language sql
as $$
  select tests.act_as('callwaiting_payments');
  select * from private.receive_payment_event('flutterwave', key, tx_ref, id, 'charge.completed', '{"event": "charge.completed"}');
$$;
create function pg_temp.event(key text) returns bigint
language plpgsql
as $$
begin
  perform tests.act_as_owner();
  return (select e.id from public.payment_events as e where e.event_key = key);
end
$$;
create function pg_temp.claimed() returns table (key text, attempts integer)
language plpgsql
as $$
declare
  ids bigint[];
begin
  perform tests.act_as('callwaiting_worker');
  ids := array(select c.event_id from private.claim_payment_events(10) as c);
  perform tests.act_as_owner();
  return query select e.event_key, e.attempts from public.payment_events as e where e.id = any (ids) order by 1;
end
$$;
select '# ' || pg_temp.pay('event');
select results_eq(
  $$ select fresh, processed from pg_temp.arrives('e1') $$, 'values (true, false)', 'an event is stored'
);
select results_eq(
  $$ select event_id, fresh, processed from pg_temp.arrives('e1') $$, $$ select pg_temp.event('e1'), false, false $$,
  'the same event again is the same row'
);
select results_eq(
  'select * from pg_temp.claimed()', $$ select ''::text, 0 where false $$,
  'the worker leaves it to the webhook for a while'
);
select is(pg_temp.verified('event', 400, 'pending', event => pg_temp.event('e1')), 'pending', 'a pending answer');
select tests.act_as_owner();
select results_eq(
  $$ select attempts, processed_at, next_attempt_at - now() between interval '45 seconds' and interval '75 seconds'
     from public.payment_events where event_key = 'e1' $$,
  $$ values (1, null::timestamptz, true) $$, 'puts it off'
);
select tests.act_as('callwaiting_payments');
select '# ' || private.defer_payment_event(e, 'timeout') from pg_temp.event('e1') as e;
select tests.act_as_owner();
select results_eq(
  $$ select attempts, next_attempt_at - now() between interval '90 seconds' and interval '150 seconds', last_error
     from public.payment_events where event_key = 'e1' $$,
  $$ values (2, true, 'timeout') $$, 'and no answer puts it off for longer'
);
update public.payment_events set next_attempt_at = now() - interval '1 minute' where event_key = 'e1';
select tests.act_as('callwaiting_worker');
select results_eq(
  'select events_due, oldest_due_seconds, events_failing, events_given_up from private.worker_backlog()',
  'values (1, 60, 1, 0)', 'the backlog counts what is due, what has failed, and for how long'
);
select results_eq('select * from pg_temp.claimed()', $$ values ('e1', 2) $$, 'when it is due the worker claims it');
select results_eq('select * from pg_temp.claimed()', $$ select ''::text, 0 where false $$, 'and no other does');
select is(pg_temp.verified('event', 400, 'successful', event => pg_temp.event('e1')), 'activated', 'a final answer');
select results_eq(
  $$ select fresh, processed from pg_temp.arrives('e1') $$, 'values (false, true)', 'finishes the event'
);
select tests.act_as_owner();
select is((select outcome from public.payment_events where event_key = 'e1'), 'activated', 'with its outcome');
update public.payment_events set next_attempt_at = now() where event_key = 'e1';
select results_eq(
  'select * from pg_temp.claimed()', $$ select ''::text, 0 where false $$, 'and it is not claimed again'
);
select pg_temp.arrives(outcome) from unnest(array['e2', 'e3', 'e4']) as outcome;
select is(
  pg_temp.verified('nobody', 401, 'successful', event => pg_temp.event('e2')), 'unknown_reference',
  'an unknown reference is final'
);
select is(
  pg_temp.verified('event', 402, 'successful', event => pg_temp.event('e3')), 'duplicate_transaction',
  'a duplicate is final'
);
select is(
  pg_temp.verified('event', 400, 'successful', event => pg_temp.event('e4')), 'already_active',
  'an old story is final'
);
select tests.act_as_owner();
select is(
  (select count(*) from public.payment_events where processed_at is null), 0::bigint,
  'so that nothing is left in the inbox'
);
select pg_temp.arrives('e5');
select tests.act_as_owner();
update public.payment_events set attempts = 20, next_attempt_at = now() where event_key = 'e5';
select results_eq(
  'select * from pg_temp.claimed()', $$ select ''::text, 0 where false $$, 'after 20 attempts an event is left alone'
);
select results_eq(
  'select private.payment_backoff(n) between t.pause * 0.75 and t.pause * 1.25
   from unnest(array[0, 1, 5, 8, 9, 1000], array[''1 min'', ''2 min'', ''32 min'', ''256 min'', ''6 h'', ''6 h'']::interval[]) as t (n, pause)',
  array[true, true, true, true, true, true],
  'attempts are at most six hours apart'
);

-- Payments that no webhook told of.
select tests.act_as_owner();
update public.subscriptions set next_check_at = now() + interval '1 day';
select '# ' || pg_temp.pay(name) from unnest(array['young', 'due', 'failed', 'linkless', 'paid', 'old']) as name;
select tests.act_as_owner();
update public.subscriptions set payment_link = 'https://pay.example' where tx_ref in ('failed', 'old');
update public.subscriptions set status = 'failed' where tx_ref in ('failed', 'linkless');
update public.subscriptions set next_check_at = now() where tx_ref in ('due', 'failed', 'linkless', 'paid', 'old');
update public.subscriptions set created_at = now() - interval '49 hours' where tx_ref = 'old';
select '# ' || pg_temp.verified('paid', 500, 'successful');
select tests.act_as('callwaiting_worker');
select results_eq(
  'select tx_ref from private.claim_pending_payments(10) order by 1', array['due', 'failed'],
  'the worker asks about what is due, not paid, not too old and has a link'
);
select is_empty('select tx_ref from private.claim_pending_payments(10)', 'and not again at once');

select * from finish();
rollback;
