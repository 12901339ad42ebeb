"""What ELF asks of a link: `.eh_frame`, symbols that GNU ld defines, arrays of functions."""
