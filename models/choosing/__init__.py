"""Which base model to run on this machine: presets, what the machine holds, what is on disk."""
