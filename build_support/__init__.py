"""Parts that building the wheel needs and running uruk does not."""
