"""The words everyone shares: metrics, quantities, results and the frame."""
