from accounts.views.alive import alive
from accounts.views.clinic import switch_clinic
from accounts.views.invitation import accept, open_link
from accounts.views.login import (
    change_password,
    reauthenticate,
    reset_password,
    reset_password_from_key,
    sign_in,
    sign_up_closed,
)
from accounts.views.people import invite, show_people
from accounts.views.person import (
    change_role,
    deactivate,
    end_sessions,
    renew_link,
    reset_second_factor,
    restore,
    send_reset_link,
    show_person,
)
from accounts.views.profile import profile, save_locale
from accounts.views.second_factor import (
    add_app,
    add_passkey,
    ask_code,
    confirm_code,
    confirm_passkey,
    decide_policy,
    list_passkeys,
    overview,
    remove_app,
    remove_passkey,
    renew_recovery_codes,
    show_recovery_codes,
)
from accounts.views.session import end_other_sessions, end_session
from accounts.views.token import issue_token, revoke_token

__all__ = [
    "accept",
    "add_app",
    "add_passkey",
    "alive",
    "ask_code",
    "change_password",
    "change_role",
    "confirm_code",
    "confirm_passkey",
    "deactivate",
    "decide_policy",
    "end_other_sessions",
    "end_session",
    "end_sessions",
    "invite",
    "issue_token",
    "list_passkeys",
    "open_link",
    "overview",
    "profile",
    "reauthenticate",
    "remove_app",
    "remove_passkey",
    "renew_link",
    "renew_recovery_codes",
    "reset_password",
    "reset_password_from_key",
    "reset_second_factor",
    "restore",
    "revoke_token",
    "save_locale",
    "send_reset_link",
    "show_people",
    "show_person",
    "show_recovery_codes",
    "sign_in",
    "sign_up_closed",
    "switch_clinic",
]
