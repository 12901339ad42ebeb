"""Linux with the GNU C library: its loader, unwinders, thread-local storage and runtime; the controller's side."""
