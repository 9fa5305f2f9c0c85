"""Programs under every protection that this machine has: shut in, limited, and gone at the end."""

import os
import threading
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from megacontext.agent.sandbox.confinement import Kind
from megacontext.agent.sandbox.protection import KINDS, PROTECTIONS, protection, why_not
from megacontext.agent.sandbox.sandbox import Sandbox
from megacontext.agent.sandbox.secrets import Secrets
from megacontext.configs.errors import SandboxError
from megacontext.configs.loading import default_settings
from megacontext.memory.left_out import LeftOutRules
from tests.patience import PATIENCE_S

SHUT_IN = [kind for kind in KINDS if PROTECTIONS[kind].filesystem]
EACH = [*SHUT_IN, "none"]
WITHOUT_NETWORK = [kind for kind in KINDS if PROTECTIONS[kind].network]
Open = Callable[..., Sandbox]


@pytest.fixture
def kind(request: pytest.FixtureRequest) -> Kind:
    """A protection, if it works on this machine; the best one, unless a test is for others."""
    found: Kind = getattr(request, "param", None) or protection().kind
    if reason := why_not(found):
        pytest.skip(f"no {found} here: {reason}")
    return found


def each(kinds: Sequence[Kind]) -> pytest.MarkDecorator:
    """Try a test under all of these."""
    return pytest.mark.parametrize("kind", kinds, indirect=True)


@pytest.fixture(autouse=True)
def _what_is_killed_may_take_its_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("megacontext.agent.sandbox.process.DRAIN_S", PATIENCE_S)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path.resolve() / "root"
    for folder in (".git/hooks", ".megacontext"):
        (root / folder).mkdir(parents=True)
    (root / ".env").write_text("PASSWORD=hunter2-hunter2\n")
    (root / "a.txt").write_text("a\n")
    return root


@pytest.fixture
def open_sandbox(root: Path) -> Open:
    def make(kind: str = "none", **changes: object) -> Sandbox:
        wanted = {"timeout_s": PATIENCE_S, **changes}
        settings = default_settings().sandbox.model_copy(update=wanted)
        sandbox = Sandbox(root, settings, Secrets(LeftOutRules()), lambda: [".env"])
        sandbox.__dict__["protection"] = PROTECTIONS[kind]
        return sandbox

    return make


NAP = f"sleep 9{os.getpid():07}"
"""Nobody else sleeps so long: the same test may run at the same time with another protection, or another checkout."""


def asleep() -> list[str]:
    """Command lines of living processes that take a nap."""
    found = []
    for entry in Path("/proc").iterdir():
        try:
            line = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode()
        except OSError:
            continue
        if entry.name.isdecimal() and NAP in line and "pytest" not in line:
            found.append(line)
    return found


def test_some_protection_is_always_there():
    here = [kind for kind in KINDS if why_not(kind) is None]
    assert protection() == PROTECTIONS[here[0]]
    assert protection("none") == PROTECTIONS["none"]


def test_a_protection_that_does_not_work_is_refused_with_the_reason():
    if why_not("bubblewrap") is None:
        pytest.skip("bubblewrap works here")
    with pytest.raises(SandboxError, match=r"sandbox\.kind is bubblewrap.*bwrap"):
        protection("bubblewrap")


@each(KINDS)
def test_a_program_runs_and_says_how_it_ended(open_sandbox, kind):
    done = open_sandbox(kind).run("cat a.txt; echo out; echo err >&2; exit 3")
    assert (done.status, done.text, done.ended, done.ok) == (3, "a\nout\nerr\n", "", False)
    assert open_sandbox(kind).run(["true"]).ok
    assert open_sandbox(kind).run("no-such-program").status == 127
    assert open_sandbox(kind).run(["no-such-program"]).status == 127
    assert open_sandbox(kind).run("kill -SEGV $$").status == 139


@each(EACH)
def test_it_has_no_input_no_terminal_and_no_secrets(open_sandbox, kind, monkeypatch):
    monkeypatch.setenv("MY_API_KEY", "hunter3-hunter3")
    done = open_sandbox(kind).run(
        "cat; read line; echo read=$?; tty; env; (: < /dev/tty) 2>&1 | tail -1; cat .env"
    )
    assert "read=1" in done.text
    assert "not a tty" in done.text
    assert "hunter" not in done.text


@each(SHUT_IN)
def test_only_the_repository_can_be_written_and_private_files_are_not_seen(
    open_sandbox, root, kind, tmp_path, monkeypatch
):
    home = tmp_path / "home"
    (home / ".ssh").mkdir(parents=True)
    (home / ".ssh" / "id").write_text("private-key")
    (home / ".netrc").write_text("private-key")
    (home / "seen").write_text("seen")
    other = tmp_path / "hide-me"
    other.write_text("private-key")
    monkeypatch.setenv("HOME", str(home))
    sandbox = open_sandbox(kind, hidden=(other,))
    done = sandbox.run(
        f"echo 1 > new; echo 1 > /tmp/x && echo tmp; "
        f"for f in {home}/x {tmp_path}/x /etc/x .git/hooks/x .megacontext/x {home}/.ssh/x; do "
        "(echo 1 > $f) 2>/dev/null && echo WROTE $f; done; "
        f"cat {home}/.ssh/id {home}/.netrc {other} .env 2>/dev/null; ls /run /var/run/ | head -2; true"
    )
    assert done.ok
    assert "tmp" in done.text
    assert "private-key" not in done.text
    assert "hunter2" not in done.text
    assert (root / "new").exists()
    left = {path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("x")}
    assert left == set()
    assert not Path("/etc/x").exists()
    assert not list((root / ".git" / "hooks").iterdir())


@each(SHUT_IN)
def test_what_is_only_to_be_read_cannot_be_written(open_sandbox, root, kind):
    done = open_sandbox(kind).run("echo 1 > new; cat a.txt", writable=False)
    assert "a\n" in done.text
    assert not (root / "new").exists()


@each(SHUT_IN)
def test_further_folders_may_be_written_where_settings_say_so(open_sandbox, kind, tmp_path):
    more = tmp_path / "more"
    more.mkdir()
    assert open_sandbox(kind, writable=(more,)).run(f"echo 1 > {more}/x").ok
    assert (more / "x").exists()


@each(SHUT_IN)
def test_there_is_no_way_back_out(open_sandbox, root, kind):
    done = open_sandbox(kind).run(
        "mount -o remount,rw / ; umount /run /proc; mount -t tmpfs x /mnt; mknod d b 8 0; "
        "unshare -Urm sh -c 'mount -o remount,rw,bind / && echo OUT'; "
        "(echo x > /proc/sys/kernel/hostname) 2>/dev/null && echo OUT; "
        "(echo x > /proc/1/cwd/../etc/x) 2>/dev/null && echo OUT; "
        "grep -E 'Cap(Eff|Prm|Bnd)|NoNewPrivs' /proc/self/status; kill -9 1; echo still"
    )
    assert "OUT" not in done.text
    assert "still" in done.text
    assert "NoNewPrivs:\t1" in done.text
    assert {line.split()[1] for line in done.text.splitlines() if line.startswith("Cap")} == {
        "0" * 16
    }
    assert not Path("/etc/x").exists()


@each(WITHOUT_NETWORK)
def test_there_is_no_network_but_a_program_may_talk_to_itself(open_sandbox, kind):
    code = (
        "import socket\n"
        "server = socket.create_server(('127.0.0.1', 0))\n"
        "socket.create_connection(server.getsockname()); print('itself')\n"
        "try: socket.create_connection(('192.0.2.1', 80), 1)\n"
        "except OSError as exc: print(exc.strerror)\n"
        "socket.getaddrinfo('example.org', 80)\n"
    )
    done = open_sandbox(kind).run(["python3", "-c", code])
    assert "itself" in done.text
    assert "unreachable" in done.text
    assert "sandbox.network" in done.note


@each(EACH)
@pytest.mark.parametrize(
    "command",
    [
        "NAP & setsid NAP & (setsid NAP >/dev/null 2>&1 &); echo started",
        "trap '' TERM HUP INT; (trap '' TERM HUP; exec NAP) & echo started",
        "echo started; exec >&- 2>&-; setsid NAP &",
        "echo started; env -i setsid NAP & sleep 0.1",
    ],
)
def test_nothing_goes_on_when_a_program_has_ended(open_sandbox, kind, command):
    done = open_sandbox(kind).run(command.replace("NAP", NAP))
    assert (done.text, done.ended) == ("started\n", "")
    assert not asleep()


@each(EACH)
def test_a_program_that_never_ends_is_ended_with_all_it_started(open_sandbox, kind):
    sandbox = open_sandbox(kind, timeout_s=0.7)
    done = sandbox.run(f"setsid {NAP} & trap '' TERM; while :; do {NAP}; done", seconds=60)
    assert done.ended == "time"
    assert "0.7 s" in done.note
    assert not asleep()


@each(EACH)
def test_a_program_that_kills_what_started_it_harms_nobody(open_sandbox, kind):
    done = open_sandbox(kind).run(f"setsid {NAP} & kill -9 $PPID; sleep 0.2; kill -9 $PPID; exit 4")
    assert done.status in {4, 137}
    assert not asleep()


@each(EACH)
def test_it_can_be_cancelled(open_sandbox, kind):
    cancel = threading.Event()
    threading.Timer(0.3, cancel.set).start()
    done = open_sandbox(kind).run(NAP, cancel=cancel)
    assert done.ended == "cancelled"
    assert not done.ok
    assert not asleep()


def test_ten_megabytes_are_cut_in_the_middle(open_sandbox, kind):
    done = open_sandbox(kind).run("seq 1400000")
    assert done.ok
    assert done.text.startswith("1\n2\n")
    assert done.text.endswith("1399999\n1400000\n")
    assert "bytes not shown" in done.text
    assert len(done.text) < 1_000_000


@each(EACH)
def test_output_without_end_is_ended(open_sandbox, kind):
    done = open_sandbox(kind, output_mb=1).run("yes")
    assert done.ended == "output"


def test_binary_output_is_not_shown(open_sandbox, kind):
    assert "binary output" in open_sandbox(kind).run("head -c 3000 /dev/urandom").text


@each(EACH)
def test_memory_of_one_program_and_of_all_is_limited(open_sandbox, kind):
    sandbox = open_sandbox(kind, memory_mb=200)
    assert "MemoryError" in sandbox.run(["python3", "-c", "bytearray(300_000_000)"]).text
    fill = f"x = bytearray(90_000_000); x[::4096] = b'1' * len(x[::4096]); import time; time.sleep({PATIENCE_S})"
    done = sandbox.run(f'for i in 1 2 3 4; do python3 -c "{fill}" & done; wait')
    assert done.ended == "memory"


@each(EACH)
def test_the_number_of_processes_is_limited(open_sandbox, kind):
    done = open_sandbox(kind, processes=20).run(f"for i in $(seq 60); do {NAP} & done; wait")
    assert done.ended == "processes" or "fork" in done.text
    assert not asleep()


def test_files_cannot_grow_without_end(open_sandbox, root, kind):
    done = open_sandbox(kind, file_mb=1).run("head -c 5000000 /dev/zero > big")
    assert done.status != 0
    assert (root / "big").stat().st_size == 1_000_000


def test_no_privileges_are_to_be_had(open_sandbox, kind):
    assert "NoNewPrivs:\t1" in open_sandbox(kind).run("grep NoNewPrivs /proc/self/status").text


def test_temporary_folders_are_cleaned_up(open_sandbox, kind, tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    open_sandbox(kind).run("mkdir -p $TMPDIR/a/b && touch $TMPDIR/a/b/c && chmod 500 $TMPDIR/a")
    assert not list(tmp_path.glob("megacontext-*"))


def test_what_is_no_command_line_is_refused(open_sandbox):
    with pytest.raises(SandboxError):
        open_sandbox().run("a\0b")


def test_files_handed_over_are_closed(open_sandbox):
    before = len(list(Path("/proc/self/fd").iterdir()))
    open_sandbox().run("true")
    # What others have opened in this process may be closed meanwhile.
    assert len(list(Path("/proc/self/fd").iterdir())) <= before
