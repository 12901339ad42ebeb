"""COFF objects: Windows's own, of Microsoft's kind and MinGW's."""
