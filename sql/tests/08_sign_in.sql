begin;
select plan(63);
create temporary table them (name text primary key, person uuid, session uuid) on commit drop;
grant select, insert, update on them to public;
create function pg_temp.token(name text) returns bytea
language sql
as $$
  select sha256(name::bytea)
$$;
create function pg_temp.refresh(old text, new text, reuse integer default 10) returns text
language sql
as $$
  select tests.act_as('callwaiting_auth');
  select r.outcome from private.refresh_session(pg_temp.token(old), pg_temp.token(new), reuse) as r;
$$;
create function pg_temp.sign_in(email text, password text, refresh text) returns text
language plpgsql
as $$
declare
  answer record;
begin
  perform tests.act_as('callwaiting_auth');
  select * into answer from private.sign_in(email, password, 4, pg_temp.token(refresh));
  if (answer.outcome = 'ok') <> (answer.session_id is not null and answer.user_json is not null) then
    return 'half an answer';
  end if;
  return answer.outcome;
end
$$;

-- Signing up.
select tests.act_as('callwaiting_auth');
insert into them
select s.outcome, (s.user_json::jsonb ->> 'id')::uuid, s.session_id
from private.sign_up(' Ann@SignIn.test ', 'correct horse', '{"full_name": "Ann"}', 4, true, pg_temp.token('a1')) as s;
select is(name, 'created', 'signing up is signing in') from them;
select results_eq(
  $$ select outcome, user_json, session_id from private.sign_up('ann@signin.TEST', 'another', null, 4, true, pg_temp.token('x')) $$,
  $$ values ('exists', null::text, null::uuid) $$, 'an address is taken whatever its case'
);
select tests.act_as_owner();
select matches(
  (select u.encrypted_password from auth.users as u join them on u.id = them.person),
  '^\$2a\$04\$',
  'the password is bcrypt of that cost'
);
select results_eq(
  $$ select j ->> 'email', j ->> 'aud', j ->> 'role', j ->> 'phone', j -> 'app_metadata', j -> 'user_metadata',
       j ->> 'is_anonymous', jsonb_array_length(j -> 'identities'), j ? 'banned_until', j ? 'encrypted_password',
       (j ->> 'email_confirmed_at') ~ '^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$'
     from pg_temp.them, cast(private.user_json(person) as jsonb) as j $$,
  $$ values (
    'ann@signin.test', 'authenticated', 'authenticated', '', '{"provider": "email", "providers": ["email"]}'::jsonb,
    '{"full_name": "Ann"}'::jsonb, 'false', 1, false, false, true
  ) $$,
  'a person looks as GoTrue shows them'
);
select is(
  (select minutes_quota from public.workspaces where id = tests.workspace(person)), 60,
  'and has a workspace with the trial'
) from them;

-- Signing up without confirming.
select tests.act_as('callwaiting_auth');
select results_eq(
  $$ select outcome, user_json::jsonb ? 'email_confirmed_at', session_id
     from private.sign_up('later@signin.test', 'password', '[1]', 4, false, pg_temp.token('l')) $$,
  $$ values ('unconfirmed', false, null::uuid) $$, 'whoever must confirm first gets no session'
);
select is(pg_temp.sign_in('later@signin.test', 'password', 'l'), 'unconfirmed', 'not by signing in either');
select is(
  pg_temp.sign_in('later@signin.test', 'wrong', 'l'), 'invalid', 'and with a wrong password does not learn why'
);
select tests.act_as('callwaiting_auth');
select results_eq(
  $$ select outcome, user_id is not null from private.add_user('Added@signin.test', 'password', 4, null) $$,
  $$ values ('created', true) $$, 'an operator adds a user'
);
select results_eq(
  $$ select outcome, user_id from private.add_user('added@signin.test', 'other', 4, null) $$,
  $$ values ('exists', null::uuid) $$,
  'once'
);
select is(pg_temp.sign_in('added@signin.test', 'password', 'added'), 'ok', 'who can sign in at once');

-- Signing in.
select is(
  pg_temp.sign_in(' ANN@signin.test', 'correct horse', 'a2'), 'ok',
  'the right password is let in, whatever the case of the address'
);
select is(pg_temp.sign_in('ann@signin.test', 'Correct horse', 'x'), 'invalid', 'another password is not');
select is(pg_temp.sign_in('ann@signin.test', '', 'x'), 'invalid', 'nor an empty one');
select is(pg_temp.sign_in('ann@signin.test', null, 'x'), 'invalid', 'nor none');
select is(pg_temp.sign_in('nobody@signin.test', 'correct horse', 'x'), 'invalid', 'nor an unknown address');
select is(pg_temp.sign_in(null, 'correct horse', 'x'), 'invalid', 'nor none');
select tests.act_as_owner();
insert into auth.users (email, encrypted_password, email_confirmed_at) values
  ('empty@signin.test', '', now()), ('null@signin.test', null, now()), ('des@signin.test', extensions.crypt('password', 'ab'), now()),
  ('other@signin.test', '$argon2id$v=19$m=65536,t=3,p=4$c2FsdA$aGFzaA', now());
select is(pg_temp.sign_in(name || '@signin.test', 'password', 'x'), 'invalid', 'nor who has no bcrypt: ' || name)
from unnest(array['empty', 'null', 'des', 'other']) as name;
select tests.act_as_owner();
update auth.users set banned_until = now() + interval '1 hour' where email = 'added@signin.test';
select is(pg_temp.sign_in('added@signin.test', 'password', 'x'), 'banned', 'a banned person is told so');
select is(pg_temp.sign_in('added@signin.test', 'wrong', 'x'), 'invalid', 'but only with the right password');
select is(pg_temp.refresh('added', 'added2'), 'session_expired', 'and cannot refresh');
select tests.act_as_owner();
update auth.users set banned_until = now() - interval '1 second', deleted_at = now() where email = 'added@signin.test';
select is(pg_temp.sign_in('added@signin.test', 'password', 'x'), 'invalid', 'a deleted account is not there');
select is(pg_temp.refresh('added', 'added2'), 'session_expired', 'and cannot refresh either');

-- An unknown address takes as long as a known one: one bcrypt of the same cost.
select tests.act_as_owner();
create function pg_temp.takes(email text) returns interval
language plpgsql
as $$
declare
  began timestamptz := clock_timestamp();
begin
  perform private.sign_in(email, 'wrong', 8, pg_temp.token('x'));
  return clock_timestamp() - began;
end
$$;
-- How many times as long as the other, by the quickest of several, taken in turns: a machine that is busy for a while is so
-- for both.
create function pg_temp.times_as_long(email text, other text) returns double precision
language sql
as $$
  select min(extract(epoch from pg_temp.takes(email))) / min(extract(epoch from pg_temp.takes(other)))
  from generate_series(1, 6)
$$;
update auth.users set encrypted_password = extensions.crypt('password', extensions.gen_salt('bf', 8)) where email = 'null@signin.test';
select cmp_ok(
  pg_temp.times_as_long('nobody@signin.test', 'null@signin.test'), '>', 1 / 3::double precision,
  'an unknown address is not refused faster than a wrong password'
);

-- The cost of hashing was raised since: a hash that is cheaper is refused no sooner, and goes when the password comes.
update auth.users set encrypted_password = extensions.crypt('password', extensions.gen_salt('bf', 4)) where email = 'null@signin.test';
select cmp_ok(
  pg_temp.times_as_long('null@signin.test', 'nobody@signin.test'), '>', 1 / 3::double precision,
  'a password hashed at a lower cost is not refused faster than an unknown address'
);
update auth.users set encrypted_password = extensions.crypt('password', extensions.gen_salt('bf', 5)) where email = 'null@signin.test';
select is(pg_temp.sign_in('null@signin.test', 'wrong', 'cost0'), 'invalid', 'at another cost, a wrong password is wrong');
select tests.act_as_owner();
select is((select substr(encrypted_password, 5, 2) from auth.users where email = 'null@signin.test'), '05', 'and changes nothing');
select is(pg_temp.sign_in('null@signin.test', 'password', 'cost1'), 'ok', 'the right one is right');
select tests.act_as_owner();
select is((select substr(encrypted_password, 5, 2) from auth.users where email = 'null@signin.test'), '04', 'and is hashed at today''s cost');
select is(pg_temp.sign_in('null@signin.test', 'password', 'cost2'), 'ok', 'and still right');

-- Rotation.
select is(pg_temp.refresh('a1', 'a1.1'), 'ok', 'a refresh token gives another');
select is(pg_temp.refresh('a1.1', 'a1.2'), 'ok', 'which gives another');
select is(pg_temp.refresh('a1.1', 'a1.2b'), 'ok', 'sent twice at once it works twice');
select is(pg_temp.refresh('a1.2b', 'a1.3b'), 'ok', 'and both answers are good');
select is(pg_temp.refresh('a1.2', 'a1.3'), 'ok', 'the one and the other');
select is(pg_temp.refresh('never', 'never2'), 'not_found', 'a token that never was is not found');
select is(pg_temp.refresh(null, 'never2'), 'not_found', 'nor is none');
select tests.act_as_owner();
update private.refresh_tokens set used_at = now() - interval '11 seconds' where token_hash = pg_temp.token('a1.2');
select is(pg_temp.refresh('a1.2', 'a1.4'), 'already_used', 'used again later, it was stolen');
select is(pg_temp.refresh('a1.3', 'a1.4'), 'already_used', 'and the whole family is dead');
select is(pg_temp.refresh('a1.3b', 'a1.4'), 'already_used', 'every branch of it');
select is(pg_temp.refresh('a2', 'a2.1'), 'ok', 'while the other session of the same person lives');
select is(pg_temp.refresh('a2', 'a2.1b', 0), 'already_used', 'without an interval there is no second use at all');

-- Time.
select '# ' || pg_temp.sign_in('ann@signin.test', 'correct horse', 'a3');
select tests.act_as_owner();
update private.sessions set refreshed_at = now() - interval '91 days'
where id = (select session_id from private.refresh_tokens where token_hash = pg_temp.token('a3'));
select is(pg_temp.refresh('a3', 'a3.1'), 'session_expired', 'after 90 days without a refresh a session is over');
select '# ' || pg_temp.sign_in('ann@signin.test', 'correct horse', 'a4');
select is(pg_temp.refresh('a3', 'a3.1'), 'not_found', 'and the next sign-in clears it away');
select '# ' || pg_temp.refresh('a4', 'a4.1');
select tests.act_as_owner();
update private.refresh_tokens set used_at = now() - interval '31 days' where token_hash = pg_temp.token('a4');
select '# ' || pg_temp.refresh('a4.1', 'a4.2');
select is(pg_temp.refresh('a4', 'x'), 'not_found', 'a token used a month ago is forgotten');
select is(pg_temp.refresh('a4.2', 'a4.3'), 'ok', 'without harm to the session');

-- Who am I, and signing out.
select tests.act_as_owner();
delete from private.sessions;
update them set session = null;
select '# ' || pg_temp.sign_in('ann@signin.test', 'correct horse', token) from unnest(array['s1', 's2', 's3']) as token;
select tests.act_as_owner();
create temporary view sessions as
  select 's' || n as name, t.session_id, s.user_id
  from generate_series(1, 3) as n
  join private.refresh_tokens as t on t.token_hash = sha256(('s' || n)::bytea)
  join private.sessions as s on s.id = t.session_id;
create temporary table known on commit drop as select * from sessions;
grant select on known to public;
create function pg_temp.who(name text, other boolean default false) returns text
language sql
as $$
  select tests.act_as('callwaiting_auth');
  select w.outcome || coalesce(' ' || (w.user_json::jsonb ->> 'email'), '')
  from pg_temp.known as k, private.session_user(case when other then gen_random_uuid() else k.user_id end, k.session_id) as w
  where k.name = who.name;
$$;
create function pg_temp.out(name text, scope text) returns text
language sql
as $$
  select tests.act_as('callwaiting_auth');
  select o.outcome from pg_temp.known as k,
  private.sign_out(k.user_id, k.session_id, scope) as o where k.name = out.name;
$$;
select is(pg_temp.who('s1'), 'ok ann@signin.test', 'a session has its person');
select is(pg_temp.who('s1', other => true), 'user_not_found', 'and no other');
select tests.act_as('callwaiting_auth');
select results_eq(
  $$ select outcome, user_json from pg_temp.known, private.session_user(user_id, gen_random_uuid()) where name = 's1' $$,
  $$ values ('session_not_found', null::text) $$, 'a person without that session is not told of'
);
select results_eq(
  $$ select outcome from pg_temp.known, private.session_user(user_id, null) where name = 's1' $$,
  array['session_not_found'],
  'nor without any'
);
select is(pg_temp.out('s1', 'local'), 'ok', 'signing out here');
select is(
  array[pg_temp.who('s1'), pg_temp.who('s2'), pg_temp.who('s3')],
  array['session_not_found', 'ok ann@signin.test', 'ok ann@signin.test'],
  'ends this session'
);
select is(pg_temp.refresh('s1', 's1.1'), 'not_found', 'and its refresh token');
select is(pg_temp.out('s2', 'others'), 'ok', 'signing out everywhere else');
select is(
  array[pg_temp.who('s2'), pg_temp.who('s3')], array['ok ann@signin.test', 'session_not_found'], 'leaves this one'
);
select is(pg_temp.out('s2', 'global'), 'ok', 'signing out everywhere');
select is(pg_temp.who('s2'), 'session_not_found', 'leaves none');
select is(pg_temp.out('s2', 'global'), 'ok', 'and may be said twice');
select '# ' || pg_temp.sign_in('ann@signin.test', 'correct horse', 's4');
select is(pg_temp.out('s2', null), 'ok', 'no scope');
select is(pg_temp.refresh('s4', 's4.1'), 'not_found', 'is every session');

select * from finish();
rollback;
