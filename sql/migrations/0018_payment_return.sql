-- GET /payment: what the books say to whoever comes back from a checkout, by the reference alone, which is 128 random bits.
create function private.payment_return(tx_ref text) returns table (status text)
language plpgsql stable security definer set search_path = ''
as $function$
begin
  select s.status into payment_return.status from public.subscriptions as s where s.tx_ref = payment_return.tx_ref;
  return next;
end
$function$;
revoke all on function private.payment_return(text) from public, anon, authenticated, service_role;
grant execute on function private.payment_return(text) to callwaiting_payments;
