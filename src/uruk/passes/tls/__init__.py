"""Thread-local storage of ELF: what modules need, what is refused, and the words through which code finds it."""
