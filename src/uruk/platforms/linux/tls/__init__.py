"""Thread-local storage of linked code on Linux: what the GNU C library's loader gives, and what libraries see."""
