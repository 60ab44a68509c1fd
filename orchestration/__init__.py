"""When and with what the funnel is built: the only package that knows Dagster."""
