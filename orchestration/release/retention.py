"""What is removed and when: releases beyond the number kept, and what killed builds left behind."""

import logging

from orchestration.release.database import DATABASE
from orchestration.release.files import explained, remove_tree, sync
from orchestration.release.locks import pointer_lock, publication_lock
from orchestration.release.shared import sweep_shared
from orchestration.release.store import list_releases, release_names, settle
from orchestration.settings import Settings

_LOG = logging.getLogger(__name__)


def apply_retention(settings: Settings, keep: int | None = None) -> list[str]:
    """Remove releases beyond the newest ones, with their contacts, and every leftover.

    The current release stays however old it is, and so does every release newer than it, because after a
    rollback those are the ways forward. The release published last is always among them; the policy lock
    and the history of audits and releases hang on it.

    Args:
        settings: Where the warehouse lies.
        keep: How many of the newest releases to keep, at least one; by default what the settings say.

    Returns:
        Ids of the releases removed.

    Raises:
        LeadproofError: If a publication is running or something cannot be removed.
    """
    with (
        explained("Removing old releases", settings.warehouse),
        publication_lock(settings, "retention"),
    ):
        return retire(settings, settings.keep_releases if keep is None else keep)


def retire(settings: Settings, keep: int) -> list[str]:
    """Do the work of ``apply_retention`` for a caller that holds the publication lock.

    Args:
        settings: Where the warehouse lies.
        keep: How many of the newest releases to keep, at least one.

    Returns:
        Ids of the releases removed.
    """
    with pointer_lock(settings):
        settle(settings)
        releases = list_releases(settings)
        current = next((position for position, release in enumerate(releases) if release.is_current), 0)
        removed = [release.release_id for release in releases[max(keep, 1, current + 1) :]]
        # Hidden first, in one step each: a reader finds a release whole or not at all.
        for name in removed:
            (settings.releases / name).rename(settings.releases / f".{name}.retired")
    sweep(settings)
    return removed


def sweep(settings: Settings) -> None:
    """Remove what no release needs; only for a caller that holds the publication lock.

    Args:
        settings: Where the warehouse lies.
    """
    with pointer_lock(settings):
        settle(settings)
    _sweep_contacts(settings)
    if settings.releases.is_dir():
        for path in settings.releases.iterdir():
            if path.name.startswith("."):
                remove_tree(path)
        sync(settings.releases)
    _sweep_candidates(settings)
    # Last: what a retired release or a published candidate alone has held is free by now.
    sweep_shared(settings)


def _sweep_contacts(settings: Settings) -> None:
    if not settings.restricted.is_dir():
        return
    kept = set(release_names(settings))
    for path in settings.restricted.iterdir():
        if path.name not in kept:
            remove_tree(path)
    sync(settings.restricted)


def _sweep_candidates(settings: Settings) -> None:
    if not settings.candidates.is_dir():
        return
    published = {release.build_id for release in list_releases(settings)}
    for path in settings.candidates.iterdir():
        if path.name.startswith("."):
            remove_tree(path)
        elif path.name in published:
            # The release holds the same rows; the small records stay for the report on this build.
            (path / DATABASE).unlink(missing_ok=True)
