"""A door on loopback for a command that connects by itself as soon as it can. What it opens waits here until it is led to the
broker; then its bytes pass, unchanged, both ways."""

import asyncio


async def carry(source, sink):
    try:
        while data := await source.read(65536):
            sink.write(data)
    except OSError:
        pass


class Door:
    def __init__(self):
        self.knocks = asyncio.Queue()
        self.ends = []  # Of the connection that passes.
        self.present = False  # Session Present in its CONNACK.

    async def open(self):
        """Opens the door; its port."""
        self.server = await asyncio.start_server(lambda *ends: self.knocks.put_nowait(ends), "127.0.0.1", 0)
        return self.server.sockets[0].getsockname()[1]

    async def lead(self, broker, to_broker):
        """Leads a connection to the broker, until either side ends; whether there was a CONNACK."""
        client, to_client = await self.knocks.get()
        while not self.knocks.empty():  # The command gave up an older one.
            client, to_client = self.knocks.get_nowait()
        self.ends = [to_client, to_broker]
        up = asyncio.create_task(carry(client, to_broker))
        head = await broker.read(65536)
        if len(head) > 3:
            self.present = bool(head[3 if head[1] & 0x80 else 2] & 1)
        to_client.write(head)
        await asyncio.wait([up, asyncio.create_task(carry(broker, to_client))], return_when=asyncio.FIRST_COMPLETED)
        self.close()
        return bool(head)

    def close(self):
        """Ends the connection that passes."""
        for end in self.ends:
            end.close()
        self.ends = []
