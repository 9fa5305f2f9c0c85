"""`megacontext train port`: settings for another base, and whether it fits. Parses, calls, prints."""

from pathlib import Path
from typing import Annotated

import typer

from megacontext.configs.errors import SettingsError

from ..console import print_json, say


def port(
    base: Annotated[
        str, typer.Option(metavar="NAME", help="The base: a model folder, or a preset's name.")
    ],
    out: Annotated[Path, typer.Option(help="Folder the settings are written to.")] = Path(
        "configs/runs"
    ),
    name: Annotated[
        str | None, typer.Option(help="What the runs are called after; default: the base's name.")
    ] = None,
    corpus: Annotated[str, typer.Option(help="Prepared corpus to train on.")] = "python_permissive",
    data: Annotated[Path, typer.Option(help="Folder of the prepared corpora.")] = Path("data"),
    tokens: Annotated[
        float, typer.Option(min=0.01, help="Millions of tokens that GistNet is trained on.")
    ] = 50.0,
    memory_gb: Annotated[
        float | None, typer.Option(min=0.1, help="Of the GPU that will train, if it is not here.")
    ] = None,
    tflops: Annotated[
        float | None,
        typer.Option(min=0.001, help="What that GPU reaches at bfloat16 products of matrices."),
    ] = None,
    force: Annotated[
        bool, typer.Option("--force", help="Replace settings that are there.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print what was found as JSON.")] = False,
) -> None:
    """Write the settings to train GistNet and LensNet for another base; say what it takes.

    Reads config.json and tokenizer.json; no weights are needed.
    """
    from megacontext.models.training.porting.fit import (
        examine,
        find_base,
        other_device,
        short_name,
        this_device,
    )
    from megacontext.models.training.porting.told import (
        as_data,
        gistnet_settings,
        lensnet_settings,
        told,
        write_settings,
    )

    if (memory_gb is None) != (tflops is None):
        raise SettingsError("--memory-gb and --tflops tell of one GPU; give both or neither")
    found = find_base(base)
    called = short_name(name or found.name)
    runs = {kind: f"{kind}_{called}" for kind in ("gistnet", "lensnet")}
    for run in runs.values():
        if (out / f"{run}.yaml").exists() and not force:
            raise SettingsError(
                f"{out / run}.yaml is there; give --name, or replace it with --force"
            )
    device = (
        this_device() if memory_gb is None or tflops is None else other_device(memory_gb, tflops)
    )
    fit = examine(found, corpus, data, device)
    wanted = int(tokens * 1e6)
    texts = {
        runs["gistnet"]: gistnet_settings(fit, runs["gistnet"], wanted),
        runs["lensnet"]: lensnet_settings(fit, runs["lensnet"], f"lens_{called}"),
    }
    written = [write_settings(out, text, run) for run, text in texts.items()]
    if as_json:
        print_json({**as_data(fit, wanted), "written": [str(path) for path in written]})
        return
    say("\n".join(told(fit, wanted)))
    say("written: " + ", ".join(str(path) for path in written))
