"""HTTP on the loopback and to servers outside, for what a real node serves and asks: h11 on trio."""
