"""How each language writes dates and times: a module `<language>/formats.py` for each of settings.LANGUAGES.

Templates ask by name, `{{ moment|date:"LONG_DATETIME_FORMAT" }}`, never by letters: the order of day, month and year
belongs to the language.
"""

from portal.formats.en import formats

NAMES = tuple(name for name in vars(formats) if name.isupper())
