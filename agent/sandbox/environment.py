"""Which environment variables a program sees: those on a list, and none that holds a secret."""

import re
from collections.abc import Iterable, Mapping

from megacontext.memory.left_out import SECRET_PATTERNS

# ruff: noqa: SIM905 - lists of quoted names are no easier to read
ALLOWED = frozenset(
    "PATH HOME USER LOGNAME SHELL LANG LANGUAGE TZ VIRTUAL_ENV CONDA_PREFIX CONDA_DEFAULT_ENV PYTHONPATH PYENV_ROOT "
    "PYENV_VERSION NODE_PATH NODE_VERSION NVM_DIR GOPATH GOROOT GOFLAGS GOTOOLCHAIN CARGO_HOME RUSTUP_HOME "
    "RUSTUP_TOOLCHAIN JAVA_HOME MAVEN_HOME GRADLE_HOME GEM_HOME GEM_PATH RBENV_ROOT BUNDLE_PATH DOTNET_ROOT CC CXX "
    "CFLAGS CXXFLAGS LDFLAGS LD_LIBRARY_PATH LIBRARY_PATH CPATH PKG_CONFIG_PATH SSL_CERT_FILE SSL_CERT_DIR "
    "CUDA_HOME CUDA_PATH OMP_NUM_THREADS".split()
)
ALLOWED_BEGINNINGS = ("LC_",)
SECRET_NAME = re.compile(
    r"(?:^|_)(?:KEY|KEYS|TOKEN|SECRET|SECRETS|PASS|PASSWD|PASSWORD|PASSPHRASE|CREDENTIALS?|AUTH|COOKIE)(?:_|$)",
    re.IGNORECASE,
)
WITH_PASSWORD = re.compile(r"[a-z][a-z0-9+.-]*://[^/\s:@]*:[^/\s@]+@", re.IGNORECASE)
FIXED = {
    "TERM": "dumb",
    "NO_COLOR": "1",
    "PAGER": "cat",
    "GIT_PAGER": "cat",
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_OPTIONAL_LOCKS": "0",
    "GIT_EDITOR": "true",
    "EDITOR": "true",
    "PIP_NO_INPUT": "1",
    "PYTHONUNBUFFERED": "1",
    "PYTHONDONTWRITEBYTECODE": "1",
    "DEBIAN_FRONTEND": "noninteractive",
}
"""No colours, no pagers, no questions: nobody sits before the program."""


def environment(
    outer: Mapping[str, str], further: Iterable[str] = (), scratch: str | None = None
) -> dict[str, str]:
    """What a program sees of `outer`; `further` names more variables, `scratch` is the folder of temporary files."""
    names = ALLOWED.union(further)
    seen = {
        name: value
        for name, value in outer.items()
        if (name in names or name.startswith(ALLOWED_BEGINNINGS)) and not holds_secret(name, value)
    }
    seen |= FIXED
    if scratch is not None:
        seen |= {"TMPDIR": scratch, "XDG_CACHE_HOME": f"{scratch}/cache"}
    return seen


def holds_secret(name: str, value: str) -> bool:
    """Whether a variable is called like a secret, or looks like one."""
    data = value.encode("utf-8", "surrogateescape")
    return (
        SECRET_NAME.search(name) is not None
        or WITH_PASSWORD.search(value) is not None
        or any(pattern.search(data) for _, pattern, _ in SECRET_PATTERNS)
    )
