"""The licence of a package as an SPDX expression, from what its metadata says; no text of a licence is read.

A classifier that leaves the version open means the usual one: "BSD License" that of three clauses, "Apache" the second.
"""

import re
from email.message import Message

UNKNOWN = "NOASSERTION"
CLASSIFIERS = {
    "MIT License": "MIT",
    "MIT No Attribution License (MIT-0)": "MIT-0",
    "Apache Software License": "Apache-2.0",
    "BSD License": "BSD-3-Clause",
    "ISC License (ISCL)": "ISC",
    "Python Software Foundation License": "PSF-2.0",
    "Mozilla Public License 2.0 (MPL 2.0)": "MPL-2.0",
    "GNU General Public License v2 (GPLv2)": "GPL-2.0-only",
    "GNU General Public License v2 or later (GPLv2+)": "GPL-2.0-or-later",
    "GNU General Public License v3 (GPLv3)": "GPL-3.0-only",
    "GNU General Public License v3 or later (GPLv3+)": "GPL-3.0-or-later",
    "GNU Lesser General Public License v2 or later (LGPLv2+)": "LGPL-2.0-or-later",
    "GNU Lesser General Public License v3 (LGPLv3)": "LGPL-3.0-only",
    "GNU Lesser General Public License v3 or later (LGPLv3+)": "LGPL-3.0-or-later",
    "GNU Affero General Public License v3": "AGPL-3.0-only",
    "The Unlicense (Unlicense)": "Unlicense",
}
WRITTEN = {
    "mit": "MIT",
    "mit license": "MIT",
    "apache 2.0": "Apache-2.0",
    "apache license 2.0": "Apache-2.0",
    "apache 2.0 license": "Apache-2.0",
    "bsd-3-clause": "BSD-3-Clause",
    "bsd 3-clause": "BSD-3-Clause",
    "psf": "PSF-2.0",
}
EXPRESSION = re.compile(r"[A-Za-z0-9.+-]+(?: (?:AND|OR|WITH) [A-Za-z0-9.+-]+)*")
LONGEST = 120


def spdx_of(metadata: Message) -> str:
    """The licence of a distribution's METADATA; NOASSERTION where it does not say."""
    if expression := metadata.get("License-Expression"):
        return _short(expression)
    names = [
        line.rpartition("::")[2].strip()
        for line in metadata.get_all("Classifier") or []
        if line.startswith("License ::")
    ]
    known = [CLASSIFIERS[name] for name in names if name in CLASSIFIERS]
    if known:
        return _short(" OR ".join(dict.fromkeys(known)))
    return spdx_of_words(metadata.get("License") or "")


def spdx_of_words(words: str) -> str:
    """A licence that somebody wrote by hand; NOASSERTION for what is no name of one."""
    plain = " ".join(words.split())
    known = WRITTEN.get(plain.lower())
    is_expression = EXPRESSION.fullmatch(plain) is not None and " " not in plain.partition(" ")[0]
    return known or (_short(plain) if plain and is_expression else UNKNOWN)


def _short(expression: str) -> str:
    plain = " ".join(expression.split())
    return plain if len(plain) <= LONGEST and plain.isprintable() else UNKNOWN
