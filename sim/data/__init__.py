"""Where numbers come from: tables and arrays, bundled or the user's own, read and scaled."""
