"""Platforms, one a system: initialisers, unwind registration, the runtime; the controller's side of them."""
