#!/usr/bin/python3
"""bridge.py URL: a WebSocket's bytes on standard input and output, as for ssh's ProxyCommand."""

import asyncio
import os
import sys

import websockets

SIZE = 65536


async def upload(socket):
    loop = asyncio.get_running_loop()
    while data := await loop.run_in_executor(None, os.read, 0, SIZE):
        await socket.send(data)


async def download(socket):
    async for message in socket:
        data = message.encode() if isinstance(message, str) else message
        while data:
            data = data[os.write(1, data):]


async def bridge(url):
    async with websockets.connect(url, max_size=None, compression=None) as socket:
        down = asyncio.create_task(download(socket))
        up = asyncio.create_task(upload(socket))
        await asyncio.wait([down, up], return_when=asyncio.FIRST_COMPLETED)
        if not down.done():
            # The end of the input closes; what the service still says before the answer is shown.
            await socket.close()
            await down
    # Without waiting for the thread that may still read the input.
    os._exit(0)


if __name__ == "__main__":
    try:
        asyncio.run(bridge(sys.argv[1]))
    except (OSError, websockets.WebSocketException) as error:
        sys.stderr.write(f"bridge.py: {error}\n")
        os._exit(1)
