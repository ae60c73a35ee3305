-- BCRYPT_COST may be raised, and then the passwords hashed before it would be refused sooner than one of an account that
-- does not exist, which tells the accounts apart. So a cheaper hash is followed by as much work as it saved, and a password
-- that was right is hashed again at today's cost. One more expensive than today's stays slower until then.
create or replace function private.sign_in(email text, password text, bcrypt_cost integer, refresh_hash bytea)
returns table (outcome text, user_json text, session_id uuid)
language plpgsql volatile security definer set search_path = ''
as $function$
declare
  person record;
  hash text;
  cost constant integer := least(greatest(coalesce(sign_in.bcrypt_cost, 10), 4), 16);
  its_cost integer;
begin
  select u.id, u.email_confirmed_at, u.banned_until, u.encrypted_password into person
  from auth.users as u
  where u.email = lower(btrim(sign_in.email))
    and u.deleted_at is null
    and not coalesce(u.is_sso_user, false)
    and u.encrypted_password ~ '^\$2[ax]\$[0-9]{2}\$' -- the bcrypts that pgcrypto knows; none for who signs in elsewhere
  limit 1;
  if person.id is null then
    perform private.bcrypt(sign_in.password, cost);
    outcome := 'invalid';
  else
    hash := extensions.crypt(sign_in.password, person.encrypted_password);
    its_cost := substr(person.encrypted_password, 5, 2)::integer;
    -- Costs are powers of two: n + n + (n + 1) + … + (cost - 1) is cost.
    for more in its_cost .. cost - 1 loop
      perform private.bcrypt(sign_in.password, more);
    end loop;
    outcome := case
      when hash is distinct from person.encrypted_password then 'invalid'
      when person.banned_until > now() then 'banned'
      when person.email_confirmed_at is null then 'unconfirmed'
      else 'ok'
    end;
  end if;
  if outcome = 'ok' then
    if its_cost <> cost then
      update auth.users as u
      set encrypted_password = private.bcrypt(sign_in.password, cost)
      where u.id = person.id and u.encrypted_password = person.encrypted_password;
    end if;
    session_id := private.open_session(person.id, sign_in.refresh_hash);
    user_json := private.user_json(person.id);
  end if;
  return next;
end
$function$;
