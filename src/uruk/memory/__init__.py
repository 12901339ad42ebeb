"""Memory for linked code: slabs divided into zones, one a protection, and the mappers that reach them."""
