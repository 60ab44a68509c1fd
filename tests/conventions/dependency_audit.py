"""Known vulnerabilities of the locked dependencies, by pip-audit, where its database can be reached.

    .venv/bin/python -m tests.conventions.dependency_audit

Only ``make check`` runs this; no build asks anything of the network.
"""

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

_LOCK = Path(__file__).resolve().parents[2] / "requirements.lock"
_SECONDS = 120
_ANSWER_SECONDS = 5
# What pip-audit says where nobody answers.
_NO_ANSWER = re.compile(
    "ConnectionError|ConnectTimeout|ReadTimeout|Max retries|timed out|Temporary failure in name resolution"
)


def main() -> int:
    """Audit the lock file.

    Returns:
        1 if a locked version has a known vulnerability that another version mends, or nothing can be audited
        although somebody may answer.
    """
    answer, complaint = _ask()
    if complaint:
        print(f"Dependencies: pip-audit does not work, so nothing was audited. {complaint}")
        return 1
    audited = [each for each in answer if "skip_reason" not in each]
    if not audited:
        print("Dependencies: no database of vulnerabilities can be reached, so none was audited.")
        return 0
    found = [
        (each["name"], each["version"], vulnerability)
        for each in audited
        for vulnerability in each.get("vulns", [])
    ]
    for name, version, vulnerability in found:
        mended = ", ".join(vulnerability["fix_versions"]) or "no version yet"
        print(f"{name} {version}: {vulnerability['id']}, mended in {mended}")
    print(f"Dependencies: {len(audited)} of {len(answer)} audited, {len(found)} known vulnerabilities.")
    return 1 if any(vulnerability["fix_versions"] for *_, vulnerability in found) else 0


def _ask() -> tuple[list[dict[str, Any]], str]:
    """What is known of each dependency, and what pip-audit complains of; neither where nobody answers."""
    words = [
        *(sys.executable, "-m", "pip_audit", "--disable-pip", "--require-hashes"),
        *("--requirement", str(_LOCK), "--progress-spinner", "off", "--format", "json"),
        *("--timeout", str(_ANSWER_SECONDS)),
    ]
    try:
        done = subprocess.run(words, capture_output=True, text=True, timeout=_SECONDS, check=False)
    except subprocess.TimeoutExpired:
        return [], ""
    try:
        dependencies: list[dict[str, Any]] = json.loads(done.stdout)["dependencies"]
    except (json.JSONDecodeError, KeyError, TypeError):
        said = done.stderr.strip() or done.stdout.strip() or f"It ended with {done.returncode}."
        # A traceback names modules that open connections, whatever went wrong: its last line says what did.
        *_, last = lines = said.splitlines()
        complaint = next((line for line in lines if line.startswith("ERROR")), last)
        return [], "" if _NO_ANSWER.search(last) else complaint
    return dependencies, ""


if __name__ == "__main__":
    sys.exit(main())
