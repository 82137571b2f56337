# SPDX-License-Identifier: Apache-2.0
"""The program that is measured: MILLRACE=PATH, or a release build of this tree."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent


def millrace_program(*setup):
    """Its path; without MILLRACE it is built first, after `ops/setup` with the options given."""
    if named := os.environ.get("MILLRACE"):
        return Path(named)
    subprocess.run([ROOT / "ops/setup", *setup], check=True)
    subprocess.run(["swift", "build", "-c", "release", "--package-path", ROOT, "--product", "millrace"], check=True,
                   stdout=sys.stderr)
    return ROOT / ".build/release/millrace"
