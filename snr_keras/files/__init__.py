"""Files: what is read is a regular file of a known form, what is written is whole or not there."""
