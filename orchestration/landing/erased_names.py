"""Names of landing files in which somebody stands who has been forgotten, as they are kept.

The file itself belongs to whoever dropped it and keeps its name. The ledger knows it again by the name that
is written here.
"""

from orchestration.mentions import Mention, pieces
from orchestration.suppression import Suppression

_TAG_DIGITS = 8


def without_forgotten(name: str, suppression: Suppression) -> str:
    """Write a name without the addresses of the forgotten.

    Args:
        name: A path, or another name.
        suppression: Who has been forgotten.

    Returns:
        The name. In place of an address stands the beginning of a keyed digest of how it was written, so that
        different files keep different names.
    """
    if not suppression:
        return name

    def tagged(mention: Mention) -> str:
        written = name[mention.start : mention.end]
        return f"(erased-{suppression.digest(f'name:{written}')[:_TAG_DIGITS]})"

    return "".join(pieces(name, suppression.mentions.found(name, in_name=True), tagged))
