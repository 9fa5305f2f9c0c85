"""`megacontext eval`: measure the trained models of this project, and write reports."""

import typer

from .eval_gist import gist
from .eval_lens import lens, recall

app = typer.Typer(help="Measure the trained models of this project.", no_args_is_help=True)


app.command()(gist)
app.command()(lens)
app.command()(recall)
