"""Types of C as cffi reads them: declarations and prototypes, the reader with bounds, and cffi's values."""
