"""The faces whose verbs block: each module is made of the one in ``p2plab.api.aio`` by ``p2plab/api/generate.py``."""
