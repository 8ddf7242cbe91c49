"""Checks that a tag, the version of the package, the changelog and the citation name the same release.

python .ci/check_tag.py v0.2.0
"""

import re
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]


def problems(tag: str, root: Path = ROOT) -> list[str]:
    """What keeps `tag` from being released, a sentence each; none if all is well."""
    version = re.search(r'__version__ = "(.+)"', (root / "keras_cnns/version.py").read_text(encoding="utf-8"))[1]
    found = []
    if tag != f"v{version}":
        found.append(f"the tag is {tag}, and keras_cnns/version.py says {version}: the tag must be v{version}.")
    changelog = (root / "CHANGELOG.md").read_text(encoding="utf-8")
    section = re.search(rf"^## \[{re.escape(version)}\](.*)$", changelog, re.M)
    if section is None:
        found.append(f"CHANGELOG.md has no section [{version}].")
    elif not re.fullmatch(r" - \d{4}-\d\d-\d\d", section[1]):
        found.append(f"CHANGELOG.md has no date for [{version}]: write ## [{version}] - YYYY-MM-DD.")
    if f"version: {version}\n" not in (root / "CITATION.cff").read_text(encoding="utf-8"):
        found.append(f"CITATION.cff is not of version {version}.")
    return found


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    found = problems(sys.argv[1])
    print("\n".join(found) or f"{sys.argv[1]} may be released.")
    sys.exit(bool(found))
