"""The demands of ELF on a link: `.eh_frame`, symbols that GNU ld defines, arrays of functions."""
