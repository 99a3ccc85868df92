"""How a person stands in rows that outlive the account."""

from accounts.models import User


def named(user: User) -> str:
    return f"{user.full_name} <{user.email}>"
