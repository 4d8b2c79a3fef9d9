"""The URL of a webhook: a literal that can be sent to as it stands."""

from urllib.parse import urlsplit

from grammar import wording


def url_fault(url: str) -> str | None:
    """Advice on what keeps a text from being an absolute http(s) URL with a host (RFC 3986); None if nothing does.

    Braces have no meaning in it, so `{{` can only be a misunderstanding.
    """
    if "{{" in url:
        return wording.PLAIN_URL
    if any(char.isspace() or not char.isprintable() for char in url):
        return wording.URL_SPACES
    try:
        parts = urlsplit(url)
        host = parts.hostname
    except ValueError:
        return wording.URL_START
    if not url.lower().startswith(("https://", "http://")) or not host:
        return wording.URL_START
    try:
        return wording.URL_PORT if parts.port == 0 else None
    except ValueError:
        return wording.URL_PORT
