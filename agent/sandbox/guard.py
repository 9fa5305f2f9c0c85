"""The last thing before a program runs: shuts it in and limits it. A script of its own, run with `python -I -S`.

    guard.py ORDER_FD STATUS_FD

It imports nothing of MegaContext, since it must start in milliseconds. The order, JSON, is told in `confinement.py`. It
writes "ready" to the status when the program is about to start, or else what went wrong.

With `namespaces` it makes what bubblewrap makes: own users, processes, network and mounts. The program has no way back,
since the mounts belong to a user namespace above its own, which locks them (mount_namespaces(7)).
"""

import contextlib
import ctypes
import errno
import json
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

LINUX = sys.platform == "linux"
CLONE_NEWNS, CLONE_NEWUTS, CLONE_NEWIPC = 0x20000, 0x4000000, 0x8000000
CLONE_NEWUSER, CLONE_NEWPID, CLONE_NEWNET = 0x10000000, 0x20000000, 0x40000000
MS_RDONLY, MS_NOSUID, MS_NODEV, MS_NOEXEC = 1, 2, 4, 8
MS_REMOUNT, MS_BIND, MS_REC, MS_PRIVATE = 32, 4096, 16384, 1 << 18
KEPT_FLAGS = {
    "nosuid": MS_NOSUID,
    "nodev": MS_NODEV,
    "noexec": MS_NOEXEC,
    "noatime": 1024,
    "nodiratime": 2048,
    "relatime": 1 << 21,
}
"""Flags of a mount that a user namespace may not take away when it mounts anew."""
PR_SET_PDEATHSIG, PR_CAPBSET_DROP, PR_SET_CHILD_SUBREAPER, PR_SET_NO_NEW_PRIVS = 1, 24, 36, 38
CAPABILITY_VERSION = 0x20080522
SIOCSIFFLAGS, IFF_UP = 0x8914, 1
DEVICES = ("null", "zero", "full", "random", "urandom", "tty")
KERNEL_SWITCHES = ("sys", "sysrq-trigger", "irq", "bus", "fs")
"""Below /proc. For somebody who is root outside as well, their owner alone would decide who writes them."""
FAILED = 126


def main() -> None:
    """Set up, run, and end as the program does (128 + signal if it was killed)."""
    order_fd, status_fd = int(sys.argv[1]), int(sys.argv[2])
    os.set_inheritable(status_fd, False)
    with os.fdopen(order_fd, "rb") as file:
        wanted = json.loads(file.read())
    die_with_parent()
    try:
        if wanted["namespaces"]:
            enter_namespaces(network=wanted["network"])
            wait_for(forked(lambda: first_inside(wanted, status_fd), status_fd), status_fd)
        if wanted["reaps"] and LINUX:
            prctl(PR_SET_CHILD_SUBREAPER, 1)
            wait_for(forked(lambda: start(wanted, status_fd), status_fd), status_fd, end_orphans)
        start(wanted, status_fd)
    except OSError as exc:
        fail(status_fd, exc)


def first_inside(wanted: dict[str, Any], status_fd: int) -> None:
    """Process 1 of a namespace: when it ends, the kernel ends all others there."""
    if wanted["mounts"] is not None:
        shut_in(wanted["mounts"])
    if not wanted["network"]:
        raise_loopback()
    give_up_power(wanted["user"], wanted["group"])
    wait_for(forked(lambda: start(wanted, status_fd), status_fd), status_fd)


def start(wanted: dict[str, Any], status_fd: int) -> None:
    """Limits, then the program."""
    import resource

    os.chdir(wanted["folder"])
    for name, most in wanted["limits"].items():
        kind = getattr(resource, name)
        hard = resource.getrlimit(kind)[1]
        allowed = most if hard == resource.RLIM_INFINITY else min(most, hard)
        resource.setrlimit(kind, (allowed, allowed))
    if LINUX:
        prctl(PR_SET_NO_NEW_PRIVS, 1)
        # Where memory is short, the kernel shall end this rather than an editor.
        with contextlib.suppress(OSError):
            Path("/proc/self/oom_score_adj").write_text("500", encoding="ascii")
    for each in (signal.SIGPIPE, signal.SIGINT):
        signal.signal(each, signal.SIG_DFL)  # Python ignores the one and catches the other
    os.write(status_fd, b"ready")
    try:
        os.execvp(wanted["command"][0], wanted["command"])  # noqa: S606  the very purpose
    except OSError as exc:
        sys.stderr.write(f"{wanted['command'][0]}: {exc.strerror}\n")
        sys.stderr.flush()
        os._exit(127)


# Processes


def forked(work: Callable[[], None], status_fd: int) -> int:
    """A child that does `work`, which does not return, and dies with this process."""
    child = os.fork()
    if child:
        return child
    die_with_parent()
    try:
        work()
    except OSError as exc:
        fail(status_fd, exc)
    os._exit(FAILED)


def wait_for(child: int, status_fd: int, at_end: Callable[[], None] | None = None) -> NoReturn:
    """Reap until `child` ends, then end as it did."""
    os.close(status_fd)
    for each in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(each, signal.SIG_IGN)
    while True:
        pid, status = os.wait()
        if pid == child:
            break
    if at_end is not None:
        at_end()
    code = os.waitstatus_to_exitcode(status)
    os._exit(code if code >= 0 else 128 - code)


def end_orphans() -> None:
    """Kill what the program left behind: whatever loses its parent becomes a child of this process."""
    me = os.getpid()
    while True:
        with contextlib.suppress(ChildProcessError):
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
        left = [int(each.name) for each in Path("/proc").iterdir() if parent_of(each) == me]
        if not left:
            return
        for pid in left:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        with contextlib.suppress(ChildProcessError):
            os.wait()


def parent_of(process: Path) -> int:
    """The parent of an entry of /proc; 0 when it is none or is gone."""
    try:
        return int((process / "stat").read_text("utf-8", "replace").rpartition(")")[2].split()[1])
    except (OSError, IndexError, ValueError):
        return 0


def fail(status_fd: int, exc: OSError) -> NoReturn:
    """Say what went wrong, and end."""
    about = f": {exc.filename}" if exc.filename else ""
    os.write(status_fd, f"{exc.strerror}{about}".encode("utf-8", "replace"))
    os._exit(FAILED)


# Namespaces


def enter_namespaces(*, network: bool) -> None:
    """Own users (this one is root there), mounts, processes, and network unless it is wanted."""
    user, group = os.getuid(), os.getgid()
    kinds = CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWIPC | CLONE_NEWUTS
    call("unshare", kinds | (0 if network else CLONE_NEWNET))
    map_users(0, user, 0, group)


def map_users(user: int, outer_user: int, group: int, outer_group: int) -> None:
    """Call somebody outside by another number inside; needs nobody's permission for oneself."""
    Path("/proc/self/setgroups").write_text("deny", encoding="ascii")
    Path("/proc/self/uid_map").write_text(f"{user} {outer_user} 1", encoding="ascii")
    Path("/proc/self/gid_map").write_text(f"{group} {outer_group} 1", encoding="ascii")


def give_up_power(user: int, group: int) -> None:
    """Become oneself again in a further user namespace, without any capability there or here."""
    call("unshare", CLONE_NEWUSER)
    map_users(user, 0, group, 0)
    capability = 0
    while libc().prctl(PR_CAPBSET_DROP, capability, 0, 0, 0) == 0:
        capability += 1
    header = (ctypes.c_uint32 * 2)(CAPABILITY_VERSION, 0)
    call("capset", ctypes.byref(header), ctypes.byref((ctypes.c_uint32 * 6)()))


def raise_loopback() -> None:
    """A program may talk to itself."""
    import fcntl
    import socket
    import struct

    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        fcntl.ioctl(any_socket, SIOCSIFFLAGS, struct.pack("16sH14x", b"lo", IFF_UP))


# Mounts


def shut_in(mounts: dict[str, Any]) -> None:
    """Make everything read-only but `writable`, a private /tmp, and hide what is `hidden`."""
    mount(None, "/", flags=MS_REC | MS_PRIVATE)
    writable = [*mounts["writable"], mounts["scratch"]]
    for path in writable:
        mount(path, path, flags=MS_BIND | MS_REC)
    opened = {path: os.open(path, os.O_PATH) for path in (*writable, *mounts["kept"])}
    sealed = os.open(mounts["sealed"], os.O_PATH)
    make_read_only(writable)
    devices = {name: os.open(f"/dev/{name}", os.O_PATH) for name in DEVICES}
    mount("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC)
    for switch in KERNEL_SWITCHES:
        if Path(f"/proc/{switch}").exists():
            bind_read_only(f"/proc/{switch}")
    make_devices(devices)
    for path in mounts["hidden_folders"]:
        mount("tmpfs", path, "tmpfs", MS_NOSUID | MS_NODEV, "size=1m,mode=755")
    mount(bound(opened[mounts["scratch"]]), "/tmp", flags=MS_BIND)  # noqa: S108  every program's, made private here
    covered = (*mounts["hidden_folders"], "/tmp")  # noqa: S108
    for path in sorted({*mounts["writable"], *mounts["kept"]}):
        if any(path.startswith(f"{each}/") for each in covered):
            Path(path).mkdir(parents=True, exist_ok=True)
            mount(bound(opened[path]), path, flags=MS_BIND | MS_REC)
    for path in mounts["hidden_folders"]:
        if Path(path).exists():  # not below /tmp
            remount_read_only(path, MS_NOSUID | MS_NODEV)
    for path in mounts["hidden_files"]:
        if Path(path).is_file():
            mount(bound(sealed), path, flags=MS_BIND)
    for path in mounts["read_only"]:
        if Path(path).exists():
            bind_read_only(path)


def make_read_only(writable: list[str]) -> None:
    """Every mount that there is, but those at or below `writable`."""
    for line in Path("/proc/self/mountinfo").read_text("utf-8", "surrogateescape").splitlines():
        fields = line.split()
        path = fields[4].encode("utf-8", "surrogateescape").decode("unicode_escape")
        path = path.encode("latin-1").decode("utf-8", "surrogateescape")
        if any(path == each or path.startswith(f"{each}/") for each in writable):
            continue
        flags = sum(KEPT_FLAGS.get(option, 0) for option in fields[5].split(","))
        try:
            remount_read_only(path, flags)
        except OSError as exc:
            # Out of reach for this user, or below another mount: nobody writes there either.
            if exc.errno not in {errno.EACCES, errno.ENOENT}:
                raise


def make_devices(devices: dict[str, int]) -> None:
    """A /dev with the few devices that programs need, terminals of its own, and shared memory."""
    mount("tmpfs", "/dev", "tmpfs", MS_NOSUID, "size=64k,mode=755")
    for name, fd in devices.items():
        Path(f"/dev/{name}").touch()
        mount(bound(fd), f"/dev/{name}", flags=MS_BIND)
    for name in ("pts", "shm"):
        Path(f"/dev/{name}").mkdir()
    mount("tmpfs", "/dev/shm", "tmpfs", MS_NOSUID | MS_NODEV, "mode=1777")  # noqa: S108  a new one
    mount("devpts", "/dev/pts", "devpts", MS_NOSUID | MS_NOEXEC, "newinstance,ptmxmode=0666")
    for name, target in (("fd", ""), ("stdin", "/0"), ("stdout", "/1"), ("stderr", "/2")):
        Path(f"/dev/{name}").symlink_to(f"/proc/self/fd{target}")
    Path("/dev/ptmx").symlink_to("pts/ptmx")


def bound(fd: int) -> str:
    """A path to what was opened before something else was laid over it."""
    return f"/proc/self/fd/{fd}"


def bind_read_only(path: str) -> None:
    """What is there already, not to be written."""
    mount(path, path, flags=MS_BIND | MS_REC)
    remount_read_only(path, MS_NOSUID | MS_NODEV)


def remount_read_only(path: str, flags: int) -> None:
    """Take writing away from one mount."""
    mount(None, path, flags=MS_REMOUNT | MS_BIND | MS_RDONLY | flags)


# The system


def mount(
    source: str | None,
    target: str,
    kind: str | None = None,
    flags: int = 0,
    data: str | None = None,
) -> None:
    """mount(2)."""
    texts = [None if each is None else os.fsencode(each) for each in (source, target, kind, data)]
    call("mount", *texts[:3], ctypes.c_ulong(flags), texts[3], about=target)


def die_with_parent() -> None:
    """Nothing goes on when MegaContext is gone."""
    if LINUX:
        prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def prctl(option: int, value: int) -> None:
    """prctl(2)."""
    call("prctl", option, ctypes.c_ulong(value), 0, 0, 0)


def call(name: str, *arguments: Any, about: str | None = None) -> None:
    """A function of the C library; raises OSError when it fails."""
    if getattr(libc(), name)(*arguments) != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{name}: {os.strerror(number)}", about)


def libc() -> ctypes.CDLL:
    """The C library."""
    return ctypes.CDLL(None, use_errno=True)


if __name__ == "__main__":
    main()
