#!/usr/bin/env python3
"""Clients that run beside a case in a process of their own, so that they measure the gateway and not
each other. Reads a JSON object on stdin, prints one on stdout.

mode "closed":  `parallel` connections, each with one request after the other.
mode "open":    `rate` requests a second whatever is answered, on as many connections as that needs.
mode "hostile": 8 threads of each attack of ATTACKS, and `idle` connections that say nothing.

closed and open send `requests` in turn (method, path with query, body size) for `seconds`; both print
latencies in milliseconds of what was accepted, counted from when a request was due, and the answers by
status.
"""
import asyncio
import base64
import collections
import hashlib
import json
import os
import random
import resource
import socket
import sys
import threading
import time

MAX_CONNECTIONS = 2000
PATIENCE = 30


class Load:
    """Answers to many requests, on connections that are kept."""

    def __init__(self, config):
        self.host, self.port = config["host"], config["port"]
        self.messages = [self._message(*r) for r in config["requests"]]
        self.latencies, self.statuses = [], collections.Counter()
        self.idle, self.open = [], 0
        self.number = 0

    def _message(self, method, target, size):
        head = f"{method} {target} HTTP/1.1\r\nHost: {self.host}:{self.port}\r\n"
        return f"{head}Content-Length: {size}\r\n\r\n".encode() + random.Random(size).randbytes(size)

    async def request(self, due):
        message = self.messages[self.number % len(self.messages)]
        self.number += 1
        if not self.idle and self.open >= MAX_CONNECTIONS:
            self.statuses["not sent"] += 1
            return
        try:
            status = await asyncio.wait_for(self._exchange(message), PATIENCE)
        except (OSError, asyncio.TimeoutError, asyncio.IncompleteReadError, ValueError):
            status = "broken"
        self.statuses[str(status)] += 1
        if isinstance(status, int) and status < 300:
            self.latencies.append((time.monotonic() - due) * 1000)

    async def _exchange(self, message):
        if self.idle:
            connection = self.idle.pop()
        else:
            self.open += 1
            connection = await asyncio.open_connection(self.host, self.port)
        kept = False
        try:
            reader, writer = connection
            writer.write(message)
            head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
            length = 0
            for line in head.split("\r\n"):
                if line.startswith("content-length:"):
                    length = int(line[15:])
            await reader.readexactly(length)
            kept = "connection: close" not in head
            return int(head.split(" ", 2)[1])
        finally:
            if kept:
                self.idle.append(connection)
            else:
                self.open -= 1
                connection[1].close()

    def result(self, seconds):
        found = sorted(self.latencies)
        quantile = lambda q: found[min(len(found) - 1, int(q * len(found)))] if found else None
        return {"p50_ms": quantile(0.5), "p99_ms": quantile(0.99), "accepted": len(found),
                "accepted_per_second": len(found) / seconds, "statuses": dict(self.statuses)}


async def closed(config):
    load, begun = Load(config), time.monotonic()

    async def one():
        while time.monotonic() < begun + config["seconds"]:
            await load.request(time.monotonic())
    await asyncio.gather(*(one() for _ in range(config["parallel"])))
    return load.result(time.monotonic() - begun)


async def open_loop(config):
    load, begun, tasks = Load(config), time.monotonic(), set()
    step, due = 1 / config["rate"], time.monotonic()
    while due < begun + config["seconds"]:
        now = time.monotonic()
        if due > now:
            await asyncio.sleep(due - now)
        task = asyncio.ensure_future(load.request(due))
        tasks.add(task)
        task.add_done_callback(tasks.discard)
        due += step
    await asyncio.gather(*tasks)
    return load.result(config["seconds"])


# --- attacks: each gets the configuration and a connected socket, and gives what was answered


def status_of(sock):
    try:
        answer = sock.recv(4096)
    except OSError:
        return "closed"
    return answer.split(b" ", 2)[1].decode() if answer.startswith(b"HTTP/1.1 ") else "closed"


def drip(sock, data, until, pause=0.3):
    """A byte at a time, for as long as the peer takes it."""
    sock.settimeout(pause)
    for at in range(len(data)):
        if time.monotonic() > until:
            return "outlasted"
        sock.sendall(data[at:at + 1])
        try:
            answer = sock.recv(64)
            return answer.split(b" ", 2)[1].decode() if answer else "closed"
        except TimeoutError:
            pass
    return "outlasted"


def head(config, method, target, *fields):
    lines = [f"{method} {target} HTTP/1.1", f"Host: {config['host']}:{config['port']}", *fields]
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


def slow_head(config, sock):
    return drip(sock, b"GET / HTTP/1.1\r\n" + b"x-a: b\r\n" * 1000, config["until"])


def slow_body(config, sock):
    sock.sendall(head(config, "PUT", config["put"], "Content-Length: 10000000"))
    return drip(sock, b"x" * 10_000, config["until"])


def slow_reader(config, sock):
    sock.sendall(head(config, "GET", config["large"]))
    sock.settimeout(1)
    while time.monotonic() < config["until"]:
        if not sock.recv(1):
            return "closed"
        time.sleep(0.2)
    return "outlasted"


def lying_length(config, sock):
    length, sent = random.choice(((5 << 30, 1000), (1 << 62, 10), (3, 50_000), (100_000, 10)))
    sock.sendall(head(config, "PUT", config["put"], f"Content-Length: {length}") + b"x" * sent + b"\r\n\r\n")
    sock.shutdown(socket.SHUT_WR)
    # What follows a body that is longer than it says is another message: the last answer counts.
    answers = b"".join(iter(lambda: sock.recv(4096), b""))
    return answers.rsplit(b"HTTP/1.1 ", 1)[-1][:3].decode() if answers else "closed"


def bad_chunk(config, sock):
    fields = [f"{k}: {v}" for k, v in config["chunked_fields"].items()]
    body = f"10000;chunk-signature={'0' * 64}\r\n".encode() + b"x" * 65536 + b"\r\n"
    sock.sendall(head(config, "PUT", config["chunked"], f"Content-Length: {len(body)}", *fields))
    sock.sendall(body)
    return status_of(sock)


def huge_head(config, sock):
    sock.sendall(b"GET / HTTP/1.1\r\nHost: a\r\nx-large: ")
    try:
        for _ in range(160):
            sock.sendall(b"x" * 65536)
    except OSError:
        pass
    return status_of(sock)


def xml_bomb(config, sock):
    laughs = "".join(f'<!ENTITY l{i} "{f"&l{i - 1};" * 10}">' for i in range(1, 30))
    body = random.choice((
        f'<!DOCTYPE d [<!ENTITY l0 "ha">{laughs}]><Delete>&l29;</Delete>'.encode(),
        b"<Delete>" + b"<a>" * 200_000,
        b"<Delete>" + b"<Object><Key>k</Key></Object>" * 60_000 + b"</Delete>"))
    digest = base64.b64encode(hashlib.md5(body).digest()).decode()
    sock.sendall(head(config, "POST", random.choice(config["xml"]), f"Content-Length: {len(body)}",
                      f"Content-MD5: {digest}"))
    try:
        sock.sendall(body)
    except OSError:
        pass
    return status_of(sock)


def path_trick(config, sock):
    tricks = ("/../../../../etc/passwd", "/%2e%2e/%2e%2e/etc/passwd", "//etc//passwd", "/%00", "/%zz",
              "/b/" + "../" * 5000, "/b/%ff%fe", "/b/" + "a" * 40_000, "/\\..\\..", "*", "/?x=%")
    sock.sendall(head(config, random.choice(("GET", "PUT", "DELETE")), random.choice(tricks)))
    return status_of(sock)


ATTACKS = (slow_head, slow_body, slow_reader, lying_length, bad_chunk, huge_head, xml_bomb, path_trick)


def attack(config, kind, seen):
    while time.monotonic() < config["until"]:
        try:
            with socket.socket() as sock:
                if kind is slow_reader:
                    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
                sock.settimeout(PATIENCE)
                sock.connect((config["host"], config["port"]))
                seen[f"{kind.__name__} {kind(config, sock)}"] += 1
        except OSError:
            seen[f"{kind.__name__} closed"] += 1
        time.sleep(config["pause"])


def hold_idle(config, seen):
    sockets = []
    try:
        while len(sockets) < config["idle"] and time.monotonic() < config["until"]:
            sockets.append(socket.create_connection((config["host"], config["port"]), PATIENCE))
    except OSError as error:
        seen[f"idle refused: {error}"] += 1
    seen["idle opened"] = len(sockets)
    time.sleep(max(0, config["until"] - time.monotonic()))


def hostile(config):
    resource.setrlimit(resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2)
    config["until"] = time.monotonic() + config["seconds"]
    seen = collections.Counter()
    threads = [threading.Thread(target=attack, args=(config, kind, seen), daemon=True)
               for kind in ATTACKS for _ in range(8)
               if kind.__name__ in config.get("kinds", kind.__name__)]
    threads.append(threading.Thread(target=hold_idle, args=(config, seen), daemon=True))
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(max(0, config["until"] + 2 - time.monotonic()))
    return dict(seen)


def main():
    config = json.load(sys.stdin)
    if config["mode"] == "hostile":
        result = hostile(config)
    else:
        result = asyncio.run((closed if config["mode"] == "closed" else open_loop)(config))
    print(json.dumps(result), flush=True)
    os._exit(0)  # Threads that still wait for the peer are of no interest.


if __name__ == "__main__":
    main()
