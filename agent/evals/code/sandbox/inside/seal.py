"""A system call filter (seccomp) for a program that only computes: no sockets, no further processes or threads, no
signals to others, no writing of files. What is forbidden fails as if it were not permitted.

The filter is classic BPF over `struct seccomp_data`: number of the call at 0, architecture at 4, arguments from 16 on.
"""

import ctypes
import os
import struct
import sys

PR_SET_NO_NEW_PRIVS, PR_SET_SECCOMP, SECCOMP_MODE_FILTER = 38, 22, 2
LOAD, EQUAL, GREATER_OR_EQUAL, ANY_BIT, RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
ALLOW, ERRNO, KILL = 0x7FFF0000, 0x00050000, 0x80000000
EPERM, ENOSYS = 1, 38
X32 = 0x40000000
"""Call numbers of x86-64 from here on are another way into the same kernel."""
WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
ARCHITECTURES = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
OPENING = {"x86_64": {"open": (2, 1), "openat": (257, 2)}, "aarch64": {"openat": (56, 2)}}
"""Calls that open files: number, and which argument holds the flags."""
UNREADABLE = {"clone3": 435, "openat2": 437}
"""Their flags are in memory, where no filter can look. Told that there is no such call, callers take the older one."""
FORBIDDEN = """
clone 56 220, fork 57 -, vfork 58 -, execve 59 221, execveat 322 281,
kill 62 129, tkill 200 130, tgkill 234 131, rt_sigqueueinfo 129 138, rt_tgsigqueueinfo 297 240,
pidfd_send_signal 424 424, pidfd_open 434 434, pidfd_getfd 438 438,
ptrace 101 117, process_vm_readv 310 270, process_vm_writev 311 271, kcmp 312 272,
process_madvise 440 440, process_mrelease 448 448, setpgid 109 154, setsid 112 157, prctl 157 167,
socket 41 198, connect 42 203, accept 43 202, accept4 288 242, bind 49 200, listen 50 201,
sendto 44 206, sendmsg 46 211, sendmmsg 307 269,
io_uring_setup 425 425, io_uring_enter 426 426, io_uring_register 427 427,
creat 85 -, truncate 76 45, fallocate 285 47, mknod 133 -, mknodat 259 33, mkdir 83 -, mkdirat 258 34,
rmdir 84 -, rename 82 -, renameat 264 38, renameat2 316 276, link 86 -, linkat 265 37,
unlink 87 -, unlinkat 263 35, symlink 88 -, symlinkat 266 36,
chmod 90 -, fchmod 91 52, fchmodat 268 53, fchmodat2 452 452,
chown 92 -, fchown 93 55, lchown 94 -, fchownat 260 54,
utime 132 -, utimes 235 -, futimesat 261 -, utimensat 280 88,
setxattr 188 5, lsetxattr 189 6, fsetxattr 190 7, setxattrat 463 463,
removexattr 197 14, lremovexattr 198 15, fremovexattr 199 16, removexattrat 466 466,
name_to_handle_at 303 264, open_by_handle_at 304 265,
shmget 29 194, semget 64 190, msgget 68 186, mq_open 240 180, memfd_create 319 279, memfd_secret 447 447,
mount 165 40, umount2 166 39, pivot_root 155 41, chroot 161 51, unshare 272 97, setns 308 268,
open_tree 428 428, move_mount 429 429, fsopen 430 430, fsconfig 431 431, fsmount 432 432,
fspick 433 433, mount_setattr 442 442, open_tree_attr 467 467,
add_key 248 217, request_key 249 218, keyctl 250 219,
bpf 321 280, perf_event_open 298 241, userfaultfd 323 282
"""
"""Name, number on x86-64, number on AArch64."""


def seal() -> bool:
    """Give up for good what only computing does not need; False where that cannot be done here."""
    machine = os.uname().machine
    if sys.platform != "linux" or machine not in ARCHITECTURES or sys.maxsize < X32:
        return False
    steps = program(machine)
    code = ctypes.create_string_buffer(b"".join(steps))
    # struct sock_fprog: how many instructions, and where they are.
    where = ctypes.create_string_buffer(struct.pack("@HP", len(steps), ctypes.addressof(code)))
    prctl = ctypes.CDLL(None, use_errno=True).prctl
    prctl.argtypes = [ctypes.c_int, *[ctypes.c_ulong] * 4]
    if prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0:
        return False
    sealed: bool = prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, ctypes.addressof(where), 0, 0) == 0
    return sealed


def forbidden(machine: str) -> dict[str, int]:
    """The calls that are refused, by name."""
    column = list(ARCHITECTURES).index(machine)
    rows = (row.split() for row in FORBIDDEN.split(","))
    return {name: int(numbers[column]) for name, *numbers in rows if numbers[column] != "-"}


def program(machine: str) -> list[bytes]:
    """The filter, instruction by instruction."""
    steps = [_step(LOAD, 4), _step(EQUAL, ARCHITECTURES[machine], 1, 0), _step(RETURN, KILL)]
    steps += [_step(LOAD, 0)]
    if machine == "x86_64":
        steps += [_step(GREATER_OR_EQUAL, X32, 0, 1), _step(RETURN, ERRNO | EPERM)]
    for number in forbidden(machine).values():
        steps += [_step(EQUAL, number, 0, 1), _step(RETURN, ERRNO | EPERM)]
    for number in UNREADABLE.values():
        steps += [_step(EQUAL, number, 0, 1), _step(RETURN, ERRNO | ENOSYS)]
    for number, argument in OPENING[machine].values():
        steps += [
            _step(EQUAL, number, 0, 4),
            _step(LOAD, 16 + 8 * argument),
            _step(ANY_BIT, WRITING, 0, 1),
            _step(RETURN, ERRNO | EPERM),
            _step(RETURN, ALLOW),
        ]
    return [*steps, _step(RETURN, ALLOW)]


def _step(code: int, value: int, if_true: int = 0, if_false: int = 0) -> bytes:
    return struct.pack("HBBI", code, if_true, if_false, value)
