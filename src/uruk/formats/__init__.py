"""File formats: bytes to columns. No fixup arithmetic here; relocation numbers become edge kinds by table lookup."""
