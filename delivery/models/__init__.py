"""Where results go, what goes there, and how each try ended."""

from delivery.models.attempt import DeliveryAttempt, Outcome
from delivery.models.delivery import Delivery
from delivery.models.destination import Content, Destination, Kind

__all__ = ["Content", "Delivery", "DeliveryAttempt", "Destination", "Kind", "Outcome"]
