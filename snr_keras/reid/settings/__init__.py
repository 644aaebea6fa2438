"""What a user may choose, and its values. Nothing here imports a framework, so that the command starts at once."""
