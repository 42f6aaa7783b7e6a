"""The publish-subscribe of a real node: whose router it runs, and p2plab's own over real streams."""
