"""One module for each command: ``run(options) -> exit code``. Parsing belongs to ``cli.py``."""
