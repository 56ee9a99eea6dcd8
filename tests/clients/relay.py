"""A line to the exchange that loses answers: what is asked arrives, what is answered does not."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

END_OF_HEADERS = b"\r\n\r\n"


@asynccontextmanager
async def losing(url: str, *, lets_through: int) -> AsyncIterator[str]:
    """The address of a relay to that exchange. Each answer ends after so many bytes (before its last ones,
    if negative), and then so does the connection; with none let through the line stays silent and open."""
    there = urlsplit(url)

    async def carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        to_reader, to_writer = await asyncio.open_connection(there.hostname, there.port)
        head = await reader.readuntil(END_OF_HEADERS)
        length = next(
            (int(line[15:]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:")), 0
        )
        to_writer.write(head + await reader.readexactly(length))
        answer = await to_reader.readuntil(END_OF_HEADERS) + await to_reader.read(65_536)
        with contextlib.suppress(ConnectionError):
            writer.write(answer[:lets_through])
            if not lets_through:
                await reader.read()  # until the client has had enough
            await writer.drain()
        to_writer.close()
        writer.close()

    server = await asyncio.start_server(carry, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
