"""What a build costs, measured against two yardsticks; no part of a build knows it."""
