from pathlib import Path


async def test_pocket_completes(start, repository: Path):
    async with start(options={"settings": {"complete.confidence": 0}}) as editor:
        uri = editor.show(repository / "greeter/greet.py")
        await editor.fresh()
        editor.type(uri, 12, 0, "    def again(self, name):\n        return self.greet(na\n")
        [text] = await editor.complete(uri, 13, 28)
        assert text.strip()
