"""Linux's libraries: their names and places, the dynamic loader's cache, and hints for undefined names."""
