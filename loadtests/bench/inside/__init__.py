"""What runs inside the bench's container, on the image's own Python and packages."""
