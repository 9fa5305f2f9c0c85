"""Where names are defined and used, in files as a person sees them: unsaved text before what is on disk."""
