"""The settings that a user may choose. Nothing here imports a framework, so the command starts at once."""
