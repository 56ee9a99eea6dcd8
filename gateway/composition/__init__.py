"""The parts of the composition that know the registry line; `gateway.app` puts them together with the rest."""
