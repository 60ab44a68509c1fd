"""Known vulnerabilities stop a check, and so does an audit that does not work; one out of reach does not."""

import json
import subprocess

import pytest

from tests.conventions import dependency_audit

_BAD = {"id": "CVE-1", "fix_versions": ["2"]}


@pytest.mark.parametrize(
    ("stdout", "stderr", "code", "told"),
    [
        (json.dumps({"dependencies": [{"name": "a", "version": "1", "vulns": []}]}), "", 0, "1 of 1 audited"),
        (
            json.dumps({"dependencies": [{"name": "a", "version": "1", "vulns": [_BAD]}]}),
            "",
            1,
            "mended in 2",
        ),
        (json.dumps({"dependencies": [{"name": "a", "skip_reason": "not found"}]}), "", 0, "can be reached"),
        ("", "requests.exceptions.ConnectionError: nobody", 0, "can be reached"),
        ("", "ERROR: invalid specifier at line 7\n  nosuch==", 1, "invalid specifier at line 7"),
        ("", 'File "urllib3/connection.py"\nTypeError: no', 1, "TypeError: no"),
        ("", "No module named 'resolvelib'", 1, "resolvelib"),
        ("[]", "", 1, "[]"),
        ("", "", 1, "ended with 2"),
    ],
)
def test_what_an_audit_comes_to(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    stdout: str,
    stderr: str,
    code: int,
    told: str,
) -> None:
    done = subprocess.CompletedProcess[str]([], 2, stdout, stderr)
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: done)
    assert dependency_audit.main() == code
    assert told in capsys.readouterr().out
