"""Libraries of a host: where `-l` looks, what the dynamic loader knows, linker scripts, hints for undefined names."""
