"""multistream-select, and the versions of protocols."""
