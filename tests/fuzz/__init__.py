"""Damaged, hostile and unwritable files, given to the commands of `snr`; see `__main__`."""
