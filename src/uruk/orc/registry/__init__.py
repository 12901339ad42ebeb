"""What a session holds: names, entries, trackers, dylibs and their order; and how definitions come in."""
