-- Books that can be audited: what changed a payment's state, what does not add up, what is done with.
begin;
select no_plan();

create temporary table tenants on commit drop as select * from tests.two_tenants();
grant select on tenants to public;
create function pg_temp.disagreements() returns table (workspace_id uuid, what text, says bigint, adds_up_to bigint)
language sql
as $$
  select tests.act_as('callwaiting_worker');
  select d.* from private.disagreements(10) as d, pg_temp.tenants as t where d.workspace_id in (t.a, t.b);
$$;

-- Sums.
select is_empty('select * from pg_temp.disagreements()', 'books in order disagree nowhere');
select tests.act_as_owner();
update public.workspaces set minutes_quota = minutes_quota + 7 where id = (select a from tenants);
select results_eq('select what, adds_up_to - says from pg_temp.disagreements()', $$ values ('minutes_quota', -7::bigint) $$, 'a quota that no grant gave is named');
select tests.act_as_owner();
update public.workspaces set minutes_quota = minutes_quota - 7, seconds_used = seconds_used + 1 where id = (select a from tenants);
select results_eq('select what, says - adds_up_to from pg_temp.disagreements()', $$ values ('seconds_used', 1::bigint) $$, 'as are seconds that no log has');
select tests.act_as_owner();
update public.workspaces set seconds_used = seconds_used - 1, seconds_reserved = seconds_reserved + 1 where id = (select a from tenants);
select results_eq('select what from pg_temp.disagreements()', array['seconds_reserved'], 'and seconds that nobody holds');
select tests.act_as_owner();
update public.workspaces set seconds_reserved = seconds_reserved - 1 where id = (select a from tenants);
select throws_ok(
  'update public.workspaces set seconds_used = minutes_quota * 60 + 1', '23514', null,
  'an overdraft is no number that can be written down'
);

-- Every change of a payment's state, and its cause.
select tests.act_as('callwaiting_payments', owner) from tenants;
select '# ' || private.create_payment(null, 'basic', 500, 2900, 'NGN', 'books-1');
select tests.act_as('callwaiting_payments');
select is((select outcome from private.apply_payment(null, 'books-1', 900001, 'failed', 2900, 'NGN', null, 'tests')), 'failed', 'a payment fails');
select is((select outcome from private.apply_payment(null, 'books-1', 900002, 'successful', 2900, 'NGN', null, 'tests')), 'activated', 'is paid after all');
select is((select outcome from private.apply_payment(null, 'books-1', 900002, 'successful', 2900, 'NGN', null, 'tests')), 'already_active', 'which is told of twice');
select is((select outcome from private.apply_payment(null, 'books-1', 900002, 'refunded', 2900, 'NGN', null, 'tests')), 'refunded', 'and paid back');
select tests.act_as_owner();
select results_eq(
  $$ select c.from_status, c.to_status, c.cause from public.subscription_changes as c
     join public.subscriptions as s on s.id = c.subscription_id where s.tx_ref = 'books-1' order by c.id $$,
  $$ values (null, 'pending', 'a link was asked for'),
       ('pending', 'failed', 'verify said failed of transaction 900001, asked by tests'),
       ('failed', 'active', 'verify said successful of transaction 900002, asked by tests'),
       ('active', 'refunded', 'verify said refunded of transaction 900002, asked by tests') $$,
  'every change of state is recorded with its cause, and nothing else is'
);
select is_empty('select * from pg_temp.disagreements()', 'the books agree about it');
select tests.act_as_owner();
select set_config('callwaiting.cause', '', true);
update public.subscriptions set status = 'failed' where tx_ref = (select a::text from tenants);
select matches((select cause from public.subscription_changes order by id desc limit 1), '^by hand, as ', 'one made by hand too');
select tests.act_as('callwaiting_worker');
select results_eq($$ select kind, count(*) from private.payment_history('books-1') group by 1 order by 1 $$,
  $$ values ('grant', 2::bigint), ('state', 4), ('transaction', 2) $$, 'an operator sees all of it');
select is((select tx_ref from private.list_payments('refunded', 10)), 'books-1', 'payments are listed by state');

select tests.act_as('callwaiting_payments');
select is((select status from private.payment_return('books-1')), 'refunded', 'whoever comes back from a checkout is told what the books say');
select is((select status from private.payment_return('books-2')), null, 'and nothing of a payment that is not there');

-- Events: about nothing, dead letters, replayed.
select tests.act_as('callwaiting_payments');
select results_eq(
  $$ select fresh, processed from private.receive_payment_event('tests', 'transfer', null, null, 'transfer.completed', '{}') $$,
  $$ values (true, true) $$, 'an event that names no payment is kept, and done'
);
select '# ' || private.receive_payment_event('tests', 'dead', 'books-none', 7, 'charge.completed', '{}');
select '# ' || private.defer_payment_event(event_id, 'verify is down')
from private.receive_payment_event('tests', 'dead', 'books-none', 7, 'charge.completed', '{}') as e,
  generate_series(1, 20);
select tests.act_as('callwaiting_worker');
select is((select dead_letters from private.books()), 1::bigint, 'after twenty looks an event is a dead letter');
select is((select events_given_up from private.worker_backlog()), 1, 'on the status page too');
select tests.act_as_owner();
update public.payment_events set next_attempt_at = now();
select tests.act_as('callwaiting_worker');
select is_empty($$ select from private.claim_payment_events(10) where tx_ref = 'books-none' $$, 'nobody looks at it any more');
select is((select count from private.replay_payment_events(null)), 1, 'until it is replayed');
select isnt_empty($$ select from private.claim_payment_events(10) where tx_ref = 'books-none' $$, 'then it is looked at');
select tests.act_as_owner();
select ok(
  (select bool_and(t.d between interval '45 seconds' * 2 ^ t.n and interval '75 seconds' * 2 ^ t.n)
     and count(distinct t.d) > 50
   from (select n, private.payment_backoff(n) as d from generate_series(0, 5) as n, generate_series(1, 20)) as t),
  'pauses double, and differ by a quarter either way'
);

-- Done with.
update public.usage_reservations set expires_at = now() - interval '31 days';
select '# ' || private.claim_key('gone', sha256('x'), sha256('y'), 1);
select tests.act_as('callwaiting_worker');
select is((select count from private.purge_reservations()), 2, 'receipts of holds are cleared away after thirty days');
select tests.act_as_owner();
select is_empty('select * from pg_temp.disagreements()', 'without which the books agree as well');
select tests.act_as_owner();
update public.payment_events set processed_at = now() - interval '91 days' where processed_at is not null;
select tests.act_as('callwaiting_worker');
select is((select count from private.purge_payment_events()), 1, 'events ninety days after they were settled');
select tests.act_as_owner();
select isnt_empty($$ select from public.payment_events where event_key = 'dead' $$, 'and no other');

select * from finish();
rollback;
