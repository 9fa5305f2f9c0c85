"""The protocol as pygls has it, but strict where a client is wrong and with documents of our own.

pygls splits lines as Python does and answers a request that it cannot read with nothing; see `documents.py`.
"""

import json
from concurrent.futures import Future
from typing import TYPE_CHECKING, Any

from lsprotocol import types
from pygls.exceptions import (
    JsonRpcException,
    JsonRpcInvalidParams,
    JsonRpcInvalidRequest,
    JsonRpcParseError,
)
from pygls.protocol import LanguageServerProtocol, lsp_method

from megacontext.configs.errors import MegaContextError

if TYPE_CHECKING:
    from .server import Server

NOT_YET = "the server is not initialized"
NO_MORE = "the server is shutting down"
NAMED = {
    types.CANCEL_REQUEST: "id",
    types.PROGRESS: "token",
    types.WINDOW_WORK_DONE_PROGRESS_CANCEL: "token",
}
"""Notifications about something by its name, and the parameter that is the name."""


class Protocol(LanguageServerProtocol):
    """Messages in, calls of handlers out."""

    _server: "Server"

    # Messages

    def take(self, body: bytes) -> None:
        """Handle one message; whatever is wrong with it ends in an answer, or in nothing for a notification."""
        try:
            data = json.loads(body)
        except (ValueError, RecursionError):
            self._refuse(None, JsonRpcParseError.of(ValueError("no JSON")))
            return
        if not isinstance(data, dict):
            self._refuse(None, JsonRpcInvalidRequest.of(ValueError("no object")))
            return
        asked = data.get("id")
        try:
            self._check(data)
            message = self.structure_message(data)
        except JsonRpcException as exc:
            is_notification = "method" in data and asked is None
            if not is_notification:
                self._refuse(asked if isinstance(asked, str | int) else None, exc)
            return
        try:
            self.handle_message(message)
        except Exception as exc:  # noqa: BLE001  whatever a client sends, the next message is heard
            self._server.report_server_error(exc, JsonRpcException)

    def _refuse(self, asked: str | int | None, exc: JsonRpcException) -> None:
        error = {"code": exc.code, "message": exc.message}
        # The converter of lsprotocol leaves out an id that is null, which the answer must have.
        self._send_data({"jsonrpc": self.VERSION, "id": asked, "error": error})

    def _check(self, data: dict[str, Any]) -> None:
        method = data.get("method")
        if data.get("jsonrpc") != self.VERSION:
            raise JsonRpcInvalidRequest.of(ValueError(f"jsonrpc is not {self.VERSION}"))
        if not isinstance(data.get("id"), str | int | None):
            raise JsonRpcInvalidRequest.of(ValueError("the id is neither text nor a whole number"))
        if method is None and data.get("id") is not None:
            return  # an answer to us
        if not isinstance(method, str):
            raise JsonRpcInvalidRequest.of(ValueError("no method"))
        if method == types.EXIT:
            return
        if method in NAMED and not _is_name(data.get("params"), NAMED[method]):
            raise JsonRpcInvalidParams(f"{method}: {NAMED[method]} is no name")
        if self._shutdown:
            raise JsonRpcInvalidRequest(NO_MORE)
        if (self._workspace is None) != (method == types.INITIALIZE):
            if method == types.INITIALIZE:
                raise JsonRpcInvalidRequest("the server is initialized already")
            raise JsonRpcException(NOT_YET, code=types.ErrorCodes.ServerNotInitialized)
        if method != types.CANCEL_REQUEST:
            self._get_handler(method)  # before its parameters are looked at

    def structure_message(self, data: dict[str, Any]) -> Any:
        """The typed message; raises JsonRpcInvalidParams with what is wrong."""
        try:
            return super().structure_message(data)
        except JsonRpcException as exc:
            raise JsonRpcInvalidParams(f"{data.get('method')}: no such parameters") from exc

    def _send_handler_result(self, future: "Future[Any]", *, msg_id: Any) -> None:
        """Send what a handler gave; an error that has a sentence for people is sent as that."""
        if not future.cancelled() and isinstance(exc := future.exception(), MegaContextError):
            self._request_futures.pop(msg_id, None)
            error = types.ResponseError(types.LSPErrorCodes.RequestFailed, str(exc))
            self._send_response(msg_id, error=error)
            return
        super()._send_handler_result(future, msg_id=msg_id)

    # What pygls does by itself

    @lsp_method(types.TEXT_DOCUMENT_DID_OPEN)
    def lsp_text_document__did_open(self, params: types.DidOpenTextDocumentParams) -> None:
        """A document is open."""
        self._server.did_open(params.text_document)

    @lsp_method(types.TEXT_DOCUMENT_DID_CHANGE)
    def lsp_text_document__did_change(self, params: types.DidChangeTextDocumentParams) -> None:
        """Somebody types."""
        self._server.did_change(params)

    @lsp_method(types.TEXT_DOCUMENT_DID_CLOSE)
    def lsp_text_document__did_close(self, params: types.DidCloseTextDocumentParams) -> None:
        """A document is closed."""
        self._server.did_close(params.text_document.uri)

    @lsp_method(types.EXIT)
    def lsp_exit(self, *_: Any) -> None:  # type: ignore[override]
        """Leave: in order after `shutdown`, otherwise with a fault."""
        self._server.leave(0 if self._shutdown else 1)


def _is_name(params: Any, key: str) -> bool:
    """Whether a parameter can be the name of something; pygls takes any value for one, and stumbles."""
    return isinstance(params, dict) and isinstance(params.get(key), str | int)
