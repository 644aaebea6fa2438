"""The conformance kit: anyone's SNR, in any framework, held against the specification number for number."""
