from accounts.models.account_end import end_with_password_or_account
from accounts.models.api_token import ApiToken
from accounts.models.clinic import Clinic
from accounts.models.invitation import Invitation
from accounts.models.letterhead import Letterhead
from accounts.models.membership import Membership
from accounts.models.open_session import OpenSession
from accounts.models.provider_link import ProviderLink
from accounts.models.token_end import end_tokens_of_membership, end_tokens_of_user
from accounts.models.user import User

__all__ = [
    "ApiToken",
    "Clinic",
    "Invitation",
    "Letterhead",
    "Membership",
    "OpenSession",
    "ProviderLink",
    "User",
    "end_tokens_of_membership",
    "end_tokens_of_user",
    "end_with_password_or_account",
]
