"""The roles: complete, storable, and added without a migration."""

import pytest
from django.core.exceptions import ValidationError

from accounts import roles
from accounts.models import Membership
from accounts.permissions import Permission

ROLE = Membership._meta.get_field("role")


class Auditor(roles.Role):
    slug = "auditor"
    name = "Auditor"
    description = "Checks how the clinic works."
    permissions = frozenset({Permission.VIEW_PATIENT})


@pytest.mark.parametrize("slug", roles.ROLES)
def test_a_role_says_what_it_is(slug: str) -> None:
    role = roles.ROLES[slug]
    assert role.slug == slug
    assert len(slug) <= ROLE.max_length
    assert role.name
    assert role.description
    assert role.permissions


def test_every_permission_belongs_to_a_role() -> None:
    assert frozenset().union(*(role.permissions for role in roles.ROLES.values())) == frozenset(Permission)


def test_a_new_role_is_accepted_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ValidationError):
        ROLE.clean("auditor", None)
    monkeypatch.setitem(roles.ROLES, "auditor", Auditor)
    assert ROLE.clean("auditor", None) == "auditor"
    assert "auditor" in roles.roles_with(Permission.VIEW_PATIENT)


def test_migrations_name_the_function_and_not_the_roles() -> None:
    assert ROLE.deconstruct()[3]["choices"] is roles.role_choices
