from portal.forms.contact import ContactForm

__all__ = ["ContactForm"]
