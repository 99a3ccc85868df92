"""Runs in place of the decoders of the helper: tries to get out. All that it needs is imported before it is shut in."""

from __future__ import annotations

import ctypes
import json
import mmap
import os
import resource
import signal
import socket
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from ml.confinement.wire import write_message
from ml.imaging import helper

sqlite3.connect(":memory:").close()
_libc = ctypes.CDLL(None, use_errno=True)
PTRACE_SEIZE = 0x4206
REMOVE = 0  # IPC_RMID
# Of the process that forks those in which files are decoded.
PARENT = os.getpid()


@dataclass(frozen=True)
class Scene:
    """A `folder` with a secret, a database, an original and a socket; the `port` of a server; the `victim` process."""

    folder: str
    port: int
    victim: int

    def path(self, name: str) -> str:
        return f"{self.folder}/{name}"


def _call(name: str, *arguments: int) -> int:
    """A function of the C library, past everything that Python may refuse by itself."""
    function = getattr(_libc, name)
    function.restype = ctypes.c_long
    result = int(function(*(ctypes.c_long(argument) for argument in arguments)))
    if ctypes.c_int(result).value == -1:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return result


def read_secret(scene: Scene) -> bool:
    return len(Path(scene.path("secret.key")).read_bytes()) == 4096


def read_by_descriptor(scene: Scene) -> bool:
    return os.open(scene.path("original.dcm"), os.O_RDONLY) > 0


def read_password_file(scene: Scene) -> bool:
    return b"root" in Path("/etc/passwd").read_bytes()


def list_originals(scene: Scene) -> bool:
    return "original.dcm" in os.listdir(scene.folder)


def open_database(scene: Scene) -> bool:
    database = sqlite3.connect(f"file:{scene.path('db.sqlite3')}?mode=ro", uri=True)
    return database.execute("SELECT count(*) FROM patient").fetchone() == (0,)


def write_new_file(scene: Scene) -> bool:
    Path(scene.path("new")).write_bytes(b"x")
    return True


def make_empty_file(scene: Scene) -> bool:
    os.close(os.open(scene.path("empty"), os.O_CREAT | os.O_WRONLY))
    return True


def overwrite_by_mapping(scene: Scene) -> bool:
    with open(scene.path("original.dcm"), "r+b") as file, mmap.mmap(file.fileno(), 4096) as mapped:
        mapped[:5] = b"TAKEN"
    return True


def delete_file(scene: Scene) -> bool:
    os.unlink(scene.path("original.dcm"))
    return True


def truncate_file(scene: Scene) -> bool:
    os.truncate(scene.path("original.dcm"), 1)
    return True


def rename_file(scene: Scene) -> bool:
    os.rename(scene.path("secret.key"), scene.path("mine"))
    return True


def make_link(scene: Scene) -> bool:
    os.symlink("/etc", scene.path("link"))
    return True


def change_mode(scene: Scene) -> bool:
    os.chmod(scene.path("secret.key"), 0o777)
    return True


def connect_to_localhost(scene: Scene) -> bool:
    socket.create_connection(("127.0.0.1", scene.port), 3).close()
    return True


def send_datagram(scene: Scene) -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as out:
        return out.sendto(b"patient", ("127.0.0.1", scene.port)) > 0


def listen(scene: Scene) -> bool:
    with socket.create_server(("127.0.0.1", 0)):
        return True


def talk_to_broker(scene: Scene) -> bool:
    with socket.socket(socket.AF_UNIX) as out:
        out.connect(scene.path("broker.sock"))
        return True


def start_program(scene: Scene) -> bool:
    return subprocess.run(["/bin/true"], check=False).returncode == 0


def replace_self_by_program(scene: Scene) -> bool:
    """In a fork, because there would be nobody left to tell; where that is forbidden, so is this."""
    child = os.fork()
    if child == 0:
        try:
            os.execv("/bin/true", ["true"])
        finally:
            os._exit(9)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def fork(scene: Scene) -> bool:
    child = os.fork()
    if child == 0:
        os._exit(0)
    os.waitpid(child, 0)
    return True


def start_thread(scene: Scene) -> bool:
    started = threading.Thread(target=lambda: None)
    started.start()
    started.join()
    return True


def read_environment_of_victim(scene: Scene) -> bool:
    return len(Path(f"/proc/{scene.victim}/environ").read_bytes()) > 0


def read_memory_map_of_parent(scene: Scene) -> bool:
    return len(Path(f"/proc/{PARENT}/maps").read_bytes()) > 0


def signal_victim(scene: Scene) -> bool:
    os.kill(scene.victim, 0)
    return True


def signal_parent(scene: Scene) -> bool:
    os.kill(PARENT, signal.SIGCONT)
    return True


def trace_victim(scene: Scene) -> bool:
    """It is let go when this process ends."""
    return _call("ptrace", PTRACE_SEIZE, scene.victim, 0, 0) == 0


def read_memory_of_victim(scene: Scene) -> bool:
    """Nothing of it: whether one may is asked before how much."""
    return _call("process_vm_readv", scene.victim, 0, 0, 0, 0, 0) == 0


def raise_limits(scene: Scene) -> bool:
    resource.setrlimit(resource.RLIMIT_NPROC, (1000, 1000))
    resource.setrlimit(resource.RLIMIT_NOFILE, (100, 100))
    return True


def run_new_code(scene: Scene) -> bool:
    mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC).close()
    return True


def leave_for_new_namespace(scene: Scene) -> bool:
    return _call("unshare", 0x10000000) == 0


def mount(scene: Scene) -> bool:
    """Over a folder of the scene, and away again: the machine outlives the test."""
    kind, where = (ctypes.create_string_buffer(text.encode()) for text in ("tmpfs", scene.path("place")))
    _call("mount", ctypes.addressof(kind), ctypes.addressof(where), ctypes.addressof(kind), 0, 0)
    return _call("umount2", ctypes.addressof(where), 0) == 0


def share_memory(scene: Scene) -> bool:
    made = _call("shmget", 0, 4096, 0o1600)
    return _call("shmctl", made, REMOVE, 0) == 0


ATTEMPTS: dict[str, Callable[[Scene], bool]] = {
    attempt.__name__.replace("_", " "): attempt
    for attempt in (
        read_secret,
        read_by_descriptor,
        read_password_file,
        list_originals,
        open_database,
        write_new_file,
        make_empty_file,
        overwrite_by_mapping,
        truncate_file,
        change_mode,
        make_link,
        rename_file,
        delete_file,
        connect_to_localhost,
        send_datagram,
        listen,
        talk_to_broker,
        start_program,
        replace_self_by_program,
        fork,
        start_thread,
        read_environment_of_victim,
        read_memory_map_of_parent,
        signal_victim,
        signal_parent,
        trace_victim,
        read_memory_of_victim,
        raise_limits,
        run_new_code,
        leave_for_new_namespace,
        mount,
        share_memory,
    )
}


def outcome_of(name: str, scene: Scene) -> str:
    try:
        return "succeeded" if ATTEMPTS[name](scene) else "failed"
    except BaseException as error:  # whatever stopped it is what is asked for
        return f"{type(error).__name__}: {error}"[:200]


def attack(request: dict[str, Any], data: bytes, stream: IO[bytes]) -> None:
    """In place of `answer`."""
    write_message(stream, {"outcome": outcome_of(request["attempt"], Scene(**json.loads(sys.argv[2])))}, b"")


def at_liberty() -> None:
    """Every attempt by a process that nothing holds: one that fails even so proves nothing."""
    scene = Scene(**json.loads(sys.argv[1]))
    for name in ATTEMPTS:
        child = os.fork()
        if child == 0:
            sys.stdout.write(json.dumps([name, outcome_of(name, scene)]) + "\n")
            sys.stdout.flush()
            os._exit(0)
        os.waitpid(child, 0)


def main() -> None:
    with_attacker: Any = helper
    with_attacker.answer = attack
    helper.main()
