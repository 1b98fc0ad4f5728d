from __future__ import annotations

import signal
import subprocess
import sys
import time

import pytest
import urllib3

_APP = """
import asyncio, socket, sys
from handspan.hub.serving import serve

async def app(scope, receive, send):
    await send({"type": "http.response.start", "status": 200, "headers": []})
    if scope["path"] == "/live":
        await send({"type": "http.response.body", "body": b"live", "more_body": True})
        await asyncio.sleep(3600)
    await send({"type": "http.response.body", "body": b"done"})

with socket.create_server(("127.0.0.1", 0)) as listening:
    serve(app, [listening], lambda: print(listening.getsockname()[1], flush=True))
print("ended")
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_it_in_time_and_orderly_also_with_a_live_page_open(number: signal.Signals) -> None:
    environment = {"PYTHONPATH": ":".join(sys.path)}
    with subprocess.Popen([sys.executable, "-c", _APP], stdout=subprocess.PIPE, text=True, env=environment) as child:
        assert child.stdout
        url = f"http://127.0.0.1:{child.stdout.readline().strip()}"
        with urllib3.PoolManager(retries=False) as pool:
            assert pool.request("GET", url).data == b"done"
            live = pool.request("GET", f"{url}/live", preload_content=False)
            assert live.read1() == b"live"
            begun = time.monotonic()
            child.send_signal(number)
            assert (child.wait(5), child.stdout.read()) == (0, "ended\n")
            assert time.monotonic() - begun < 1.5
            live.close()
