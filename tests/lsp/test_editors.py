"""The snippets of docs/editors, in the editors that they are for, where those are installed."""

import json
import os
import pty
import re
import select
import shutil
import subprocess
import sys
import termios
import time
import tomllib
from pathlib import Path

import pytest

from megacontext.lsp.options import Options, read_options

ROOT = Path(__file__).parents[2]
PAGES = ROOT / "docs" / "editors"
WORDS = "greeter/words.py"
WAIT_S = 120
TEXT = "return WORDS[language]"

NEOVIM = """
vim.o.swapfile = false
local told, timer = {}, vim.uv.new_timer()
local stage = 0
local function position() return vim.lsp.util.make_position_params(0, "utf-16") end
timer:start(100, 100, vim.schedule_wrap(function()
  local client = vim.lsp.get_clients({ bufnr = 0, name = "megacontext" })[1]
  if not client then return end
  if stage == 0 then
    vim.api.nvim_win_set_cursor(0, { 6, 5 })
    local answers = vim.lsp.buf_request_sync(0, "textDocument/hover", position(), 5000) or {}
    for _, each in pairs(answers) do
      if each.result then
        told.hover = each.result.contents.value
        told.version = tostring(vim.version())
        vim.cmd("MegaContextEdit say hi")
        stage = 1
      end
    end
  elseif stage == 1 and vim.api.nvim_buf_get_lines(0, 2, 3, false)[1]:find("Hi") then
    stage = 2
    vim.api.nvim_win_set_cursor(0, { 7, 0 })
    vim.api.nvim_input("o")
  elseif stage == 2 then
    for name, namespace in pairs(vim.api.nvim_get_namespaces()) do
      if name:find("inline_completion") then
        local marks = vim.api.nvim_buf_get_extmarks(0, namespace, 0, -1, { details = true })
        if #marks > 0 then
          stage = 3
          vim.api.nvim_input("<Tab>")
        end
      end
    end
  elseif stage == 3 then
    local text = table.concat(vim.api.nvim_buf_get_lines(0, 0, -1, false), "\\n")
    if text:find("return WORDS[language]", 1, true) then
      told.text = text
      vim.fn.writefile({ vim.json.encode(told) }, vim.env.TOLD)
      vim.cmd("qa!")
    end
  end
end))
"""

EMACS = """
(setq eglot-connect-timeout 100 eglot-sync-connect 100 eglot-autoshutdown t)
(find-file (getenv "WORDS"))
(apply #'eglot--connect (eglot--guess-contact))
(goto-char (point-min))
(search-forward "def wor")
(let (hover)
  (while (null hover)
    (accept-process-output nil 0.1)
    (setq hover (jsonrpc-request (eglot--current-server-or-lose) :textDocument/hover
                                 (eglot--TextDocumentPositionParams))))
  (let ((found (xref-backend-definitions 'eglot (xref-backend-identifier-at-point 'eglot))))
    (goto-char (point-max))
    (insert "    ")
    (let* ((capf (eglot-completion-at-point))
           (items (all-completions "" (nth 2 capf))))
      (with-temp-file (getenv "TOLD")
        (insert (json-encode
                 `((hover . ,(plist-get (plist-get hover :contents) :value))
                   (found . ,(length found))
                   (items . ,(vconcat (mapcar #'substring-no-properties items))))))))))
(set-buffer-modified-p nil)
(kill-emacs 0)
"""


def snippets(page: str, language: str) -> list[str]:
    """The code of one language on a page."""
    text = (PAGES / f"{page}.md").read_text("utf-8")
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.MULTILINE | re.DOTALL)


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home of its own, with a `megacontext` on the PATH that has a scripted model."""
    from megacontext.models.language.scripted import call

    edit = call("edit_text", path=WORDS, old='"en": "Hello"', new='"en": "Hi"')
    programs = tmp_path / "programs"
    programs.mkdir()
    replies = tmp_path / "replies.json"
    replies.write_text(json.dumps([edit, "Done.", *[TEXT] * 8]))
    program = programs / "megacontext"
    program.write_text(
        f"#!{sys.executable}\n"
        "import json, sys\n"
        f"sys.path.insert(0, {str(ROOT)!r})\n"
        "from megacontext.lsp.main import serve\n"
        "from megacontext.lsp.server import Server\n"
        "from megacontext.models.language.scripted import ScriptedModel\n"
        f"replies = json.load(open({str(replies)!r}))\n"
        "assert sys.argv[1:] == ['lsp']\n"
        "sys.exit(serve(Server(ScriptedModel(replies))))\n"
    )
    program.chmod(0o755)
    home = tmp_path / "home"
    settings = home / ".config" / "megacontext" / "config.yaml"
    settings.parent.mkdir(parents=True)
    settings.write_text("model:\n  name: pocket\n  device: cpu\nmemory:\n  gists: 'off'\n")
    monkeypatch.setenv("PATH", f"{programs}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(home / ".config"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(home / ".cache"))
    monkeypatch.setenv("XDG_STATE_HOME", str(home / ".state"))
    monkeypatch.setenv("XDG_DATA_HOME", str(home / ".data"))
    monkeypatch.setenv("TOLD", str(tmp_path / "told.json"))
    return tmp_path


def program(name: str) -> str:
    found = shutil.which(name)
    if found is None:
        pytest.skip(f"there is no {name}")
    return found


def run(*command: str, folder: Path) -> None:
    done = subprocess.run(
        command, cwd=folder, capture_output=True, text=True, timeout=WAIT_S, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_neovim(repository: Path, machine: Path):
    nvim = program("nvim")
    said = subprocess.run([nvim, "--version"], capture_output=True, text=True, check=True).stdout
    version = re.match(r"NVIM v(\d+)\.(\d+)", said)
    if version is None or (int(version[1]), int(version[2])) < (0, 12):
        pytest.skip("this Neovim is older than 0.12")
    setup = machine / "init.lua"
    setup.write_text("\n".join([*snippets("neovim", "lua"), NEOVIM]))
    run(nvim, "--headless", "-u", str(setup), str(repository / WORDS), folder=repository)
    told = json.loads((machine / "told.json").read_text("utf-8"))
    assert "word_for(language)" in told["hover"]
    assert '"en": "Hi"' in told["text"]
    assert TEXT in told["text"]


def test_emacs(repository: Path, machine: Path, monkeypatch: pytest.MonkeyPatch):
    emacs = program("emacs")
    has = subprocess.run(
        [emacs, "--batch", "--eval", "(require 'eglot)"], capture_output=True, check=False
    )
    if has.returncode:
        pytest.skip("this Emacs has no eglot")
    # The first reply is for a completion here.
    (machine / "replies.json").write_text(json.dumps([TEXT] * 8))
    [snippet] = snippets("emacs", "elisp")
    setup = machine / "setup.el"
    setup.write_text(f"{snippet}\n(remove-hook 'python-mode-hook #'eglot-ensure)\n{EMACS}")
    monkeypatch.setenv("WORDS", str(repository / WORDS))
    (repository / ".git").mkdir()
    run(emacs, "--batch", "-l", str(setup), folder=repository)
    told = json.loads((machine / "told.json").read_text("utf-8"))
    assert "word_for(language)" in told["hover"]
    assert told["found"] == 1
    assert any(TEXT[:10] in item for item in told["items"])


def test_helix(repository: Path, machine: Path):
    hx = program("hx")
    [snippet] = snippets("helix", "toml")
    folder = machine / "home" / ".config" / "helix"
    folder.mkdir(parents=True)
    (folder / "languages.toml").write_text(snippet)
    (folder / "config.toml").write_text("[editor.lsp]\nauto-signature-help = false\n")
    log = machine / "helix.log"
    command = [hx, "-vvv", "--log", str(log), f"{WORDS}:6:6"]
    told = "function, greeter"  # of the hover; the document itself is in the log as well
    assert told in typed(command, " k", log, told, repository)


def typed(command: list[str], keys: str, log: Path, wanted: str, folder: Path) -> str:
    """Type keys into a program on a terminal, again and again, until its log holds something; gives the log."""
    ours, theirs = pty.openpty()
    termios.tcsetwinsize(ours, (40, 120))
    editor = subprocess.Popen(
        command, cwd=folder, stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True
    )
    os.close(theirs)
    until = time.monotonic() + WAIT_S
    try:
        while time.monotonic() < until:
            text = log.read_text("utf-8", "replace") if log.exists() else ""
            if wanted in text:
                return text
            os.write(ours, keys.encode())
            shown = time.monotonic() + 1
            while (left := shown - time.monotonic()) > 0 and select.select([ours], [], [], left)[0]:
                os.read(ours, 65536)
        return log.read_text("utf-8", "replace")
    finally:
        editor.terminate()
        editor.wait()
        os.close(ours)


def test_options_on_the_pages_are_options_of_the_server():
    [toml] = snippets("helix", "toml")
    [data] = snippets("jetbrains", "json")
    for given in (
        tomllib.loads(toml)["language-server"]["megacontext"]["config"],
        json.loads(data),
    ):
        assert read_options(given) == (Options(), [])
