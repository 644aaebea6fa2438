"""Every framework that the project speaks of, held against the specification by the conformance kit."""
