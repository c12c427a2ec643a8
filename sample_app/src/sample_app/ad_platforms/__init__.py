"""Meta, Google and TikTok, as far as a development machine is concerned: they take orders, and fail when told to."""
