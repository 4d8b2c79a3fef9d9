"""What is known of a visitor: the catalogue, the profile (a fold) and the stores that keep it.

From outside import `variables.catalogue`, `variables.profile`, `variables.store` (the protocol) and one of its
two homes, `variables.memory_store` or `variables.redis_store`; `variables.embedded` starts the latter's server.
"""
