"""Where runs are kept: the contract (`base`), files, and memory."""
