"""`megacontext acp`: the agent for editors that host agents, over the Agent Client Protocol."""

from megacontext.configs.errors import MegaContextError

from .options import Codec, Model, overrides


def acp(model: Model = None, codec: Codec = None) -> None:
    """Serve the agent to an editor, on standard input and output (Agent Client Protocol)."""
    try:
        import acp as _  # noqa: F401
    except ImportError as exc:
        raise MegaContextError(
            "this needs the `agent-client-protocol` package; run: pip install 'megacontext[acp]'"
        ) from exc
    from ..acp.serving import serve

    serve(overrides(model__name=model, focus__codec=codec))
