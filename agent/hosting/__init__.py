"""Repositories kept open for front ends that stay: fresh, shared between processes, with unsaved buffers."""
