"""Orders for programs: addresses of the JSON API, in the manner of diagnosis.api."""
