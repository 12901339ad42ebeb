"""Replacing code while it runs: stubs before an object's functions, its variables kept, old code given back."""
