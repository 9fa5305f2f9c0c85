"""Where a repository keeps its memory: every path in one place. Reads and writes nothing but the folder itself."""

from dataclasses import dataclass
from pathlib import Path

from megacontext.configs.errors import RepositoryError, StoreError

STATE_FOLDER = ".megacontext"


@dataclass(frozen=True)
class Places:
    """The paths of one repository, or of another source."""

    root: Path
    """Absolute, symlinks resolved."""
    folder: str = STATE_FOLDER
    """Name of the folder in it that memory is kept in."""

    @property
    def state(self) -> Path:
        """The folder of everything MegaContext writes; it ignores itself."""
        return self.root / self.folder

    @property
    def catalogue(self) -> Path:
        """The SQLite database of facts."""
        return self.state / "catalogue.db"

    @property
    def trees(self) -> Path:
        """One folder a base model and encoder."""
        return self.state / "trees"

    @property
    def lock(self) -> Path:
        """Held by the one writer."""
        return self.state / "writer.lock"

    @property
    def config(self) -> Path:
        """The repository's own settings."""
        return self.state / "config.yaml"

    def make_state_folder(self) -> None:
        """Create the state folder with a .gitignore that hides it from git.

        Raises StoreError when the repository cannot be written, or when its state folder is a symbolic link or holds
        one: whoever wrote the repository would choose where we write.
        """
        try:
            inside = self.state.iterdir() if self.state.is_dir() else ()
            for path in (self.state, *inside):
                if path.is_symlink():
                    raise StoreError(
                        f"{path} is a symbolic link, and memory is written into no other place; delete the link"
                    )
            self.trees.mkdir(parents=True, exist_ok=True)
            ignore = self.state / ".gitignore"
            if not ignore.exists():
                ignore.write_text("# made by megacontext\n*\n", encoding="utf-8")
        except OSError as exc:
            raise StoreError(
                f"cannot write {self.state}: {exc.strerror}; make the folder writable"
            ) from exc


def find_places(start: Path) -> Places:
    """The repository that encloses `start`: the nearest folder with .megacontext or .git, else `start` itself.

    Raises RepositoryError when `start` is no readable folder, or is a bare git repository.
    """
    try:
        start = start.expanduser().resolve(strict=True)
    except (OSError, RuntimeError) as exc:
        raise RepositoryError(
            f"{start} cannot be opened: {getattr(exc, 'strerror', None) or exc}"
        ) from exc
    if not start.is_dir():
        raise RepositoryError(f"{start} is a file: give the folder of a repository")
    if (start / "HEAD").is_file() and (start / "objects").is_dir() and (start / "refs").is_dir():
        raise RepositoryError(
            f"{start} is a bare git repository, without files: clone it and give the clone"
        )
    for folder in (start, *start.parents):
        if (folder / STATE_FOLDER).is_dir() or (folder / ".git").exists():
            return Places(folder)
    return Places(start)
