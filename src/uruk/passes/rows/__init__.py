"""The passes of a link of one small object, over rows of plain numbers; see `uruk.row_link`."""
