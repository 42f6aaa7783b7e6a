"""What users ask of a node, by subject: the bases of ``Host``, over what ``HostBasis`` has."""
