"""`megacontext eval`: measure models and memory, compare runs, and write reports."""

import typer

from .eval_code import code
from .eval_compare import compare
from .eval_gist import gist
from .eval_lens import lens, recall
from .eval_packs import packs
from .eval_repository import repository

app = typer.Typer(
    help="Measure models and memory, and compare what was measured.", no_args_is_help=True
)


app.command()(gist)
app.command()(lens)
app.command()(recall)
app.command()(repository)
app.command()(packs)
app.command()(compare)
for name in ("humaneval", "humaneval_plus", "mbpp_plus"):
    app.command(name)(code)
