"""The rules of tools/lint."""
