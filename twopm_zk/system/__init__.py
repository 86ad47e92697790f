"""Paths, programs, files, JSON and binary containers."""
