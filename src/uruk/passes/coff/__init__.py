"""What COFF asks of a link: where images and sections begin, slots of imports, the order of `$` names."""
