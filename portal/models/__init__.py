from portal.models.contact_message import ContactMessage

__all__ = ["ContactMessage"]
