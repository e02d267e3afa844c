#!/usr/bin/env python3
"""Stops `squall sim` and `squall verify` at random moments and reads what they wrote.

Usage: stops.py SQUALL COUNT [SEED]

Each time the run has to end within 8 s with the exit code of its signal (or as if it had not come, when it was done
before), and JSON on standard output, JSON in a file and JUnit XML can be read.
"""

import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
import xml.etree.ElementTree

CODES = {signal.SIGTERM: 143, signal.SIGINT: 130, signal.SIGHUP: 129}
COMMANDS = {"sim": ["sim", "--seeds", "0..100000"], "verify": ["verify", "--html", "page.html"]}


def stop(squall, command, chosen, delay, folder):
    files = ["--json", "a.json", "--junit", "a.xml"]
    run = subprocess.Popen(
        [squall, *COMMANDS[command], "--format", "json", *files],
        cwd=folder,
        stdout=open(os.path.join(folder, "out"), "wb"),
        stderr=subprocess.DEVNULL,
    )
    time.sleep(delay)
    run.send_signal(chosen)
    began = time.monotonic()
    code = run.wait(timeout=30)
    took = time.monotonic() - began
    what = f"{command} {chosen.name} after {delay:.2f} s: exit {code} within {took:.2f} s"
    assert code in (CODES[chosen], 0), what
    assert took < 8, what
    read = lambda name: open(os.path.join(folder, name), encoding="utf-8").read()
    shown, written = json.loads(read("out")), json.loads(read("a.json"))
    assert shown["summary"] == written["summary"], what
    assert len(shown["results"]) == shown["summary"]["total"], what
    assert code == 0 or shown["interrupted"], what
    xml.etree.ElementTree.fromstring(read("a.xml").encode())
    return took


def main():
    squall, count = os.path.abspath(sys.argv[1]), int(sys.argv[2])
    draw = random.Random(int(sys.argv[3]) if len(sys.argv) > 3 else 1)
    for command in COMMANDS:
        longest = 0
        for _ in range(count):
            with tempfile.TemporaryDirectory() as folder:
                # Handlers stand once the process has begun to work; before that a signal simply ends it.
                delay = draw.uniform(0.1, 3)
                longest = max(longest, stop(squall, command, draw.choice(list(CODES)), delay, folder))
        print(f"{count} stops of {command}: every output whole, at most {longest:.2f} s")


main()
