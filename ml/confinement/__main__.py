"""`python -m ml.confinement`: what of it holds on this host, as JSON."""

from ml.confinement.trial import main

main()
