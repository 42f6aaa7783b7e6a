"""What moves a mock lab: the one driver, its tasks and loops, and the pace that play keeps."""
