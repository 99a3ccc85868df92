from accounts.models.api_token import ApiToken
from accounts.models.clinic import Clinic
from accounts.models.letterhead import Letterhead
from accounts.models.membership import Membership
from accounts.models.user import User

__all__ = ["ApiToken", "Clinic", "Letterhead", "Membership", "User"]
