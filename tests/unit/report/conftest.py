import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from orchestration.settings import Settings
from tests.fixtures.release_world import make_settings


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return make_settings(tmp_path)


@pytest.fixture
def printed() -> Callable[..., str]:
    """Print as the command line does where nobody watches."""

    def render(renderable: Any, width: int = 80, encoding: str = "utf-8") -> str:
        raw = io.BytesIO()
        stream = io.TextIOWrapper(raw, encoding=encoding)
        Console(file=stream, width=width, highlight=False, soft_wrap=True).print(renderable)
        stream.flush()
        return raw.getvalue().decode(encoding)

    return render
