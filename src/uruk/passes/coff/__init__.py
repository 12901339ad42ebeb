"""The demands of COFF on a link: where images and sections begin, slots of imports, the order of `$` names."""
