"""File formats: readers that make columns of bytes.

No fixup arithmetic stands here: a relocation number becomes an edge kind by a table lookup.
"""
