"""The session: names to definitions, definitions to linked code on request, and its removal."""
