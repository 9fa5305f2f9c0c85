from pathlib import Path


async def test_pocket_completes(start, repository: Path):
    async with start(options={"settings": {"complete.confidence": 0}}) as editor:
        uri = editor.show(repository / "greeter/greet.py")
        await editor.fresh()
        editor.type(uri, 12, 0, "    def again(self, name):\n        return self.greet(na\n")
        [text] = await editor.complete(uri, 13, 28)
        assert text.strip()


async def test_a_completion_is_shown(start, repository: Path):
    async with start(["name)"]) as editor:
        assert editor.result.capabilities.inline_completion_provider is not None
        uri = editor.show(repository / "greeter/greet.py")
        await editor.fresh()
        editor.type(uri, 12, 0, "        x = self.greet(\n")
        assert await editor.complete(uri, 12, 23) == ["name)"]
