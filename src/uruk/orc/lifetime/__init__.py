"""The life of linked code: initialisers, dlopen, forks, removal, the end of the session."""
