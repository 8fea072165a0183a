//! The HTTP edge of the route families.
