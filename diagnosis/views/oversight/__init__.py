"""The administrator's review screen: one module a page, all behind the same door."""
