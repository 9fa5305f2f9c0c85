"""News from threads: in order, none lost, a few dozen times a second at most, in the screen's context."""

import asyncio
import contextvars
import threading
from itertools import pairwise

from megacontext.tui.desk.bridge import FRAME_S, Bridge

where = contextvars.ContextVar("where", default="nowhere")


def test_news_of_many_threads_arrive_in_order_and_frame_by_frame():
    batches: list[list[tuple[int, int]]] = []
    times: list[float] = []
    seen: set[str] = set()

    def deliver(batch):
        times.append(bridge._last)
        batches.append(list(batch))
        seen.add(where.get())

    bridge = Bridge(deliver)

    async def run() -> None:
        where.set("screen")
        bridge.push((9, 0))
        bridge.open()

        def push(thread: int) -> None:
            for number in range(2000):
                bridge.push((thread, number))

        threads = [threading.Thread(target=push, args=(n,)) for n in range(4)]
        for thread in threads:
            thread.start()
        while sum(map(len, batches)) < 8001:
            await asyncio.sleep(0.001)
        bridge.close()
        bridge.push((9, 1))
        await asyncio.sleep(0)

    asyncio.run(run())
    news = [each for batch in batches for each in batch]
    assert len(news) == 8001
    for thread in range(4):
        assert [n for t, n in news if t == thread] == list(range(2000))
    assert all(later - time > FRAME_S - 1e-6 for time, later in pairwise(times))
    assert seen == {"screen"}
