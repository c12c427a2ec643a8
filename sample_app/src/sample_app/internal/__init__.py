"""Routes for the stack itself: every promise to users excludes them."""
