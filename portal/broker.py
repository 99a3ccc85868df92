"""One REDIS_URL, in the two spellings that Celery and Django's cache want."""

from urllib.parse import urlsplit


def celery_url(redis_url: str) -> str:
    """`unix:///path` becomes kombu's `redis+socket:///path?virtual_host=0`; other addresses pass through."""
    parts = urlsplit(redis_url)
    return f"redis+socket://{parts.path}?virtual_host=0" if parts.scheme == "unix" else redis_url


def cache_url(redis_url: str) -> str:
    """The same server's database 1, so that clearing the cache never touches the queue."""
    parts = urlsplit(redis_url)
    if parts.scheme == "unix":
        return f"unix://{parts.path}?db=1"
    return parts._replace(path="/1").geturl()
