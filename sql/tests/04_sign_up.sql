begin;
select plan(23);
create function pg_temp.trial(person uuid) returns integer
language sql
as $$
  select minutes_quota from public.workspaces where id = tests.workspace(person)
$$;

-- Signing up.
create temporary table them on commit drop as select tests.person('New.Person+shop@Gmail.com') as id;
select results_eq(
  'select p.email, p.full_name from public.profiles as p join pg_temp.them using (id)',
  $$ values ('new.person+shop@gmail.com', null::text) $$,
  'signing up makes a profile'
);
select results_eq(
  'select w.plan, w.name, m.role, w.period_end from public.memberships as m join public.workspaces as w on w.id = m.workspace_id
   join pg_temp.them as t on t.id = m.user_id',
  $$ values ('trial', 'new.person+shop', 'owner', null::timestamptz) $$,
  'and a workspace on the trial, which has no end, owned by the person'
);
select is(pg_temp.trial(id), 60, 'and gives 60 minutes') from them;
select is_empty('select tests.broken()', 'which are in the ledger');

-- Once per mailbox, for ever.
select is(
  pg_temp.trial(tests.person('newperson@gmail.com')), 0,
  'the same mailbox without the tag and the dot gets no second trial'
);
select is(pg_temp.trial(tests.person('n.e.w.p.e.r.s.o.n+2@googlemail.com')), 0, 'nor under Gmail''s other name');
select is(pg_temp.trial(tests.person('newperson@example.com')), 60, 'while the same name elsewhere is somebody else');
select is(pg_temp.trial(tests.person('new.person@example.com')), 60, 'and a dot elsewhere makes another person');
delete from auth.users where id = (select id from them);
select is(pg_temp.trial(tests.person('new.person+shop@gmail.com')), 0, 'deleting the account does not renew the trial');

-- Only when confirmed.
update them set id = tests.person('later@signup.test', confirmed => false);
select is(pg_temp.trial(id), 0, 'no trial before the e-mail is confirmed') from them;
update auth.users set email_confirmed_at = now() where id = (select id from them);
select is(pg_temp.trial(id), 60, 'confirming gives it') from them;
update auth.users set email_confirmed_at = now() + interval '1 second' where id = (select id from them);
select is(pg_temp.trial(id), 60, 'confirming again gives nothing') from them;
update auth.users set email = 'changed@signup.test' where id = (select id from them);
select is(pg_temp.trial(id), 60, 'nor does another e-mail') from them;
select is(
  (select email from public.profiles where id = t.id), 'changed@signup.test', 'which the profile follows'
) from them as t;
update auth.users set last_sign_in_at = now() where id = (select id from them);
select is(pg_temp.trial(id), 60, 'nor does signing in') from them;

-- Never for anonymous people, until they are not.
update them set id = tests.person(null, anonymous => true);
select is(pg_temp.trial(id), 0, 'no trial for an anonymous user') from them;
update auth.users set email = 'known@signup.test', email_confirmed_at = now() where id = (select id from them);
select is(pg_temp.trial(id), 0, 'not even with a confirmed e-mail') from them;
update auth.users set is_anonymous = false where id = (select id from them);
select is(pg_temp.trial(id), 60, 'it comes when they are no longer anonymous') from them;

-- The length of the trial is a setting.
update private.settings set value = '15' where name = 'trial_minutes';
select is(pg_temp.trial(tests.person('short@signup.test')), 15, 'the trial is as long as the setting says');
update private.settings set value = '0' where name = 'trial_minutes';
select is(pg_temp.trial(tests.person('none@signup.test')), 0, 'or is none');
update private.settings set value = '60' where name = 'trial_minutes';
select throws_ok(
  $$ update private.settings set value = 'many' where name = 'trial_minutes' $$, '23514', null, 'and is a number'
);

-- What people say of themselves does no harm.
insert into auth.users (id, email, raw_user_meta_data) values
  ('00000000-0000-4000-8000-000000000001', 'a@long.test', jsonb_build_object('full_name', repeat('é', 5000))),
  ('00000000-0000-4000-8000-000000000002', 'b@long.test', '{"full_name": {"an": "object"}}'),
  ('00000000-0000-4000-8000-000000000003', 'c@long.test', '{"full_name": "   ", "role": "service_role", "plan": "enterprise"}'),
  ('00000000-0000-4000-8000-000000000004', repeat('d', 200) || '@long.test', '[]');
select results_eq(
  $$ select char_length(p.full_name), char_length(w.name), w.plan
     from public.profiles as p cross join private.home_workspace(p.id) as w
     where p.id::text like '00000000-0000-4000-8000-%' order by p.id $$,
  $$ values (200, 100, 'trial'), (null, 1, 'trial'), (null, 1, 'trial'), (null, 100, 'trial') $$,
  'a name too long is cut, one that is no text is ignored, and nothing else is believed'
);
select is_empty('select tests.broken()', 'and the ledgers still add up');

select * from finish();
rollback;
