"""The conformance kit: it checks any SNR implementation, in any framework, against the specification."""
