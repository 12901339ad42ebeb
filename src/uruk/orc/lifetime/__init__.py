"""What happens to linked code: initialisers, dlopen, forks, removal, the end of the session."""
