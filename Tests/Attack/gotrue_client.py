"""Supabase's own client against /auth/v1: signs up, in, on and out. Prints one line a step; fails on the first surprise."""

import sys

from supabase_auth import SyncGoTrueClient
from supabase_auth.errors import AuthError

url, email = sys.argv[1:]


def client():
    return SyncGoTrueClient(url=url + "/auth/v1", auto_refresh_token=False, persist_session=True)


def refused(what, call, status, code):
    try:
        call()
    except AuthError as error:
        assert (error.status, error.code) == (status, code), (what, error.status, error.code, error.message)
        print("refused", what)
    else:
        raise AssertionError(what + " was not refused")


ada = client()
answer = ada.sign_up({"email": email, "password": "correct horse", "options": {"data": {"full_name": "Ada"}}})
assert answer.user.email == email and answer.user.user_metadata["full_name"] == "Ada", answer
assert answer.session.token_type == "bearer" and answer.session.expires_in > 0, answer
print("signed up")
refused("a second sign-up", lambda: client().sign_up({"email": email, "password": "correct horse"}), 422, "user_already_exists")
refused("a weak password", lambda: client().sign_up({"email": "x" + email, "password": "x"}), 422, "weak_password")
for who in (email, "nobody-" + email):
    refused("a wrong password", lambda: client().sign_in_with_password({"email": who, "password": "wrong"}), 400, "invalid_credentials")

session = ada.sign_in_with_password({"email": email, "password": "correct horse"}).session
print("signed in")
user = ada.get_user().user
assert user.email == email and user.aud == "authenticated" and user.identities[0].provider == "email", user
print("user")
refreshed = ada.refresh_session().session
assert refreshed.refresh_token != session.refresh_token and refreshed.user.email == email
print("refreshed")
claims = ada.get_claims(refreshed.access_token)["claims"]
assert claims["email"] == email and claims["role"] == "authenticated", claims
print("claims")
refused("a token that is none", lambda: client().get_user("a.b.c"), 403, "bad_jwt")

ada.sign_out()
print("signed out")
refused("a session that has ended", lambda: client().get_user(refreshed.access_token), 403, "session_not_found")
refused("its refresh token", lambda: client().refresh_session(refreshed.refresh_token), 400, "refresh_token_not_found")
