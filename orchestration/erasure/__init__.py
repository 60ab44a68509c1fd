"""Forgetting a person: whom a request means, what goes, what is kept out, the certificate."""

from orchestration.erasure.run import (
    Certificate,
    contact_key,
    email_key,
    erase_late_rows,
    finish_unfinished,
    forget,
    is_unfinished,
    preview,
)

__all__ = [
    "Certificate",
    "contact_key",
    "email_key",
    "erase_late_rows",
    "finish_unfinished",
    "forget",
    "is_unfinished",
    "preview",
]
