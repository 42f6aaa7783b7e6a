"""The faces whose verbs are awaited: what is declared here once, ``p2plab.api.blocking`` has too, made of it."""
