"""The clinical pages: find, ask the person's permission, call one action, show."""
