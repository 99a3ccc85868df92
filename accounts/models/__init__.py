from accounts.models.api_token import ApiToken
from accounts.models.clinic import Clinic
from accounts.models.letterhead import Letterhead
from accounts.models.membership import Membership
from accounts.models.token_end import end_tokens_of_membership, end_tokens_of_user
from accounts.models.user import User

__all__ = ["ApiToken", "Clinic", "Letterhead", "Membership", "User", "end_tokens_of_membership", "end_tokens_of_user"]
