"""Every error that MegaContext raises on purpose.

The message of each is one sentence or two for a person: what is wrong, where, and how to mend it.
They are caught only at the edges (command line, editor handler, widget).

    MegaContextError
    ├── SettingsError           a wrong key or value in a settings file, the environment or a flag
    ├── RepositoryError         a path that is no repository, or cannot be read
    ├── StoreError              the index on disk cannot be read or written
    │   ├── StoreBusyError      another process is the writer
    │   ├── StoreFullError      the disk is full; what was committed is intact
    │   ├── StoreDamagedError   bytes on disk are not those that were written; they can be made again from the text
    │   └── StoreVersionError   the index was written by a newer MegaContext
    ├── PackError               a knowledge pack cannot be built, found or mounted
    │   └── PackRefusedError    a pack that is damaged, forged, or not what it says it is
    ├── VersionError            a snapshot, line or shared memory that is not there, or cannot be brought together
    ├── FocusError              no legal cut: the budget is too small, or a position is not in the tree
    ├── SessionError            a saved conversation that is not there, or cannot be read
    ├── ToolError               a tool's call that cannot be made; its message is for the model
    ├── UndoError               an edit that cannot be undone or done again
    ├── SandboxError            a program cannot be run with the protection that is asked for
    └── ModelError              a model cannot be loaded or asked
        ├── ModelFilesError     missing, mismatched or unsafe files in a model folder
        ├── ModelChoiceError    no model of that name, or none that this machine can hold
        ├── RemoteModelError    the server refused, broke off or answered nonsense
        └── TrainingError       data or checkpoints that do not fit the run
"""


class MegaContextError(Exception):
    """Root of all deliberate errors."""


class SettingsError(MegaContextError):
    """A wrong key or value; names it, where it was read, and what is allowed."""


class RepositoryError(MegaContextError):
    """A path that is no repository, or cannot be read."""


class StoreError(MegaContextError):
    """The index on disk cannot be read or written."""


class StoreBusyError(StoreError):
    """Another process holds the writer lock; the message says which."""


class StoreFullError(StoreError):
    """The disk is full. What was committed before is intact."""


class StoreDamagedError(StoreError):
    """Bytes on disk are not those that were written. They can be made again from the text."""


class StoreVersionError(StoreError):
    """The index was written by a newer MegaContext."""


class PackError(MegaContextError):
    """A knowledge pack cannot be built, found or mounted."""


class PackRefusedError(PackError):
    """A pack that is damaged, forged, or not what it says it is; nothing of it was taken in."""


class VersionError(MegaContextError):
    """A snapshot, line or shared memory that is not there, is refused, or cannot be brought together."""


class FocusError(MegaContextError):
    """No legal cut: the budget is too small, or a position is not in the tree."""


class SessionError(MegaContextError):
    """A saved conversation that is not there, or cannot be read."""


class ToolError(MegaContextError):
    """A tool's call that cannot be made; the message is for the model, which may try again."""


class UndoError(MegaContextError):
    """An edit that cannot be undone or done again; the message says what is in the way."""


class SandboxError(MegaContextError):
    """A program cannot be run with the protection that is asked for."""


class ModelError(MegaContextError):
    """A model cannot be loaded or asked."""


class ModelFilesError(ModelError):
    """Missing, mismatched or unsafe files in a model folder."""


class ModelChoiceError(ModelError):
    """No model of that name, or none that this machine can hold."""


class RemoteModelError(ModelError):
    """The server refused, broke off or answered nonsense."""


class TrainingError(ModelError):
    """Data or checkpoints that do not fit the run."""
