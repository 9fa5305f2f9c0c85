"""Left-out rules from settings."""

from pathspec import GitIgnoreSpec

from megacontext.configs.errors import SettingsError
from megacontext.configs.settings import MemorySettings
from megacontext.memory.left_out import LeftOutRules


def left_out_rules(memory: MemorySettings) -> LeftOutRules:
    """The rules that the settings ask for; raises SettingsError for a pattern that is none."""
    patterns = memory.exclude_patterns
    try:
        exclude = GitIgnoreSpec.from_lines(patterns) if patterns else None
    except ValueError as exc:
        raise SettingsError(
            f"memory.exclude_patterns holds a pattern that git would not read: {exc}"
        ) from exc
    return LeftOutRules(memory.max_file_bytes, memory.secrets, exclude, memory.max_data_bytes)
