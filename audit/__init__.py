"""The audit trail: who did what to whose data, when and from where. It knows nothing of medicine."""
