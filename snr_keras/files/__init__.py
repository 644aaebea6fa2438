"""Files: only regular files of a known form are read, and written files are complete or absent."""
