"""Programs of Linux: their processes, what they begin with, and what their libraries see of them."""
