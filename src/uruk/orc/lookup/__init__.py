"""From names to addresses: finding what a lookup needs, having it made, linking it as one batch."""
