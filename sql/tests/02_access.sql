-- Who may do what: access.matrix says it, and here every cell of it is tried. Not by asking Postgres what it would allow,
-- but as the caller, with the caller's claims, against rows of two workspaces, each attempt undone afterwards.
\set matrix `cat access.matrix`
begin;
select no_plan();

-- What access.matrix says.
create temporary table lines on commit drop as
  select l.section, l.word, regexp_replace(l.line, '\s+#.*', '') as line
  from (
    select
      line, regexp_split_to_array(btrim(line), '\s+') as word,
      (array_agg(substring(line from '^\[(.*)\]')) filter (where line ~ '^\[')
        over (order by n rows unbounded preceding)) [count(*) filter (where line ~ '^\[') over (order by n)] as section
    from string_to_table(:'matrix', e'\n') with ordinality as l (line, n)
    where line !~ '^\s*(#.*)?$'
  ) as l
  where l.line !~ '^\[';

-- On Supabase, schema auth and what is in it are not ours.
delete from lines
where not exists (select from pg_class where oid = 'auth.users'::regclass and relowner = tests.owner())
  and (section = 'table auth.users' or section ~ '^functions ' and line ~ '^auth\.'
    or section = 'schemas' and word[1] in ('auth', 'extensions'));

create temporary table expected_cells on commit drop as
  select substring(l.section from '^table (.*)') as "table", l.word[1] as "column", v.verb, l.word[v.place] as rule
  from lines as l
  cross join (values (2, 'select'), (3, 'insert'), (4, 'update'), (5, 'delete')) as v (place, verb)
  where l.section ~ '^table ' and (v.verb <> 'delete' or l.word[1] = 'row');

create temporary table rules on commit drop as
  select l.word[1] as rule, c.kind, l.word[c.place] as outcome
  from lines as l
  cross join (
    values (2, 'owner'), (3, 'admin'), (4, 'member'), (5, 'stranger'), (6, 'deleted'), (7, 'unclaimed'), (8, 'malformed'),
      (9, 'others')
  ) as c (place, kind)
  where l.section = 'rules';

-- Who tries. All but service_role, which it cannot become, do so by way of the login role.
create temporary table them on commit drop as select * from tests.two_tenants();
create temporary table callers (
  n integer generated always as identity, kind text, role text, claims text, person uuid
) on commit drop;
insert into callers (kind, role, claims, person)
select c.kind, c.role, case when c.person is null then c.claims else jsonb_build_object('sub', c.person)::text end, c.person
from them as t
cross join lateral (
  values
    ('unclaimed', 'authenticated', null, null), -- first, while this session has never had any
    ('unclaimed', 'authenticated', '', null),
    ('unclaimed', 'authenticated', '{}', null),
    ('unclaimed', 'authenticated', '{"sub": null, "role": "service_role"}', null),
    ('unclaimed', 'authenticated', '[]', null),
    ('malformed', 'authenticated', '{"sub": ', null),
    ('malformed', 'authenticated', 'owner', null),
    ('malformed', 'authenticated', '{"sub": "owner"}', null),
    ('malformed', 'authenticated', '{"sub": ""}', null),
    ('malformed', 'authenticated', '{"sub": {"is": "an object"}}', null),
    ('owner', 'authenticated', null, t.owner),
    ('admin', 'authenticated', null, t.admin),
    ('member', 'authenticated', null, t.member),
    ('stranger', 'authenticated', null, t.stranger),
    ('deleted', 'authenticated', null, '00000000-0000-4000-8000-000000000000'),
    ('others', 'anon', null, null),
    ('others', 'anon', null, t.owner),
    ('others', 'service_role', null, null),
    ('others', 'service_role', null, t.owner),
    ('others', 'none', null, null),
    ('others', 'none', null, t.owner)
) as c (kind, role, claims, person)
union all
select 'others', r.role, jsonb_build_object('sub', p.person)::text, p.person
from them as t
cross join lateral unnest(array[t.owner, t.stranger]) as p (person)
cross join unnest(array[
  'callwaiting_agent', 'callwaiting_meter', 'callwaiting_payments', 'callwaiting_auth', 'callwaiting_worker'
]) as r (role);

create temporary view roles as
  select r.rolname::text as role
  from pg_roles as r
  where r.rolname in (select role from callers union select 'callwaiting');

-- What they try it on.
create temporary table tables on commit drop as
  select
    c.oid, c.oid::regclass::text as name, k.key,
    array(
      select a.attname::text from pg_attribute as a where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
    ) as columns
  from pg_class as c
  join pg_namespace as n on n.oid = c.relnamespace
  -- Whose a row is.
  left join lateral (
    select a.attname as key
    from pg_attribute as a
    where a.attrelid = c.oid and not a.attisdropped and a.attname in ('workspace_id', 'user_id', 'id')
    order by a.attname = 'workspace_id' desc, a.attname = 'user_id' desc
    limit 1
  ) as k on true
  where c.relkind in ('r', 'p', 'v', 'm', 'f')
    and (n.nspname in ('public', 'private') or (n.nspname = 'auth' and c.relowner = tests.owner()));

create temporary table functions on commit drop as
  select p.oid, p.oid::regprocedure::text as name
  from pg_proc as p
  join pg_namespace as n on n.oid = p.pronamespace
  where n.nspname in ('public', 'private') or (n.nspname = 'auth' and p.proowner = tests.owner());

create temporary table attempts (
  n integer generated always as identity, "table" text, "column" text, verb text, statement text,
  -- As a superuser afterwards: whose rows are seen, and whose are another version than before.
  seen text, changed text
) on commit drop;

create temporary table untried ("table" text) on commit drop;
-- Every value is one that a row of the table has, so that nothing but a privilege or a policy can refuse it.
do $attempts$
declare
  t record;
  known tid[];
  written text[];
  literals text[];
begin
  for t in select * from tables loop
    execute format('select array_agg(ctid) from %s', t.name) into known;
    written := array(
      select quote_ident(a.attname)
      from pg_attribute as a
      where a.attrelid = t.oid and a.attnum > 0 and not a.attisdropped and a.attgenerated = '' and a.attidentity = ''
      order by a.attnum
    );
    execute format('select array[%s]::text[] from %s limit 1',
      (select string_agg(format('quote_nullable(%s::text)', w), ', ') from unnest(written) as w), t.name)
    into literals;
    if literals is null then
      insert into untried values (t.name);
    end if;

    insert into attempts ("table", "column", verb, statement, seen, changed)
    select t.name, x."column", x.verb, x.statement,
      case when x.verb = 'select' and t.key is not null then format('select array_agg(distinct %I::text) from %s', t.key, t.name) end,
      case when x.verb <> 'select' and t.key is not null
        then format('select array_agg(distinct %I::text) from %s where ctid <> all (%L)', t.key, t.name, known) end
    from (
      select 'row', 'select', format('select count(*) from (select * from %s) as s', t.name)
      union all
      select 'row', 'insert', format('insert into %s (%s) values (%s)',
        t.name, array_to_string(written, ', '), array_to_string(literals, ', '))
      union all
      select 'row', 'update', format('update %s set (%s) = row (%s)',
        t.name, array_to_string(written, ', '), array_to_string(literals, ', '))
      union all
      select 'row', 'delete', format('delete from %s', t.name)
      union all
      select c.name, v.verb, case v.verb
        when 'select' then format('select count(*) from (select %I from %s) as s', c.name, t.name)
        when 'insert' then format('insert into %s (%I) values (default)', t.name, c.name)
        when 'update' then format('update %s set %I = %s', t.name, c.name,
          coalesce(literals[array_position(written, quote_ident(c.name))], 'default'))
      end
      from unnest(t.columns) as c (name)
      cross join unnest(array['select', 'insert', 'update']) as v (verb)
    ) as x ("column", verb, statement);
  end loop;
end
$attempts$;

create temporary table results (caller integer, attempt integer, outcome text, rows bigint, keys text[]) on commit drop;
do $try$
declare
  caller record;
  attempt record;
  attempts attempts[] := array(select a from attempts as a order by a.n);
  missing boolean := current_setting('request.jwt.claims', true) is null;
  superuser name := session_user;
  result results;
  found results[];
begin
  if not missing then
    raise exception 'this session had claims before: missing ones cannot be tried';
  end if;
  for caller in select * from callers order by n loop
    found := '{}';
    begin
      if caller.claims is not null then
        perform set_config('request.jwt.claims', caller.claims, true);
      end if;
      if caller.role <> 'service_role' then
        perform set_config('session_authorization', 'callwaiting', true);
      end if;
      perform set_config('role', caller.role, true);

      foreach attempt in array attempts loop
        result := row(caller.n, attempt.n, null, null, null);
        begin
          if attempt.verb = 'select' then
            execute attempt.statement into result.rows;
            if result.rows > 0 and attempt.seen is not null then
              execute attempt.seen into result.keys;
            end if;
          else
            execute attempt.statement;
            get diagnostics result.rows = row_count;
            if result.rows > 0 and attempt.changed is not null then
              perform set_config('session_authorization', superuser, true), set_config('role', 'none', true);
              execute attempt.changed into result.keys;
            end if;
          end if;
          raise exception sqlstate 'UNDO0';
        exception
          when sqlstate 'UNDO0' then result.outcome := case result.rows when 0 then 'none' else 'rows' end;
          when insufficient_privilege then result.outcome := '-';
          when invalid_text_representation then result.outcome := 'invalid';
          when others then result.outcome := sqlstate;
        end;
        found := found || result;
      end loop;
      raise exception sqlstate 'UNDO0';
    exception when sqlstate 'UNDO0' then
      null;
    end;
    insert into results select * from unnest(found);
  end loop;
end
$try$;

-- The rows that somebody got, as a word.
create function pg_temp.whose(keys text[], person uuid) returns text
language sql
as $$
  select case
    when keys = array[t.a::text] then 'A'
    when keys = array[t.b::text] then 'B'
    when keys = array[person::text] then 'self'
    else 'other rows: ' || coalesce(array_to_string(keys, ' '), 'of nobody')
  end
  from pg_temp.them as t
$$;

-- A cell says A only when it is all rows of A: how many there are.
create temporary table row_counts ("table" text, outcome text, rows bigint) on commit drop;
do $count$
declare
  t record;
begin
  for t in select * from tables where key is not null loop
    execute format(
      'insert into row_counts select %1$L, case %2$I::text when a::text then ''A'' else ''B'' end, count(*)
       from %1$s, pg_temp.them where %2$I::text in (a::text, b::text) group by 2', t.name, t.key);
  end loop;
end
$count$;

-- Nothing is missing.
select set_eq(
  'select name from tables', 'select distinct "table" from expected_cells',
  'access.matrix has every table, and no other'
);
select set_eq(
  'select name as "table", unnest(columns || ''row''::text) as "column" from tables',
  'select distinct "table", "column" from expected_cells',
  'access.matrix has every column, and no other'
);
select is_empty(
  'select * from expected_cells as e where e.rule is null or not exists (select from rules as r where r.rule = e.rule)',
  'every cell of access.matrix is a rule that it explains'
);
select is_empty(
  $$ select "table" from untried
     union all
     select t.name from tables as t
     where t.key = 'workspace_id'
       and (select count(*) from row_counts as n where n."table" = t.name and n.outcome in ('A', 'B')) < 2 $$,
  'tests.two_tenants() puts a row into every table, and into those of tenants one of each'
);
select is(
  (select count(*) from results), (select count(*) from attempts) * (select count(*) from callers),
  format('%s attempts on tables were made, by %s callers', (select count(*) from results), (select count(*) from callers))
);

-- Every cell is as it is written.
select is_empty(
  format($$
    select a."column", a.verb, c.kind, c.role, c.claims, x.outcome as wanted, o.outcome as got
    from attempts as a
    join results as r on r.attempt = a.n
    join callers as c on c.n = r.caller
    join expected_cells as e on e."table" = a."table" and e."column" = a."column" and e.verb = a.verb
    join rules as x on x.rule = e.rule and x.kind = c.kind
    cross join lateral (
      select case when r.outcome = 'rows' then pg_temp.whose(r.keys, c.person) else r.outcome end as outcome
    ) as o
    left join row_counts as n on n."table" = a."table" and n.outcome = o.outcome
    where a."table" = %L and (o.outcome <> x.outcome or r.rows <> n.rows)
  $$, t.name),
  t.name || ' is what access.matrix says'
)
from tables as t
order by t.name;

-- And refused means by privilege: a policy that is not there is no reason to have been granted something.
select set_eq(
  $$ select r.role, t.name as "table", c.name as "column", v.verb
     from pg_temp.roles as r
     cross join pg_temp.tables as t
     cross join unnest(t.columns) as c (name)
     cross join unnest(array['select', 'insert', 'update']) as v (verb)
     where has_column_privilege(r.role, t.oid, c.name, v.verb)
     union all
     select r.role, t.name, 'row', 'delete' from pg_temp.roles as r, pg_temp.tables as t
     where has_table_privilege(r.role, t.oid, 'delete') $$,
  $$ select 'authenticated', "table", "column", verb from pg_temp.expected_cells
     where rule <> '-' and ("column" <> 'row' or verb = 'delete') $$,
  'only authenticated has been granted anything on a table, and nothing but what access.matrix says'
);

-- What is not a cell: verbs that nobody has on anything. (A view of any kind would need thought of its own.)
select is_empty(
  $$ select r.role, t.name, v.verb
     from pg_temp.roles as r, pg_temp.tables as t, unnest(array['truncate', 'references', 'trigger']) as v (verb)
     where has_table_privilege(r.role, t.oid, v.verb)
     union all
     select r.role, t.name || '.' || a.attname, 'references'
     from pg_temp.roles as r, pg_temp.tables as t, pg_attribute as a
     where a.attrelid = t.oid and a.attnum > 0 and has_column_privilege(r.role, t.oid, a.attnum, 'references') $$,
  'no table can be truncated, referenced or given a trigger'
);
select is_empty('select name from tables as t join pg_class as c on c.oid = t.oid where c.relkind <> ''r''', 'all are tables');

-- Sequences.
select set_eq(
  $$ select c.oid::regclass::text from pg_class as c
     where c.relkind = 'S' and c.relnamespace in ('public'::regnamespace, 'private'::regnamespace) $$,
  'select line from lines where section = ''sequences''',
  'access.matrix has every sequence, and no other'
);
select is_empty(
  $$ select r.role, l.line from pg_temp.roles as r, pg_temp.lines as l
     where l.section = 'sequences' and has_sequence_privilege(r.role, l.line, 'usage, select, update') $$,
  'nobody may use a sequence'
);

-- Schemas.
select set_eq(
  $$ select r.role, n.nspname::text
     from pg_temp.roles as r, pg_namespace as n
     where n.nspname in (select word[1] from pg_temp.lines where section = 'schemas')
       and has_schema_privilege(r.role, n.oid, 'usage') $$,
  $$ select r.role, l.word[1]
     from pg_temp.lines as l
     join pg_temp.roles as r on r.role = any (l.word[2:]) or 'everybody' = any (l.word[2:])
     where l.section = 'schemas' $$,
  'schemas can be used by whom access.matrix says'
);
select is_empty(
  $$ select r.role, n.nspname from pg_temp.roles as r, pg_namespace as n
     where has_schema_privilege(r.role, n.oid, 'create') and n.nspname !~ '^pg_(toast_)?temp_' $$,
  'nobody may create anything in any schema'
);

-- Functions: called, by every role, with nulls for arguments. 42501 is refused, and whatever else happens is not.
create temporary table calls (role text, name text, allowed boolean) on commit drop;
do $try$
declare
  role_name text;
  call record;
  calls jsonb[];
  allowed boolean;
  found jsonb[];
begin
  -- `offset 0`, or a strict function of constant nulls is never called.
  select array_agg(jsonb_build_object('name', f.name, 'statement', format(
    'select %s(%s) from (select %s offset 0) as s',
    split_part(f.name, '(', 1),
    (select string_agg('a' || i, ', ' order by i) from generate_series(1, p.pronargs) as i),
    (select string_agg(format('null::%s as a%s', format_type(a.type, null), a.i), ', ' order by a.i)
      from unnest(p.proargtypes) with ordinality as a (type, i))
  )))
  into calls from functions as f join pg_proc as p on p.oid = f.oid;
  foreach role_name in array array(select r.role from roles as r) loop
    found := '{}';
    begin
      perform set_config('request.jwt.claims', (select c.claims from callers as c where c.kind = 'owner'), true);
      if role_name <> 'service_role' then
        perform set_config('session_authorization', 'callwaiting', true);
      end if;
      perform set_config('role', case role_name when 'callwaiting' then 'none' else role_name end, true);
      for call in select c ->> 'name' as name, c ->> 'statement' as statement from unnest(calls) as c loop
        begin
          execute call.statement;
          raise exception sqlstate 'UNDO0';
        exception
          when insufficient_privilege then allowed := false;
          when others then allowed := true;
        end;
        found := found || jsonb_build_object('role', role_name, 'name', call.name, 'allowed', allowed);
      end loop;
      raise exception sqlstate 'UNDO0';
    exception when sqlstate 'UNDO0' then
      null;
    end;
    insert into calls select f ->> 'role', f ->> 'name', (f ->> 'allowed')::boolean from unnest(found) as f;
  end loop;
end
$try$;
select set_eq(
  'select name from functions', 'select line from lines where section ~ ''^functions ''',
  'access.matrix has every function, and no other'
);
select set_eq(
  'select role, name from calls where allowed',
  $$ select role, line from pg_temp.lines, string_to_table(substring(section from '^functions of (.*)'), ' and ') as role
     where section ~ '^functions ' and role <> 'nobody' $$,
  format('%s calls were made, and every function let in whom access.matrix says', (select count(*) from calls))
);
select set_eq(
  'select role, name from calls where allowed',
  $$ select r.role, f.name from pg_temp.roles as r, pg_temp.functions as f
     where has_function_privilege(r.role, f.oid, 'execute')
       and has_schema_privilege(r.role, split_part(f.name, '.', 1), 'usage') $$,
  'which is also what Postgres says of itself'
);

select * from finish();
rollback;
