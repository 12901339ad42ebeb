"""Executors, the places where linked code runs: this process, and others."""
