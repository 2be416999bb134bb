"""What a handler is given: `ctx`, what it may know, what it may wait for, and whom it may ask."""
