"""Instruction sets: edge kinds, GOT, PLT and stub bytes, relaxations. Knows no file format."""
