"""One file for each annotation format; each has `read(folder, ...) -> Dataset`."""
