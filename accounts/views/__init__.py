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
from accounts.views.token import issue_token, revoke_token

__all__ = [
    "change_password",
    "issue_token",
    "profile",
    "reauthenticate",
    "reset_password",
    "reset_password_from_key",
    "revoke_token",
    "save_locale",
    "sign_in",
    "sign_up_closed",
    "switch_clinic",
]
