__thread int archive_depth = 40; /* nothing but a library wants it */
