"""Programs that try to get out, to take all there is, or only to look right: each is contained and fails."""

import os
import textwrap
from dataclasses import replace
from pathlib import Path
from threading import Event

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from megacontext.agent.evals.code.sandbox.calling import Answer, Exam, Program, answers, failure
from megacontext.agent.evals.code.sandbox.cell import Bounds
from megacontext.agent.evals.code.sandbox.inside import seal, wire
from megacontext.agent.evals.code.sandbox.shelter import Shelter, best_shelter
from megacontext.agent.sandbox.protection import KINDS, PROTECTIONS, why_not
from megacontext.configs.errors import SandboxError

BOUNDS = Bounds(call_s=5, cpu_s=20, wall_s=60.0, memory_mb=500)


def _best() -> Shelter | None:
    try:
        return best_shelter()
    except SandboxError:
        return None


BEST = _best()
SEALS = BEST is not None and BEST.seals
HIDING = [
    Shelter(kind, seals)
    for kind in KINDS
    if PROTECTIONS[kind].filesystem
    for seals in (True, False)
]
SHELTERS = [*HIDING, Shelter("none", True)]
"""Every kind of protection by itself: those that this machine lacks are skipped when their turn comes."""


def _named(shelter: Shelter) -> str:
    return f"{shelter.kind}{'-sealed' if shelter.seals else ''}"


pytestmark = pytest.mark.skipif(BEST is None, reason="this machine has no way to shut programs in")
each_shelter = pytest.mark.parametrize("shelter", SHELTERS, ids=_named, indirect=True)
each_hiding = pytest.mark.parametrize("shelter", HIDING, ids=_named, indirect=True)


@pytest.fixture
def shelter(request: pytest.FixtureRequest) -> Shelter:
    found: Shelter = request.param
    reason = why_not(found.kind) if found.kind != "none" else None
    if reason or (found.seals and not SEALS):
        pytest.skip(f"no {_named(found)} here: {reason or 'system calls cannot be filtered'}")
    return found


def program(body: str, before: str = "") -> Program:
    """`f(x)` with this body."""
    return Program(f"{before}\ndef f(x):\n{textwrap.indent(textwrap.dedent(body), '    ')}\n", "f")


def answer(shelter: Shelter, body: str, argument: object = None, **bounds: float) -> Answer:
    (found,) = answers(shelter, program(body), [(argument,)], replace(BOUNDS, **bounds))
    return found


@each_shelter
def test_which_protection_is_active_is_always_said(shelter):
    told = shelter.description
    assert "namespaces" in told or "bubblewrap" in told
    assert shelter.seals == ("system calls filtered" in told)


@each_shelter
def test_a_program_answers_calls_in_order_with_the_types_it_gave(shelter):
    calls = [(1,), ((1, 2),), ({3},), ({"a": [None, True, 0.5]},), (10**40,), ("ä\ud800",)]
    found = answers(shelter, program("return x"), calls, BOUNDS)
    assert [each.value for each in found] == [call[0] for call in calls]
    assert [type(each.value) for each in found] == [type(call[0]) for call in calls]


@each_shelter
def test_an_error_of_one_call_is_the_answer_to_it_alone(shelter):
    found = answers(shelter, program("return 1 // x"), [(0,), (1,)], BOUNDS)
    assert found == [
        Answer(error="ZeroDivisionError: integer division or modulo by zero"),
        Answer(1),
    ]


@each_shelter
def test_nothing_outside_can_be_written(shelter, tmp_path):
    there = tmp_path / "there"
    there.write_text("as it was")
    body = """
    import os
    for path in (x, x + "-new", "/etc/escaped", os.path.expanduser("~/escaped")):
        try:
            open(path, "a").write("escaped")
        except OSError:
            pass
    for undo in (os.unlink, os.rmdir, lambda path: os.rename(path, path + "-new")):
        try:
            undo(x)
        except OSError:
            pass
    """
    answer(shelter, body, str(there))
    assert there.read_text() == "as it was"
    assert list(tmp_path.iterdir()) == [there]
    assert not Path("/etc/escaped").exists()
    assert not Path("~/escaped").expanduser().exists()


@each_shelter
def test_there_is_no_network(shelter):
    body = """
    import socket
    found = []
    for family, address in ((socket.AF_INET, ("192.0.2.1", 80)), (socket.AF_INET6, ("2001:db8::1", 80))):
        try:
            socket.socket(family).connect(address)
            found.append("escaped")
        except OSError as exc:
            found.append(exc.strerror)
    return found
    """
    found = answer(shelter, body)
    allowed = {
        "Operation not permitted",
        "Network is unreachable",
        "Cannot assign requested address",
    }
    assert set(found.value) <= allowed


@each_shelter
def test_the_environment_is_empty(shelter, monkeypatch):
    monkeypatch.setenv("MY_API_KEY", "hunter2-hunter2")
    found = answer(shelter, "import os\nreturn dict(os.environ)")
    assert "hunter2" not in str(found.value)
    assert found.value.keys() <= {
        *("PYTHONHASHSEED", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "TMPDIR"),
        *("MEGACONTEXT_RUN", "LC_CTYPE"),
    }


@each_hiding
def test_secrets_of_the_home_folder_and_of_other_processes_are_not_seen(
    shelter, tmp_path, monkeypatch
):
    home = tmp_path / "home"
    (home / "deep").mkdir(parents=True)
    for name in (".netrc", "deep/notes.txt"):
        (home / name).write_text("hunter2-hunter2")
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("MY_API_KEY", "hunter2-hunter2")
    body = """
    import os
    seen = []
    files = [os.path.join(folder, name) for folder, _, names in os.walk(x) for name in names]
    files += [f"/proc/{each}/environ" for each in os.listdir("/proc") if each.isdecimal()]
    for file in [*files, x + "/.netrc", x + "/deep/notes.txt", "/etc/shadow"]:
        try:
            seen.append(open(file).read())
        except OSError:
            pass
    return seen
    """
    found = answer(shelter, body, str(home))
    assert not found.error
    assert "hunter2" not in str(found.value)


@each_shelter
@pytest.mark.parametrize(
    "body",
    [
        "import os\nwhile True:\n    os.fork()",
        "import os\nwhile True:\n    os.posix_spawn('/bin/sleep', ['sleep', '1000'], {})",
        "import subprocess\nreturn subprocess.run(['echo', 'escaped'], capture_output=True)",
        "import threading\nwhile True:\n    threading.Thread(target=lambda: None).start()",
        "import os\nos.execv('/bin/sh', ['sh', '-c', 'echo escaped'])",
    ],
    ids=["fork bomb", "spawn bomb", "subprocess", "thread bomb", "exec"],
)
def test_no_further_process_is_started(shelter, body):
    if not shelter.seals:
        pytest.skip(
            "without the seal the sandbox of the agent counts processes; its own tests try that"
        )
    found = answer(shelter, body)
    assert "Operation not permitted" in found.error or "can't start new thread" in found.error


@each_shelter
@pytest.mark.parametrize(
    ("body", "why"),
    [
        ("while True: pass", "it did not end in time"),
        ("import time\ntime.sleep(1_000_000)", "it did not end in time"),
        ("while True: print('x' * 100_000)", "it wrote too much"),
        ("return len(bytearray(10**12))", "MemoryError: "),
        ("return len(list(range(10**9)))", "MemoryError: "),
        ("return f(x)", "RecursionError"),
    ],
    ids=["loop", "sleep", "output", "memory at once", "memory", "recursion"],
)
def test_whoever_takes_too_much_is_ended(shelter, body, why):
    wall = 1.0 if "sleep" in body else 60.0
    found = answer(shelter, body, call_s=1, wall_s=wall)
    assert found.error.startswith((why, "it did not end in time"))


@each_shelter
@pytest.mark.parametrize("signal", [9, 15, 19])
def test_neither_parent_nor_anyone_else_is_killed(shelter, signal):
    body = f"""
    import os
    for target in (os.getppid(), -1, 1, {os.getpid()}):
        try:
            os.kill(target, {signal})
        except OSError:
            pass
    return "alive"
    """
    found = answer(shelter, body)
    assert found.value == "alive" or found.error
    assert answer(shelter, "return 1").value == 1


LEAVING = """
import os, sys
def leave():
    for start in (os.setsid, os.fork, os.setsid, os.fork):
        try:
            if start() not in (0, None) and start is os.fork:
                os._exit(0)
        except OSError:
            pass
    os.closerange(0, 3)
    import time
    time.sleep(1_000_000)
"""


@each_shelter
def test_whoever_leaves_session_and_parents_is_ended_too(shelter):
    mark = f"left-{os.getpid()}-{shelter.kind}-{shelter.seals}"
    source = Program(
        f"{LEAVING}\ndef f(x):\n    sys.argv[:] = [{mark!r}]\n    x = {mark!r}\n    leave()\n", "f"
    )
    (found,) = answers(shelter, source, [(None,)], replace(BOUNDS, wall_s=1.0))
    assert found.error
    left = [
        each
        for each in Path("/proc").iterdir()
        if each.name.isdecimal() and mark.encode() in _command(each)
    ]
    assert not left


def _command(process: Path) -> bytes:
    try:
        return (process / "environ").read_bytes()
    except OSError:
        return b""


RIGHT = "return x + 1"
LIES = {
    "exit early": ("import os\nos._exit(0)", ""),
    "exit politely": ("import sys\nsys.exit(0)", ""),
    "exit on import": (RIGHT.replace("1", "2"), "import sys\nsys.exit(0)"),
    "exit hard on import": (RIGHT.replace("1", "2"), "import os\nos._exit(0)"),
    "exit later": ("import atexit, os\natexit.register(os._exit, 0)\nreturn None", ""),
    "equal to all": (
        "return Everything(x)",
        "class Everything(int):\n    def __eq__(self, other): return True\n"
        "    def __ne__(self, other): return False\n    __hash__ = None\n",
    ),
    "equal opaque": (
        "return Everything()",
        "class Everything:\n    def __eq__(self, other): return True\n",
    ),
    "overwrite the checker": (
        "import sys, builtins\n"
        "for module in list(sys.modules.values()):\n"
        "    for name in ('failed', 'failure', 'check', 'close', '_verdict', 'packed', 'told', 'main'):\n"
        "        if hasattr(module, name):\n            setattr(module, name, lambda *a, **k: {'failed': ''})\n"
        "builtins.AssertionError = type('Never', (BaseException,), {})\n"
        "return None",
        "",
    ),
    "write a verdict": (
        "import os\n"
        "for fd in range(3, 64):\n"
        '    for lie in (b\'{"failed": ""}\\n\', b\'{"passed": true}\\n\'):\n'
        "        try:\n            os.write(fd, lie)\n        except OSError:\n            pass\n"
        "os._exit(0)",
        "",
    ),
    "rewrite the scripts": (
        "import os\n"
        "for name in os.listdir('inside'):\n"
        "    try:\n        open('inside/' + name, 'w').write('')\n    except OSError:\n        pass\n"
        "return None",
        "",
    ),
    "raise a pass": ("raise SystemExit('passed')", ""),
    "nonsense": ("return {'failed': ''}", ""),
    "endless answer": ("x = []\nx.append(x)\nreturn x", ""),
    "not a function": ("return 0", "f = 3"),
    "no syntax": (")", ""),
}
EXAM = Exam("", "def check(f):\n    assert f(1) == 2\n    assert f(4) == 5\ncheck(f)\n", "f")


@pytest.mark.parametrize("lie", LIES)
def test_a_program_that_only_looks_right_fails(lie):
    body, before = LIES[lie]
    assert BEST is not None
    source = program(body, before)
    assert failure(BEST, source, EXAM, BOUNDS)
    found = answers(BEST, source, [(1,), (4,)], BOUNDS)
    assert [each.value for each in found] != [2, 5]


@each_shelter
def test_a_right_program_passes_a_test_and_a_wrong_one_says_why(shelter):
    assert failure(shelter, program(RIGHT), EXAM, BOUNDS) == ""
    assert failure(shelter, program("return x - 1"), EXAM, BOUNDS) == "AssertionError: "
    assert "did not end in time" in failure(
        shelter, program("while True: pass"), EXAM, replace(BOUNDS, call_s=1)
    )
    assert "ValueError: no" in failure(shelter, program("raise ValueError('no')"), EXAM, BOUNDS)


@pytest.mark.parametrize(
    "lie", ["b'{' * 10**7", "b'[' * 10**5 + b'\\n'", "b'3\\n' * 10**6", "b'\\0\\xff\\n'"]
)
def test_nonsense_is_no_answer(lie):
    source = program(
        f"import os\nfor fd in range(3, 64):\n    try:\n        os.write(fd, {lie})\n"
        "    except OSError:\n        pass\nreturn x + 1"
    )
    assert BEST is not None
    found = answers(BEST, source, [(1,), (4,)], BOUNDS)
    assert len(found) == 2
    assert [each.value for each in found] != [2, 5]
    assert failure(BEST, source, EXAM, BOUNDS)


def test_a_program_that_is_no_longer_wanted_is_ended():
    over = Event()
    over.set()
    assert BEST is not None
    forever = program("import time\ntime.sleep(1_000_000)")
    (found,) = answers(BEST, forever, [(1,)], replace(BOUNDS, wall_s=1_000.0), over)
    assert found.error
    assert failure(BEST, forever, EXAM, replace(BOUNDS, wall_s=1_000.0), over)


def test_where_nothing_shuts_programs_in_none_is_run(monkeypatch):
    monkeypatch.setattr(
        "megacontext.agent.evals.code.sandbox.shelter.protection", lambda: PROTECTIONS["none"]
    )
    monkeypatch.setattr("megacontext.agent.evals.code.sandbox.shelter._seals", lambda _: False)
    with pytest.raises(SandboxError, match="are not run here"):
        best_shelter()


PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text()
    | st.binary() | st.complex_numbers(allow_nan=False),
    lambda inner: st.lists(inner) | st.dictionaries(st.text() | st.integers(), inner)
    | st.lists(inner).map(tuple) | st.sets(st.integers() | st.text()) | st.frozensets(st.integers()),
    max_leaves=20,
)  # fmt: skip


@given(value=PLAIN)
@settings(deadline=None)
def test_values_arrive_as_they_were_sent(value):
    import json

    sent = wire.line(wire.packed(value))
    assert sent.count(b"\n") == 1
    found = wire.unpacked(json.loads(sent))
    assert found == value
    assert repr(found) == repr(value) or isinstance(value, dict | set | frozenset | list | tuple)
    assert wire.packed(found) == wire.packed(value)


@pytest.mark.parametrize(
    "data", [{}, {"a": 1, "b": 2}, {"pickle": "x"}, {"int": "0x"}, {"set": [[]]}]
)
def test_what_is_no_value_is_refused(data):
    with pytest.raises((ValueError, TypeError)):
        wire.unpacked(data)


def test_large_values_are_told_by_their_digest():
    found = [
        wire.answer(each) for each in ("a" * wire.LARGEST, "a" * wire.LARGEST, "b" * wire.LARGEST)
    ]
    assert found[0] == found[1] != found[2]
    assert max(map(len, found)) < 100


@pytest.mark.parametrize("machine", ["x86_64", "aarch64"])
def test_the_filter_names_each_call_once_and_jumps_nowhere_wrong(machine):
    numbers = seal.forbidden(machine)
    assert len(set(numbers.values())) == len(numbers)
    assert {"socket", "clone", "execve", "kill", "ptrace", "io_uring_setup"} <= numbers.keys()
    steps = seal.program(machine)
    assert len(steps) < 4096
    assert {len(each) for each in steps} == {8}
