"""The records of a session: names, entries, trackers, dylibs and their order; and how definitions come in."""
