"""The process in which strangers' files are decoded: `python -P -m ml.imaging.helper OPTIONS`.

It loads the decoders and never looks at a file itself. Ahead of time it forks a process that shuts itself in
(`ml.confinement`) and decodes the files of one owner; the next owner's are decoded by the next, so that whatever a file
has done to a process is gone by then. `HelperProcess` starts, asks and replaces it.
"""

import gc
import json
import os
import signal
import socket
import sys
from typing import IO

from ml.confinement import Guard, Layer, Limits, Report
from ml.confinement.libc import PR_SET_PDEATHSIG, prctl
from ml.confinement.process import empty_standard_streams
from ml.confinement.trial import tried
from ml.confinement.wire import read_message, write_message
from ml.imaging import preloading
from ml.imaging.answering import answer
from ml.imaging.errand import END, TOLD, HelperOptions


def main() -> None:
    options = HelperOptions(**json.loads(sys.argv[1]))
    control = _own_socket()
    preloading.preload()
    guard = Guard([Layer(name) for name in options.layers])
    guard.enter()
    # What is there now is not looked at by the collector of the processes to come, and so not copied for it.
    gc.collect()
    gc.freeze()
    with control.makefile("wb") as telling:
        write_message(telling, _found(guard, options).as_note(), b"")
    last: int | None = 0
    while last is not None:
        last = _serve(control, guard, options, last)


def _own_socket() -> socket.socket:
    """Standard input under another number, so that a library that prints cannot disturb it."""
    control = socket.socket(fileno=os.dup(0))
    empty_standard_streams()
    return control


def _found(guard: Guard, options: HelperOptions) -> Report:
    return tried(guard, _limits(options))


def _limits(options: HelperOptions) -> Limits:
    return Limits(options.memory_bytes, options.seconds)


def _serve(control: socket.socket, guard: Guard, options: HelperOptions, last: int) -> int | None:
    """One process, from being ready until it is gone. Returns its status; None: the caller has finished."""
    theirs_in, ours_out = os.pipe()
    ours_in, theirs_out = os.pipe()
    child = os.fork()
    if child == 0:
        control.close()
        os.close(ours_out)
        os.close(ours_in)
        _decode(guard, options, os.fdopen(theirs_in, "rb"), os.fdopen(theirs_out, "wb"))
    for pipe in (theirs_in, theirs_out):
        os.close(pipe)
    socket.send_fds(control, [TOLD.pack(last)], [ours_out, ours_in])
    for pipe in (ours_out, ours_in):
        os.close(pipe)
    told = control.recv(len(END))
    os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    return os.waitstatus_to_exitcode(status) if told else None


def _decode(guard: Guard, options: HelperOptions, incoming: IO[bytes], outgoing: IO[bytes]) -> None:
    """Never returns: the process ends here, whatever happens."""
    try:
        prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        guard.lock(_limits(options))
        while True:
            request, data, _ = read_message(incoming, options.most_bytes)
            answer(request, data, outgoing)
    finally:
        os._exit(0)


if __name__ == "__main__":
    main()
