"""File descriptors: how many this process may have open, and how many of them connections of clients may use."""

import resource

SHARE_KEPT = 2
"""At most one in so many is kept back, however few there are."""


def allow(wanted: int) -> int:
    """Raise the soft limit to `wanted` where the hard limit lets it; returns the limit that holds."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY or soft >= wanted:
        return wanted if soft == resource.RLIM_INFINITY else soft
    limit = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    limit = max(soft, limit)
    resource.setrlimit(resource.RLIMIT_NOFILE, (limit, hard))
    return limit


def for_clients(limit: int, kept: int) -> int:
    """What clients' connections may use of a limit, when `kept` stay for the store, webhooks, media and carriers."""
    return limit - min(kept, limit // SHARE_KEPT)
