"""Fitted estimators as files: those that autoarch loads again, and ONNX graphs for other runtimes."""
