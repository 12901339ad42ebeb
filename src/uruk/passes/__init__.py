"""The link, one pass a file; `uruk.link` calls them in order. Passes work on whole columns of a `State`."""
