"""News from threads: in order, none lost, in batches, in the screen's context."""

import asyncio
import contextvars
import threading

from megacontext.tui.desk.bridge import Bridge

where = contextvars.ContextVar("where", default="nowhere")


def test_news_of_many_threads_arrive_in_order_and_in_few_batches():
    batches: list[list[tuple[int, int]]] = []
    seen: set[str] = set()

    def deliver(batch):
        batches.append(list(batch))
        seen.add(where.get())

    async def run() -> None:
        where.set("screen")
        bridge = Bridge(deliver)
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
    assert len(batches) < 400
    assert seen == {"screen"}
