"""Sign-in and the pages of one's own account. Of allauth's addresses only those that this portal uses exist."""

from allauth.account import views as allauth
from django.urls import URLPattern, path, re_path

from accounts import views
from accounts.views import provider

app_name = "accounts"

# allauth looks these names up without a namespace.
entrance: list[URLPattern] = [
    path("sign-in/", views.sign_in, name="account_login"),
    path("sign-out/", allauth.logout, name="account_logout"),
    path("sign-up/", views.sign_up_closed, name="account_signup"),
    path("inactive/", allauth.account_inactive, name="account_inactive"),
    path("reauthenticate/", views.reauthenticate, name="account_reauthenticate"),
    path("password/change/", views.change_password, name="account_change_password"),
    path("password/reset/", views.reset_password, name="account_reset_password"),
    path("password/reset/sent/", allauth.password_reset_done, name="account_reset_password_done"),
    re_path(
        r"^password/reset/key/(?P<uidb36>[0-9A-Za-z]+)-(?P<key>.+)/$",
        views.reset_password_from_key,
        name="account_reset_password_from_key",
    ),
    path(
        "password/reset/key/done/",
        allauth.password_reset_from_key_done,
        name="account_reset_password_from_key_done",
    ),
    path("second-factor/", views.overview, name="mfa_index"),
    path("second-factor/code/", views.ask_code, name="mfa_authenticate"),
    path("second-factor/confirm/", views.confirm_code, name="mfa_reauthenticate"),
    path("second-factor/confirm/passkey/", views.confirm_passkey, name="mfa_reauthenticate_webauthn"),
    path("second-factor/app/", views.add_app, name="mfa_activate_totp"),
    path("second-factor/app/remove/", views.remove_app, name="mfa_deactivate_totp"),
    path("second-factor/passkeys/", views.list_passkeys, name="mfa_list_webauthn"),
    path("second-factor/passkeys/new/", views.add_passkey, name="mfa_add_webauthn"),
    path("second-factor/passkeys/<int:pk>/remove/", views.remove_passkey, name="mfa_remove_webauthn"),
    path("second-factor/recovery-codes/", views.show_recovery_codes, name="mfa_view_recovery_codes"),
    path("second-factor/recovery-codes/new/", views.renew_recovery_codes, name="mfa_generate_recovery_codes"),
]

# Only where a site has named its provider: see portal/urls.py.
single_sign_on: list[URLPattern] = [
    path("provider/", provider.begin, name="account_provider"),
    path("provider/return/", provider.come_back, name="account_provider_return"),
    path("provider/confirm/", provider.confirm, name="account_provider_confirm"),
    path("provider/confirmed/", provider.confirmed, name="account_provider_confirmed"),
    path("provider/connect/", provider.connect, name="account_provider_connect"),
    path("provider/disconnect/", provider.disconnect, name="account_provider_disconnect"),
]

urlpatterns: list[URLPattern] = [
    path("", views.profile, name="profile"),
    path("alive/", views.alive, name="alive"),
    path("locale/", views.save_locale, name="save_locale"),
    path("second-factor/roles/", views.decide_policy, name="second_factor_policy"),
    path("clinic/", views.switch_clinic, name="switch_clinic"),
    path("tokens/", views.issue_token, name="issue_token"),
    path("tokens/<int:pk>/revoke/", views.revoke_token, name="revoke_token"),
    path("sessions/<int:pk>/end/", views.end_session, name="end_session"),
    path("sessions/end/", views.end_other_sessions, name="end_other_sessions"),
    path("people/", views.show_people, name="people"),
    path("people/invite/", views.invite, name="invite"),
    path("people/<int:pk>/", views.show_person, name="person"),
    path("people/<int:pk>/role/", views.change_role, name="person_role"),
    path("people/<int:pk>/deactivate/", views.deactivate, name="person_deactivate"),
    path("people/<int:pk>/restore/", views.restore, name="person_restore"),
    path("people/<int:pk>/link/", views.renew_link, name="person_link"),
    path("people/<int:pk>/password/", views.send_reset_link, name="person_password"),
    path("people/<int:pk>/second-factor/reset/", views.reset_second_factor, name="person_second_factor"),
    path("people/<int:pk>/sessions/end/", views.end_sessions, name="person_end_sessions"),
    path("invitation/", views.accept, name="invitation"),
    path("invitation/<str:secret>/", views.open_link, name="invitation_link"),
]
