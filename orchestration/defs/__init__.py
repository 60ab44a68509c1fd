"""What Dagster sees: thin definitions over the build's phases. Logic does not belong here."""
