"""What the servers are made to do, and how the result of each load is read."""

from dataclasses import dataclass, replace

KIB = 1024
MIB = 1024 * 1024

# Backend services: name, and the size of the messages that a source sends.
SERVICES = {
    "echo": ("echo", 64),
    "sink": ("sink", 64),
    "source16k": ("source", 16 * KIB),
    "source1m": ("source", MIB),
    "stall": ("stall", 64),
}


@dataclass(frozen=True)
class Load:
    name: str
    title: str
    mode: str
    service: str
    size: int = 64
    connections: int = 1
    depth: int = 1
    unit: str = ""  # of the work, per second of server CPU
    scale: float = 1
    goal: float = 0  # the ratio to nginx stream that ours is to reach
    quick: bool = False
    session: bool = False  # the handshake and the Close are the work
    tls: bool = False


# Judged by work for each second of the server's processor time.
RATES = [
    Load("ping-1", "ping-pong 64 B, 1 connection", "echo", "echo", unit="k trips", scale=1e3),
    Load("ping-64", "ping-pong 64 B, 64 connections", "echo", "echo", connections=64,
         unit="k trips", scale=1e3, goal=1.10, quick=True),
    Load("ping-512", "ping-pong 64 B, 512 connections", "echo", "echo", connections=512,
         unit="k trips", scale=1e3),
    Load("pipe-64", "pipelined echo, 64 B", "echo", "echo", connections=8, depth=256,
         unit="k messages", scale=1e3, goal=1.10, quick=True),
    Load("pipe-1k", "pipelined echo, 1 KiB", "echo", "echo", size=KIB, connections=8, depth=256,
         unit="k messages", scale=1e3, goal=1.50, quick=True),
    Load("up-16k", "upload, 16 KiB messages", "upload", "sink", size=16 * KIB, connections=8,
         unit="MB", scale=1e6, goal=1.45, quick=True),
    Load("up-1m", "upload, 1 MiB messages", "upload", "sink", size=MIB, connections=8,
         unit="MB", scale=1e6, goal=1.35, quick=True),
    Load("down-16k", "download, 16 KiB messages", "download", "source16k", connections=8,
         unit="MB", scale=1e6, goal=1.50, quick=True),
    Load("down-1m", "download, 1 MiB messages", "download", "source1m", connections=8,
         unit="MB", scale=1e6, goal=1.50),
    Load("connects", "connect, handshake, close", "connects", "echo", connections=16,
         unit="k sessions", scale=1e3, goal=1.60, quick=True, session=True),
]


def over_tls(load, goal):
    return replace(load, name=f"tls-{load.name}", title=f"{load.title}, TLS", goal=goal, tls=True,
                   quick=False)


BY_NAME = {load.name: load for load in RATES}
TLS = [over_tls(BY_NAME[name], 1.00) for name in (
    "ping-64", "pipe-1k", "up-16k", "up-1m", "down-16k", "down-1m", "connects")]

# Judged by bytes a connection: less is better.
IDLE = Load("idle", "idle connections", "idle", "echo", connections=2000, goal=0.70, quick=True)

IDLE_TLS = over_tls(IDLE, 0.65)

STALLS = [
    Load("stall-up", "upload to a backend that reads nothing", "stalled-upload", "stall",
         size=16 * KIB, connections=16),
    Load("stall-down", "download by a client that reads nothing", "stalled-download", "source16k",
         connections=16),
]

ALL = [*RATES, IDLE, *TLS, IDLE_TLS, *STALLS]
