"""How a person stands in rows that outlive the account."""

from accounts.models import User


def actor_label(user: User) -> str:
    return f"{user.full_name} <{user.email}>"
