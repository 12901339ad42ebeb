"""Where linked code runs. In this process for now; the interface is what the session needs of any place."""
