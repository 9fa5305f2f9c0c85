"""The remote model against a server that others wrote: `transformers serve`, of a tiny model that learned its lines.

The server needs packages that are no dependency of ours. Where they are missing the tests are skipped; to run them:

    pip install --no-deps --target FOLDER fastapi openai distro jiter sniffio annotated-doc python-multipart
    PYTHONPATH=FOLDER python -m pytest -m slow tests/models/language/test_real_server.py
"""

import json
import os
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest

from megacontext.configs.errors import RemoteModelError
from megacontext.configs.settings import RemoteSettings
from megacontext.models.base import (
    CallPiece,
    Chat,
    GenerationEvent,
    Message,
    Piece,
    Sampling,
    ToolCall,
    ToolSpec,
    Usage,
)
from megacontext.models.language.remote import RemoteModel
from megacontext.models.language.tokenizing import TextTokenizer
from tests.models.conftest import TEMPLATE, VOCABULARY

NEEDED = ("fastapi", "uvicorn", "openai")
MISSING = [name for name in NEEDED if find_spec(name) is None]
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        bool(MISSING), reason=f"transformers serve needs {', '.join(MISSING)}; see the file's head"
    ),
]

END = "<|im_end|>"
READ = ToolSpec("read", "Read.", {"type": "object", "properties": {"path": {"type": "string"}}})
HELLO = (Message("system", "Be brief."), Message("user", "hello"))
TASK = (Message("user", "Where is f?"),)
CALL = ToolCall("call00001", "read", '{"path": "a.py"}')
RESULT = (*TASK, Message("assistant", "", (CALL,)), Message("tool", "f = 1", call_id=CALL.id))
LINES = {
    HELLO: "Hello to you, whoever you are.",
    TASK: '<tool_call>\n{"name": "read", "arguments": {"path": "a.py"}}\n</tool_call>',
    RESULT: "In a.py:1.",
}


def laid_out(messages: tuple[Message, ...]) -> str:
    """What the tests' chat template makes of a conversation."""
    said = [f"<|im_start|>{each.role}\n{each.content}{END}\n" for each in messages]
    return "".join([*said, "<|im_start|>assistant\n"])


@pytest.fixture(scope="module")
def folder(tokenizer: TextTokenizer, tokenizer_json: bytes, tmp_path_factory) -> Path:
    """A model that has learned these conversations by heart."""
    import torch
    from transformers import Qwen2Config, Qwen2ForCausalLM

    torch.manual_seed(0)
    torch.set_num_threads(1)
    [end] = tokenizer.encode_markup(END)
    sizes = {"hidden_size": 64, "intermediate_size": 128, "num_hidden_layers": 2}
    heads = {"num_attention_heads": 4, "num_key_value_heads": 2}
    ends = {"eos_token_id": end, "pad_token_id": None, "bos_token_id": None}
    config = Qwen2Config(
        vocab_size=VOCABULARY, max_position_embeddings=512, **sizes, **heads, **ends
    )
    model = Qwen2ForCausalLM(config)
    learned = [
        (tokenizer.encode_markup(laid_out(messages)), tokenizer.encode_markup(f"{line}{END}"))
        for messages, line in LINES.items()
    ]
    optimizer = torch.optim.AdamW(model.parameters(), 3e-3)
    for _ in range(120):
        for prompt, line in learned:
            labels = torch.tensor([[-100] * len(prompt) + line])
            model(input_ids=torch.tensor([prompt + line]), labels=labels).loss.backward()
        optimizer.step()
        optimizer.zero_grad()
    folder = tmp_path_factory.mktemp("served") / "model"
    model.save_pretrained(folder)
    (folder / "tokenizer.json").write_bytes(tokenizer_json)
    settings = {"eos_token": END, "chat_template": TEMPLATE}
    (folder / "tokenizer_config.json").write_text(json.dumps(settings))
    return folder


@pytest.fixture(scope="module")
def address(folder: Path) -> Iterator[str]:
    """Where the server answers."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    code = "from transformers.cli.transformers import main; main()"
    line = [sys.executable, "-c", code, "serve", str(folder), "--device", "cpu"]
    offline = {"HF_HUB_OFFLINE": "1", "CUDA_VISIBLE_DEVICES": "", "OMP_NUM_THREADS": "1"}
    with (folder.parent / "server.log").open("w+") as log:
        server = subprocess.Popen(
            [*line, "--host", "127.0.0.1", "--port", str(port)],
            env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), **offline},
            stdout=log,
            stderr=log,
        )
        try:
            wait_for(f"http://127.0.0.1:{port}/health", server)
            yield f"http://127.0.0.1:{port}/v1"
        finally:
            server.terminate()
            server.wait(30)


def wait_for(url: str, server: subprocess.Popen[bytes], seconds: float = 120) -> None:
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    deadline = time.monotonic() + seconds
    while True:
        assert server.poll() is None and time.monotonic() < deadline, "the server did not start"
        try:
            direct.open(url, timeout=2).close()
        except OSError:
            time.sleep(0.1)
        else:
            return


@pytest.fixture
def remote(folder: Path, address: str, monkeypatch) -> Callable[..., RemoteModel]:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")

    def make(**settings: str) -> RemoteModel:
        known = {"base_url": address, "model": str(folder), "tokenizer": folder / "tokenizer.json"}
        return RemoteModel(RemoteSettings(**(known | settings)))

    return make


def answer(events: list[GenerationEvent]) -> tuple[str, Usage]:
    *pieces, usage = events
    assert isinstance(usage, Usage)
    return "".join(piece.text for piece in pieces if isinstance(piece, Piece)), usage


def test_a_chat_streams_and_its_positions_are_those_of_the_template(remote, tokenizer):
    events = list(remote().generate(Chat(HELLO)))
    text, usage = answer(events)
    assert text == LINES[HELLO] and len(events) > 4
    assert usage.positions == len(tokenizer.encode_markup(laid_out(HELLO)))
    assert (usage.stop_reason, usage.generated) == ("stop", len(tokenizer.encode(text)) + 1)


def test_a_tool_is_called_and_its_result_answered(remote):
    model = remote()
    *events, usage = model.generate(Chat(TASK, tools=(READ,)))
    [call] = [event for event in events if not isinstance(event, CallPiece)]
    assert isinstance(call, ToolCall) and (call.name, call.arguments) == (READ.name, CALL.arguments)
    assert usage.stop_reason == "stop"
    assert answer(list(model.generate(Chat(RESULT, tools=(READ,)))))[0] == LINES[RESULT]


def test_a_limit_is_kept_and_told(remote):
    text, usage = answer(list(remote().generate(Chat(HELLO), Sampling(max_new_tokens=6))))
    assert LINES[HELLO].startswith(text) and text
    assert (usage.stop_reason, usage.generated) == ("length", 6)


def test_stop_strings_end_an_answer(remote):
    text, usage = answer(list(remote().generate(Chat(HELLO), Sampling(stop=("you",)))))
    assert (text, usage.stop_reason) == ("Hello to ", "stop")


def test_an_answer_can_be_cancelled(remote):
    cancel = threading.Event()
    taken = []
    for event in remote().generate(Chat(HELLO), Sampling(max_new_tokens=400), cancel):
        taken.append(event)
        cancel.set()
    assert answer(taken)[1].stop_reason == "cancelled"


def test_plain_text_is_gone_on_with(remote):
    text, usage = answer(list(remote().generate(laid_out(HELLO), Sampling(max_new_tokens=40))))
    assert text == LINES[HELLO] and usage.generated > 4


def test_what_the_server_does_not_have_is_told(remote, address):
    with pytest.raises(RemoteModelError, match="answered 404"):
        list(remote(base_url=f"{address}/nowhere").generate(Chat(HELLO)))
