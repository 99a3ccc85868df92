"""The public pages, the contact form, the pages of errors."""
