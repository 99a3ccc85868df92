class CannotStart(Exception):
    """The portal cannot start here; the message is one sentence that says why and what to do."""


class StopRequested(Exception):
    """Somebody asked the portal to stop before it was up."""
