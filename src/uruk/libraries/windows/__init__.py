"""Windows's libraries as MinGW keeps them: import libraries, archives and DLLs."""
