"""Extension modules of Python from objects and sources, which other tools build into shared libraries first."""
