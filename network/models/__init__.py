"""Who may send, what was sent, and what of it belongs together."""

from network.models.commitment_request import CommitmentRequest, CommitmentStatus
from network.models.erased_study import ErasedStudy
from network.models.prior_retrieval import PriorRetrieval
from network.models.received_instance import InstanceStatus, ReceivedInstance
from network.models.received_study import ReceivedStudy, StudyStatus
from network.models.remote_entity import PriorsBy, RemoteEntity

__all__ = [
    "CommitmentRequest",
    "CommitmentStatus",
    "ErasedStudy",
    "InstanceStatus",
    "PriorRetrieval",
    "PriorsBy",
    "ReceivedInstance",
    "ReceivedStudy",
    "RemoteEntity",
    "StudyStatus",
]
