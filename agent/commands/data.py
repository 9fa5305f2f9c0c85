"""`megacontext data`: make what models are trained on. Parses, calls, prints."""

from pathlib import Path
from typing import Annotated, Any

import typer

from ..console import print_json, say
from .data_lens import lens

app = typer.Typer(
    help="Make the corpora and snapshots that models are trained on.", no_args_is_help=True
)


app.command()(lens)


@app.command()
def prepare(
    config: Annotated[Path, typer.Option(help="What the corpus is made of (configs/data/*.yaml).")],
    out: Annotated[
        Path | None, typer.Option(help="Folder of the corpus; default: data/NAME.")
    ] = None,
    wheels: Annotated[Path, typer.Option(help="Folder that keeps downloads.")] = Path(
        "data/wheels"
    ),
    as_json: Annotated[bool, typer.Option("--json", help="Print the manifest as JSON.")] = False,
) -> None:
    """Collect pinned packages, or text from folders of your own, as Arrow shards of documents."""
    from rich.console import Console
    from rich.progress import Progress

    from megacontext.models.training.corpus.prepare import prepare as prepare_corpus
    from megacontext.models.training.corpus.settings import CorpusSettings, read_yaml

    settings = read_yaml(config, CorpusSettings)
    folder = out or Path("data") / settings.name
    with Progress(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("packages")

        def show(name: str, done: int, total: int) -> None:
            bar.update(task, description=name, completed=done, total=total)

        manifest = prepare_corpus(settings, folder, wheels, show)
    if as_json:
        print_json(manifest)
    else:
        say(_told(manifest, folder))


def _told(manifest: dict[str, Any], folder: Path) -> str:
    lines = [
        f"{split}: {manifest[split]['files']:,} files, {manifest[split]['bytes'] / 1e6:.1f} MB "
        f"from {len(manifest[split]['packages'])} sources"
        for split in ("train", "validation")
    ]
    return "\n".join([*lines, f"written to {folder}"])
