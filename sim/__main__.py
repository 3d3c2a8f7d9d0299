"""The engine as a process of its own: `python -m sim FD`, where FD is its end of a socket pair.

It ends, with all that was started from it, as soon as the other end closes, even while a model loops for ever: a
thread of its own reads the requests. What anything prints goes to stderr, which the parent keeps.
"""

import os
import queue
import signal
import sys
import threading
from multiprocessing.connection import Connection

from sim import family
from sim.loading import loading
from sim.protocol.answers import Reply
from sim.protocol.commands import Request


def _listen(connection: Connection, requests: "queue.SimpleQueue[Request]") -> None:
    try:
        while True:
            requests.put(connection.recv())
    except (EOFError, OSError):
        family.end(os.getpid())


def main() -> None:
    """Answer requests until the connection closes."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    family.adopt_orphans()
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    connection = Connection(int(sys.argv[1]))
    requests: queue.SimpleQueue[Request] = queue.SimpleQueue()
    threading.Thread(target=_listen, args=(connection, requests), daemon=True).start()
    with loading():  # torch, which takes seconds: a parent that dies meanwhile is noticed all the same
        from sim.engine import Engine

    engine = Engine()
    while True:
        request = requests.get()
        connection.send(Reply(request.number, request.generation, engine.ask(request.command)))


if __name__ == "__main__":
    main()
