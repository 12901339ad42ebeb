"""The services of Windows's processes for linked code: executors, unwind data, thread-locals and libraries."""
