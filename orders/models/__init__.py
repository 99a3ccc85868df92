"""Who may place orders, what was ordered, and what came as a message."""

from orders.models.message import Answer, MessageBody, ReceivedMessage
from orders.models.order import Order, OrderTransition
from orders.models.policy import OrderPolicy
from orders.models.proposal import MergeProposal
from orders.models.source import OrderSource

__all__ = [
    "Answer",
    "MergeProposal",
    "MessageBody",
    "Order",
    "OrderPolicy",
    "OrderSource",
    "OrderTransition",
    "ReceivedMessage",
]
