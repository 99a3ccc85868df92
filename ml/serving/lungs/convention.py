"""What "lung" means to the people who drew a mask."""

from enum import StrEnum


class Convention(StrEnum):
    """A channel of the network; each image trains the one that its mask was drawn by.

    FIELDS is lung that nothing hides, SHADOWED also what lies behind heart and diaphragm. In a slice nothing lies
    behind anything: SHADOWED means nothing there.
    """

    FIELDS = "fields"
    SHADOWED = "shadowed"
