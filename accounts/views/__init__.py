from accounts.views.clinic import switch_clinic
from accounts.views.login import (
    change_password,
    reauthenticate,
    reset_password,
    reset_password_from_key,
    sign_in,
    sign_up_closed,
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
from accounts.views.token import issue_token, revoke_token

__all__ = [
    "add_app",
    "add_passkey",
    "ask_code",
    "change_password",
    "confirm_code",
    "confirm_passkey",
    "decide_policy",
    "issue_token",
    "list_passkeys",
    "overview",
    "profile",
    "reauthenticate",
    "remove_app",
    "remove_passkey",
    "renew_recovery_codes",
    "reset_password",
    "reset_password_from_key",
    "revoke_token",
    "save_locale",
    "show_recovery_codes",
    "sign_in",
    "sign_up_closed",
    "switch_clinic",
]
