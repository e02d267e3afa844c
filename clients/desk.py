"""What every adapter in Python would have to write, whatever its library: it takes operations, answers those that need no
library, and keeps the rules about connections, as clients/README.md says. An adapter is a Desk with `close`, and a method
`do_…` for each operation that it knows; the parameters after the operation's number are the options that there are.
"""

import json
import os


def require(fits, what):
    """What does not fit is `unsupported`."""
    if not fits:
        raise NotImplementedError(what)


class Desk:
    unsupported = NotImplementedError  # What is raised where the library cannot do something.

    def __init__(self, **introduction):
        self.introduction, self.live = introduction, False
        self.waiting = {}  # By "connect" or what else answers them, operations: number, and whether they outlive a connection.

    def say(self, **line):
        print(json.dumps(line), flush=True)

    def answer(self, what, outcome, **more):
        """Answers the operation that waits for this, if there is one."""
        if what in self.waiting:
            self.say(id=self.waiting.pop(what)[0], outcome=outcome, **more)

    def take(self, fields):
        """Does what is asked for."""
        number, name = fields.pop("id"), fields.pop("do")
        try:
            require(hasattr(self, "do_" + name), f"the operation `{name}`")
            if name == "connect" and (self.live or "connect" in self.waiting):
                return self.say(id=number, outcome="failed", why="there is a connection")
            if name == "disconnect" and not self.live:
                return self.say(id=number, outcome="lost", why="there is no connection")
            getattr(self, "do_" + name)(number, **fields)
        except Exception as error:  # What a library raises is its answer.
            if isinstance(error, self.unsupported) or "unexpected keyword argument" in str(error):
                return self.say(id=number, outcome="unsupported", what=str(error))
            self.say(id=number, outcome="failed", why=f"{type(error).__name__}: {error}")

    def do_hello(self, number, protocol):
        self.say(id=number, outcome="hello", protocol=1, **self.introduction)

    def do_drop(self, number):
        self.close()
        self.say(id=number, outcome="done")

    def do_stop(self, number):
        self.say(id=number, outcome="done")
        os._exit(0)

    def connack(self, reason, session_present):
        """CONNACK came, in whose numbers 0 is no refusal."""
        if reason:
            return self.answer("connect", "refused", reason=reason)
        self.live = True
        self.say(event="connected", session_present=session_present)
        self.answer("connect", "connected", reason=reason, session_present=session_present)

    def ended(self, why, reason=None):
        """The connection is over, or there was none to be had."""
        self.lose(False, why)
        if self.live:
            self.live = False
            self.say(event="ended", why=why, reason=reason)

    def lose(self, everything, why):
        """The library gave up what ends with a connection, or everything."""
        for what, (_, outlives) in list(self.waiting.items()):
            if everything or not outlives:
                self.answer(what, "lost", why=why)
