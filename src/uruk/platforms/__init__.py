"""Platforms, one an object format: initialisers, unwind registration, the runtime; the controller's side of them."""
